"""Several clients that carry out one load together."""
