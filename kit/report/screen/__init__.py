"""The last screen of a run or a load: what it says as a value, and that value as lines that fit."""
