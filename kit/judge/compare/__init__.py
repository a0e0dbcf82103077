"""Two studies held against each other, and one against what others published. Pure."""

from __future__ import annotations

from kit.judge.compare.against import against_published
from kit.judge.compare.comparison import Comparison, Line, Side
from kit.judge.compare.studies import compare_studies

__all__ = ["Comparison", "Line", "Side", "against_published", "compare_studies"]
