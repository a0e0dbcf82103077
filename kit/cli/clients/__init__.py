"""Commands of loads by several clients."""
