"""What the answers of a witness say of a server: pairs of answers, exact tests on counts, a verdict. Pure."""
