"""Commands that need no platform file: they make one."""
