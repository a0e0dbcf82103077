"""Runtimes that are none of the kit's: a folder with a runtime.yaml, or a Python module that is installed."""
