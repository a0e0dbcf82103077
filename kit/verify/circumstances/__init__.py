"""Rules about the circumstances of a run: how its loads ended, whose plan it is, what could change a server."""
