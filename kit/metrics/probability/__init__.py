"""Distributions and exact tests, with the same digits on every machine."""
