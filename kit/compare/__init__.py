"""Two studies held against each other, and one against what others published. Pure."""

from __future__ import annotations

from kit.compare.against import against_published
from kit.compare.comparison import Comparison, Line, Side
from kit.compare.studies import compare_studies

__all__ = ["Comparison", "Line", "Side", "against_published", "compare_studies"]
