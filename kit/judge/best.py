"""The best figure of a run: one number, its entry and its users, for a place with room for one. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kit.documents.study import Study
from kit.errors import InputError, NoResultError
from kit.judge.advice import leaders, level_text, users_text
from kit.judge.compare.quantity import judged_quantity
from kit.metrics.registry import Metric


@dataclass(frozen=True, slots=True)
class BestFigure:
    """The best median of a metric, of an entry at so many users; `place` says at what, in words.

    Of several kinds of request it says which, of arrivals at a rate that rate.
    """

    metric: Metric
    entry: str
    users: int
    value: float
    place: str


def best_figure(study: Study, path: str, users: int | None = None) -> BestFigure:
    """The best figure among the leaders at each concurrency, or at `users` alone.

    `InputError` for a metric by which nothing can win, or users that were not measured; `NoResultError` if no
    figure counts.
    """
    what = judged_quantity(path)
    found = leaders(study, path)
    if users is not None:
        levels = list(dict.fromkeys(each.concurrency for each in found))
        if users not in levels:
            raise InputError(
                f"Nothing was measured at {users_text(users)}.",
                f"There is: {', '.join(map(str, levels))}.",
            )
        found = tuple(each for each in found if each.concurrency == users)
    figures = [
        BestFigure(what, each.entry, each.concurrency, each.value.median, level_text(each))
        for each in found
        if each.entry is not None and each.value is not None and each.value.median is not None
    ]
    if not figures:
        raise NoResultError(f"No {what.name} counts in this run.", "`kit table` shows why.")
    best = max if what.better == "higher" else min
    return best(figures, key=lambda each: each.value)
