"""Evaluations: servers are asked tasks, and when they are gone, the programs in their answers run in a sandbox."""
