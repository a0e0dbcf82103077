"""What `python -m benchmarks.intervals` simulates: noise of replicates, ways to compare them, whole tables."""
