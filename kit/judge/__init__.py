"""How to read the numbers: studies of verified runs, scores, comparisons, recommendations, claims."""
