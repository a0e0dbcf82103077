"""Many bundles: found, split over machines, judged on all cores, and said in one document.

docs/verifying-at-scale.md has the commands. `gathering` finds bundles, `sharding` splits and merges, `judging`
judges, `documents` and `statement` say what came out.
"""
