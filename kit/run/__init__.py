"""The stories that commands tell: a cell, a run, a load, a sweep, a calibration."""
