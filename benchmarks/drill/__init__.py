"""A scripted liar: forged bundles made of an honest one with the kit's own code, and which rules find them.

`python -m benchmarks.drill` prints the table of docs/trust.md, with `--rates` that of docs/rules.md. The liar is
careful: whatever follows from what he changed (digests, numbers, tables, clocks, counters) is made to fit again.
"""
