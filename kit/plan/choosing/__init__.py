"""What `kit run` and `kit init` choose where nobody says otherwise."""
