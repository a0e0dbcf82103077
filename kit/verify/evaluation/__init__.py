"""Evaluations: read from a bundle, and the rules about them."""
