"""kit compare: two runs, or a run and what somebody published, against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import METRICS_HELP, json_option, levels_option, metric_option
from kit.cli._shared.percent import Percent
from kit.cli._shared.printing import show_json
from kit.cli._shared.words import completing
from kit.errors import InputError

if TYPE_CHECKING:
    from kit.documents.study import Study
    from kit.judge.compare import Comparison

PUBLISHED = "published"
LEAST_WITHIN_PERCENT = 1


@click.command("compare", epilog=METRICS_HELP)
@click.argument("a", metavar="A", shell_complete=completing.runs)
@click.argument("b", metavar="[B]", required=False, shell_complete=completing.runs)
@click.option(
    "--against",
    metavar="published[:NAME]",
    shell_complete=completing.published,
    help="Published figures; default those of the platform.",
)
@click.option("--entry", "entries", multiple=True, metavar="A_NAME=B_NAME", help="Entries to pair; repeatable.")
@metric_option("E.g. ttft_ms.p50, see below; repeatable. Default throughput, decode, TTFT p50, ITL p50.")
@levels_option("Only these numbers of users.")
@click.option("--tolerance", type=Percent(), help="With --against: allowed deviation. Default 10%.")
@click.option("--within", type=Percent(), help="How much A and B may differ and still be tied. Default 5%.")
@click.option(
    "--format", "form", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True
)
@click.option("--markdown", is_flag=True, hidden=True)  # what --format markdown was called before
@json_option
def command(
    a: str,
    b: str | None,
    against: str | None,
    entries: tuple[str, ...],
    metrics: tuple[str, ...],
    concurrency: tuple[int, ...] | None,
    tolerance: float | None,
    within: float | None,
    form: str,
    markdown: bool,
    as_json: bool,
) -> None:
    """Compare A with B, cell by cell: the ratio A / B with its interval and a verdict, or why there is none.

    A and B are runs, bundles or imported results; RUN:ENTRY selects one entry, so A and B may be two entries of
    one run. The verdict is about A: faster, slower, tied (they differ by less than --within) or undecided. With
    --against published, each published figure is reproduced, not reproduced or not comparable.

    Example: kit compare before.tar.gz after.tar.gz -c 1,8
    """
    from kit.judge.compare.text import comparison_text
    from kit.strict import plain, write_json

    as_markdown = markdown or form == "markdown"
    if as_markdown and (as_json or form == "json"):
        raise click.UsageError("Give either --json or --format markdown.")
    if against is not None:
        others = entries or metrics or concurrency is not None or within is not None
        _only(b is None and not others, "B, --entry, --metric, -c or --within")
        comparison = _published(a, against, tolerance)
    elif b is None:
        raise InputError(
            "B is missing.",
            "Give B; for two entries of one run RUN:ENTRY RUN:OTHER; or --against published.",
        )
    else:
        if tolerance is not None:
            raise InputError("--tolerance needs --against published.", "Leave it out: two runs have intervals.")
        comparison = _studies(a, b, entries, metrics, concurrency, within)
    if as_json or form == "json":
        show_json(write_json(plain(comparison)))
    else:
        click.echo(comparison_text(comparison, markdown=as_markdown), nl=False)


def _only(holds: bool, what: str) -> None:
    if not holds:
        raise InputError(f"--against excludes {what}.", "Published figures name their own entries and users.")


def _published(a: str, against: str, tolerance: float | None) -> Comparison:
    from kit.catalogue.published import all_published, published
    from kit.judge.compare import against_published
    from kit.judge.compare.against import TOLERANCE

    word, _, name = against.partition(":")
    if word != PUBLISHED:
        raise InputError(f"Unknown value for --against: {word!r}.", "Use --against published or published:NAME.")
    study = _opened(Path(a))
    chosen = name or study.published
    if chosen is None:
        known = ", ".join(each.name for each in all_published())
        raise InputError(f"No published figures for {study.name}.", f"Name some: --against published:{known}.")
    return against_published(study, published(chosen), TOLERANCE if tolerance is None else tolerance)


def _studies(
    a: str,
    b: str,
    entries: tuple[str, ...],
    metrics: tuple[str, ...],
    concurrency: tuple[int, ...] | None,
    within: float | None,
) -> Comparison:
    from kit.judge.compare import compare_studies
    from kit.judge.compare.studies import CHOSEN
    from kit.metrics.limits import EQUIVALENT_PERCENT

    (path_a, entry_a), (path_b, entry_b) = _place(a), _place(b)
    pairs = [_pair(text) for text in entries]
    named = (entry_a or entry_b, entry_b or entry_a)
    if named[0] is not None and named[1] is not None:
        pairs.append((named[0], named[1]))
    left = _opened(path_a)
    right = left if path_a == path_b else _opened(path_b)
    percent = EQUIVALENT_PERCENT if within is None else round(within * 100, 6)
    if percent < LEAST_WITHIN_PERCENT:
        raise InputError(f"--within {percent:g}% is less than two runs of one thing differ.", "Give 1% or more.")
    return compare_studies(left, right, pairs or None, metrics or CHOSEN, concurrency, percent)


def _place(text: str) -> tuple[Path, str | None]:
    """RUN or RUN:ENTRY; a path that exists as it stands is a run, whatever colons it has."""
    path, colon, entry = text.rpartition(":")
    if Path(text).exists() or not colon or not path:
        return Path(text), None
    return Path(path), entry


def _pair(text: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise InputError(f"--entry {text!r} is not a pair.", "Use --entry NAME_IN_A=NAME_IN_B.")
    return left, right


def _opened(path: Path) -> Study:
    from kit.cli._shared.opening import open_study

    return open_study(path).study
