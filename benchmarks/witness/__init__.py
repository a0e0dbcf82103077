"""How far honest servers differ from themselves and from a reference, and how often the witness errs."""
