"""kit recommend: which runtime for so many users?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.percent import Percent
from kit.cli._shared.printing import show_json
from kit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.judge.compare.by_machine import MachineAdvice
    from kit.judge.open import OpenedStudy
    from kit.strict import Json

IMPORTED = "Imported figures are among these: without records nobody can verify them."


@click.command("recommend")
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="RUN|BUNDLE..."
)
@click.option("--users", required=True, type=click.IntRange(1, 1_000_000), help="Number of concurrent users.")
@click.option("--slo", metavar="LIMITS", help="Latency limits per request, e.g. ttft=300ms,tpot=50ms.")
@click.option("--share", type=Percent(), help="With --slo: requests that must meet the limits. Default 99%.")
@json_option
def command(runs: tuple[Path, ...], users: int, slo: str | None, share: float | None, as_json: bool) -> int:
    """Recommend a runtime for a number of users, in three lines: which, why, and how sure that is.

    Chosen is the runtime with the highest throughput among those that meet the limits in every replicate; tied are
    those that differ by less than 5 %. If that number of users was not measured, the next higher one is used.
    Several runs must be comparable; those of different machines are not pooled, each machine gets its own three
    lines. Exit code 1 if no runtime qualifies, 8 if that many users were not measured.

    Example: kit recommend smol.tar.gz --users 4 --slo ttft=300ms
    """
    from kit.cli._shared.opening import open_studies
    from kit.judge.compare.by_machine import advice_lines, advised
    from kit.judge.machines import by_machine
    from kit.judge.recommendation import SHARE
    from kit.metrics.goodput import parse_slo
    from kit.strict import write_json

    if share is not None and slo is None:
        raise InputError("--share needs --slo.", "Give the limits with --slo.")
    limits = parse_slo(slo) if slo is not None else None
    opened = open_studies(runs, limits)
    studies = [each.study for each in opened]
    for group in by_machine(studies):
        _same_settings([each for each in opened if each.study in group])
    found = advised(studies, users, limits, SHARE if share is None else share)
    lines = advice_lines(found)
    if any(study.origin == "imported" for study in studies):
        sure = "How sure"
        lines = tuple(f"{line} {IMPORTED}" if line.startswith(sure) else line for line in lines)
    if as_json:
        show_json(write_json(_document(found, lines)))
    else:
        click.echo("\n".join(lines))
    return int(any(each.recommendation is None or each.recommendation.leader.entry is None for each in found))


def _document(found: Sequence[MachineAdvice], lines: Sequence[str]) -> dict[str, Json]:
    """With several machines each has its own; what is said of one machine stands where it always stood."""
    from kit.strict import plain

    only = found[0].recommendation if len(found) == 1 else None
    document: dict[str, Json] = {"lines": list(lines), "recommendation": plain(only)}
    return document if len(found) == 1 else {**document, "machines": plain(found)}


def _same_settings(opened: Sequence[OpenedStudy]) -> None:
    """An entry that several runs of one machine have must be the same in each: `InputError` if not."""
    known: dict[str, object] = {}
    for entry in (entry for each in opened if each.plan for entry in each.plan.entries):
        if known.setdefault(entry.name, entry) != entry:
            raise InputError(
                f"{entry.name} has different settings in these runs, so they are not comparable.",
                "Give one run at a time.",
            )
