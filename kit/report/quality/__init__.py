"""How right the answers of entries are, as text."""
