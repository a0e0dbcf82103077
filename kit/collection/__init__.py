"""A folder of results: where each bundle lies, its index, and how a bundle comes in (docs/receiving.md)."""
