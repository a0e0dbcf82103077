"""The recommendation that a run ends with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kit.documents import Plan, SearchRule, Slo


def recommendation(run: Path, plan: Plan, slo: Slo | None) -> tuple[str, ...]:
    """Which entry for the most users: of all that were measured, or of those within the limits, if there are any.

    Of a search: how many users each entry carries. Nothing of a run that verification refuses: that was told with
    the judgement.
    """
    from kit.cli._shared.opening import open_study
    from kit.errors import NoResultError
    from kit.judge.compare.by_machine import advice_lines, advised
    from kit.judge.open import RefusedError

    lines: tuple[str, ...] = ()
    try:
        if plan.search is not None:
            return _most_users(run, plan.search)
        study = open_study(run, slo).study
        for level in sorted(plan.workload.concurrencies, reverse=True):
            found = advised([study], level, slo)
            lines = advice_lines(found)
            made = found[0].recommendation
            if slo is None or (made is not None and made.leader.entry is not None):
                break
    except (RefusedError, NoResultError):
        return lines
    return lines


def _most_users(run: Path, rule: SearchRule) -> tuple[str, ...]:
    """As `kit recommend RUN --slo LIMITS` says it, by the limits and the share of the search."""
    from kit.cli._shared.opening import open_study
    from kit.judge.users import users_of
    from kit.report.users_text import users_lines

    study = open_study(run, rule.slo).study
    return users_lines(users_of(study, rule.slo, rule.share_milli / 1000, searched=True))
