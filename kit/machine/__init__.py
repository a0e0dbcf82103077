"""The machine that this code runs on; also a program, `python -m kit.machine`, for an engine's machine."""
