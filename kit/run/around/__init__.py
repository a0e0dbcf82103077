"""What else runs on the machine while a run measures."""
