"""The figures, in the order in which they are measured."""
