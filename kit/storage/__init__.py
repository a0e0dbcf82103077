"""Runs and bundles as files: which file lies where, written and read strictly."""
