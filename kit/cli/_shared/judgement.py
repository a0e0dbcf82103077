"""What a run ends with beside its tables: who leads, the scorecard, and what others published of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.documents import Finding
from kit.documents.study import Study

if TYPE_CHECKING:
    from kit.judge.open import OpenedStudy

MAX_FLAGS = 3


def judgement(study: Study) -> str:
    """Who leads at each number of users and who answers first, the scorecard by kit-2, and the comparison with
    published figures if the platform names some; without a line feed at its end.
    """
    from kit.catalogue.published import published
    from kit.judge.advice import leader_sentence, verdict_of
    from kit.judge.compare import against_published
    from kit.judge.compare.text import comparison_text
    from kit.judge.score import load_contract, scorecard
    from kit.judge.score.loading import OURS
    from kit.judge.score.text import scorecard_text

    contract = load_contract(OURS)
    parts = ["Verdict\n\n" + "\n".join(f"- {leader_sentence(leader)}" for leader in verdict_of(study))]
    parts.append(scorecard_text(scorecard([study], contract), contract))
    if study.published is not None and len(study.shapes) < 2:
        beside = against_published(study, published(study.published))
        parts += ["Compared with published figures", comparison_text(beside, markdown=False)]
    return "\n\n".join(parts)


def flag_lines(flags: Sequence[Finding]) -> list[str]:
    """What needs review, the first few in words."""
    shown = [f"Flag {flag.rule}, {flag.where}: {flag.message}" for flag in flags[:MAX_FLAGS]]
    more = len(flags) - len(shown)
    return [*shown, f"and {more} more flags: kit verify"] if more else shown


def show_judgement(folder: Path) -> None:
    """Print the judgement of a run that has just ended; one that verification refuses is told, and not judged."""
    from kit.cli import show_error
    from kit.cli._shared.opening import open_study
    from kit.judge.open import RefusedError

    try:
        found = open_study(folder)
    except RefusedError as refused:
        show_error(refused)
        return
    show_opened(found)


def show_opened(found: OpenedStudy) -> None:
    """Print the judgement of what verification opened."""
    click.echo(judgement(found.study))
    click.echo(f"\nVerified: {found.study.label}.")
    for line in flag_lines(found.flags):
        click.echo(line)
