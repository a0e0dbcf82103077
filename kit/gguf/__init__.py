"""What a GGUF file says of itself, read from its beginning alone, and how much memory such a model takes. Pure."""
