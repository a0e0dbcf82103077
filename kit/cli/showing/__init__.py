"""Commands that show what is there: runs in a folder, a badge of one."""
