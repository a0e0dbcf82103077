"""The words of command lines: groups of commands, kinds of numbers, earlier names, what a shell completes."""
