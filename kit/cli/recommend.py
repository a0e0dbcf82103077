"""kit recommend: which runtime for so many users, and how many users does each carry?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option, users_option
from kit.cli._shared.percent import Percent
from kit.cli._shared.prices import given_prices, price_options
from kit.cli._shared.printing import show_document, show_json
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole
from kit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.documents import Slo
    from kit.documents.platform import Entry
    from kit.documents.study import Study
    from kit.judge.compare.by_machine import MachineAdvice
    from kit.judge.costs import Prices
    from kit.judge.open import OpenedStudy
    from kit.strict import Json

IMPORTED = "Imported figures are among these: without records nobody can verify them."


@click.command("recommend")
@click.argument(
    "runs",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="RUN|BUNDLE...",
    shell_complete=completing.runs,
)
@users_option(Whole(1, 1_000_000), "Number of concurrent users.")
@click.option(
    "--slo",
    metavar="LIMITS",
    shell_complete=completing.slo_limits,
    help="Limits per request on ttft, tpot, itl, e2e: ttft=300ms,tpot=50ms.",
)
@click.option(
    "--share",
    type=Percent(),
    help="With --slo: requests that must meet the limits. Default 99%; without --users 95%.",
)
@price_options
@json_option
def command(
    runs: tuple[Path, ...],
    users: int | None,
    slo: str | None,
    share: float | None,
    price_per_hour: float | None,
    price_per_kwh: float | None,
    as_json: bool,
) -> int:
    """Recommend a runtime for a number of users, or say how many users each runtime carries.

    With --users: three lines, which, why, and how sure that is. Chosen is the runtime with the highest throughput
    among those that meet the limits in every replicate; tied are those that differ by less than 5 %. If that
    number of users was not measured, the next higher one is used. With --slo alone: for each runtime the largest
    measured number of users within the limits and the first level beyond them, and the frontier of throughput,
    decode and TTFT (docs/how-many-users.md). Several runs must be comparable; those of different machines are not
    pooled, each machine gets its own answer. Exit code 1 if no runtime qualifies, 8 if that many users were not
    measured.

    Example: kit recommend smol.tar.gz --slo ttft=300ms,tpot=50ms
    """
    from kit.cli._shared.opening import open_studies
    from kit.judge.machines import by_machine
    from kit.metrics.goodput import parse_slo

    if share is not None and slo is None:
        raise InputError("--share needs --slo.", "Give the limits with --slo.")
    if users is None and slo is None:
        raise click.UsageError("Give --users N, the limits with --slo, or both.")
    limits = parse_slo(slo) if slo is not None else None
    opened = open_studies(runs, limits)
    studies = [each.study for each in opened]
    for group in by_machine(studies):
        _same_settings([each for each in opened if each.study in group])
    prices = given_prices(price_per_hour, price_per_kwh)
    if users is not None:
        return _for_users(studies, users, limits, share, prices, as_json=as_json)
    assert limits is not None
    return _how_many(opened, limits, share, prices, as_json=as_json)


def _for_users(
    studies: Sequence[Study],
    users: int,
    limits: Slo | None,
    share: float | None,
    prices: Prices | None,
    *,
    as_json: bool,
) -> int:
    from kit.judge.compare.by_machine import advice_lines, advised
    from kit.judge.recommendation import SHARE
    from kit.report.cost_text import cost_table

    found = advised(studies, users, limits, SHARE if share is None else share)
    lines = advice_lines(found)
    if any(study.origin == "imported" for study in studies):
        sure = "How sure"
        lines = tuple(f"{line} {IMPORTED}" if line.startswith(sure) else line for line in lines)
    if as_json:
        show_document("recommendation", {**_document(found, lines), **_costs(studies, prices)})
    else:
        click.echo("\n".join(lines))
        if prices is not None:
            click.echo("\n".join("\n" + cost_table(study, prices) for study in studies))
    return int(any(each.recommendation is None or each.recommendation.leader.entry is None for each in found))


def _costs(studies: Sequence[Study], prices: Prices | None) -> dict[str, Json]:
    """The costs of every level of every run, where prices were given."""
    from kit.judge.compare.standing import why_left_out
    from kit.judge.costs import cost_of_subject
    from kit.strict import plain

    if prices is None:
        return {}
    rows: list[Json] = [
        {
            "run": study.name,
            "entry": subject.entry,
            "users": subject.concurrency,
            **({"shape": subject.shape} if len(study.shapes) > 1 else {}),
            "cost": plain(cost_of_subject(prices, subject)),
        }
        for study in studies
        for subject in study.subjects
        if not why_left_out(subject)
    ]
    return {"prices": plain(prices), "costs": rows}


def _how_many(
    opened: Sequence[OpenedStudy], limits: Slo, share: float | None, prices: Prices | None, *, as_json: bool
) -> int:
    """How many users each runtime carries, on each machine, of each kind of request."""
    from kit import __version__
    from kit.judge.compare.merging import merged
    from kit.judge.machines import by_machine, machine_text
    from kit.judge.quality import gaps_text, study_gaps
    from kit.judge.users import Users, users_by_machine
    from kit.metrics.users import SHARE_MILLI
    from kit.report.users_text import machine_lines
    from kit.strict import plain, write_json

    wanted = SHARE_MILLI / 1000 if share is None else share
    studies = [each.study for each in opened]
    searched = [each.study for each in opened if each.plan and each.plan.search]
    found = users_by_machine(studies, searched, limits, wanted, prices)
    if as_json:
        show_json(write_json(plain(Users("kit/users/1", __version__, prices, found))))
    else:
        imported = [IMPORTED] if any(study.origin == "imported" for study in studies) else []
        groups = [merged(group) for group in by_machine(studies)]
        gaps = [(machine_text(study), gaps_text(study_gaps(study))) for study in groups]
        quality = [f"Quality{f' on {name}' if len(gaps) > 1 else ''}: {words}." for name, words in gaps if words]
        click.echo("\n".join((*machine_lines(found, prices), *(["", *quality] if quality else []), *imported)))
    return int(any(not each.found.best for each in found))


def _document(found: Sequence[MachineAdvice], lines: Sequence[str]) -> dict[str, Json]:
    """With several machines each has its own; what is said of one machine stands where it always stood."""
    from kit.strict import plain

    only = found[0].recommendation if len(found) == 1 else None
    document: dict[str, Json] = {"lines": list(lines), "recommendation": plain(only)}
    return document if len(found) == 1 else {**document, "machines": plain(found)}


def _same_settings(opened: Sequence[OpenedStudy]) -> None:
    """An entry that several runs of one machine have must be the same in each: `InputError` if not."""
    known: dict[str, Entry] = {}
    for entry in (entry for each in opened if each.plan for entry in each.plan.entries):
        first = known.setdefault(entry.name, entry)
        if first == entry:
            continue
        if entry.url is not None and first.url is not None:
            raise InputError(
                f"{entry.name} is {first.url} in one run and {entry.url} in another.",
                "Measure both in one run (kit run --url A --url B), or see both: kit compare RUN RUN.",
            )
        raise InputError(
            f"{entry.name} has different settings in these runs, so they are not comparable.",
            "Give one run at a time, or see both: kit compare RUN RUN.",
        )
