"""The recommendation that a run ends with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kit.documents import Slo


def recommendation(run: Path, levels: Sequence[int], slo: Slo | None) -> tuple[str, ...]:
    """Which entry for the most users: of all that were measured, or of those within the limits, if there are any.

    Nothing of a run that verification refuses: that was told with the judgement.
    """
    from kit.cli._shared.opening import open_study
    from kit.errors import NoResultError
    from kit.judge.compare.by_machine import advice_lines, advised
    from kit.judge.open import RefusedError

    lines: tuple[str, ...] = ()
    try:
        study = open_study(run, slo).study
        for level in sorted(levels, reverse=True):
            found = advised([study], level, slo)
            lines = advice_lines(found)
            made = found[0].recommendation
            if slo is None or (made is not None and made.leader.entry is not None):
                break
    except (RefusedError, NoResultError):
        return lines
    return lines
