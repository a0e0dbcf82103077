"""Two studies, cell by cell: how many times as much, with what certainty, or why that cannot be said. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kit import __version__
from kit.documents.study import Study, Subject
from kit.errors import InputError
from kit.judge.compare.comparison import Comparison, ComparisonOutcome, Line, side_of
from kit.judge.compare.quantity import judged_quantity
from kit.judge.compare.ratio import Ratio, always_equal, ratio_of, replicates_text
from kit.judge.compare.standing import differences, find, other_weights, remarks, why_left_out
from kit.judge.machines import facts_of_two
from kit.judge.study import entries_of, median_interval_of, values_of
from kit.metrics.limits import MIN_REPLICATES_FOR_INTERVAL
from kit.metrics.registry import DECODE, ITL_P50, THROUGHPUT, TTFT_P50, Metric
from kit.text import hint, plain_text

CHOSEN = (THROUGHPUT, DECODE, TTFT_P50, ITL_P50)  # where nobody says otherwise
SPEEDS = ("tok/s", "req/s", "ms", "us")


def compare_studies(
    a: Study,
    b: Study,
    pairs: Sequence[tuple[str, str]] | None = None,
    metrics: Sequence[str] = CHOSEN,
    concurrencies: Sequence[int] | None = None,
) -> Comparison:
    """Every figure of A against the same of B.

    `pairs` are (entry of A, entry of B), by default those of the same name; `concurrencies` limits the levels.
    `InputError` for an entry or a metric that does not exist, and for a study against itself without pairs.
    """
    quantities = [judged_quantity(metric) for metric in dict.fromkeys(metrics)]
    same = _is_same(a, b)
    if same and not pairs:
        raise InputError(
            "A and B are the same run.",
            f"Name two of its entries ({', '.join(map(plain_text, entries_of(a)))}) with --entry A=B.",
        )
    for left, right in pairs or ():
        _known(a, left, "A")
        _known(b, right, "B")
    chosen = pairs or _by_name(a, b)
    why_not = "; ".join(differences(a.conditions, b.conditions))
    lines = tuple(
        _line(a, b, pair, level, what, why_not)
        for what in quantities
        for pair in chosen
        for level in _levels(a, b, pair, concurrencies)
    )
    notes = remarks(a, b)
    two = "" if same else facts_of_two(a, b)
    return Comparison("kit/comparison/1", __version__, side_of(a), side_of(b), None, lines, notes, two)


def _is_same(a: Study, b: Study) -> bool:
    return a is b or (a.identity is not None and a.identity == b.identity)


def _known(study: Study, entry: str, side: str) -> None:
    names = entries_of(study)
    if entry not in names:
        raise InputError(
            f"{side} ({plain_text(study.name)}) has no entry {plain_text(entry)!r}.",
            hint(entry, names, f"It has {', '.join(map(plain_text, names))}."),
        )


def _by_name(a: Study, b: Study) -> list[tuple[str, str]]:
    """Each entry with that of its name; one that only one side has stands there too, and will say so."""
    return [(name, name) for name in dict.fromkeys(entries_of(a) + entries_of(b))]


def _levels(a: Study, b: Study, pair: tuple[str, str], wanted: Sequence[int] | None) -> list[int]:
    if wanted is not None:
        return list(wanted)
    measured = {each.concurrency for each in a.subjects if each.entry == pair[0]}
    return sorted(measured | {each.concurrency for each in b.subjects if each.entry == pair[1]})


def _line(a: Study, b: Study, pair: tuple[str, str], level: int, what: Metric, why_not: str) -> Line:
    x, y = find(a, pair[0], level), find(b, pair[1], level)
    weights = other_weights(x, y) if x and y else None
    # whoever planned a run put its entries side by side, whatever weights each of them needs
    caveat = weights if weights and _is_same(a, b) else ""
    reason = (
        _missing(a, pair[0], x, "A")
        or _missing(b, pair[1], y, "B")
        or why_not
        or (weights if not caveat else "")
        or _standing(x, "A", what)
        or _standing(y, "B", what)
    )
    ratio: Ratio | None = None
    verdict: ComparisonOutcome = "not comparable"
    if not reason and x and y:
        values_a, values_b = values_of(x, what.path), values_of(y, what.path)
        ratio = ratio_of(values_a, values_b)
        verdict, reason = outcome_of(ratio, values_a, values_b, what)
    return Line(
        table="",
        metric=what.path,
        entry_a=pair[0],
        row_b=pair[1],
        concurrency=level,
        a=median_interval_of(x, what.path) if x else None,
        b=median_interval_of(y, what.path) if y else None,
        ratio=ratio,
        verdict=verdict,
        reason=reason,
        caveat=caveat,
    )


def _missing(study: Study, entry: str, subject: Subject | None, side: str) -> str:
    if subject is not None:
        return ""
    if entry not in entries_of(study):
        return f"no such entry in {side}"
    return f"not measured in {side} at this concurrency"


def _standing(subject: Subject | None, side: str, what: Metric) -> str:
    reason = why_left_out(subject, what.path) if subject else None
    return f"{side}: {reason}" if reason else ""


def outcome_of(
    ratio: Ratio, a: Sequence[float], b: Sequence[float], what: Metric
) -> tuple[ComparisonOutcome, str]:
    """What A is, against B, and why that is undecided where it is."""
    if ratio.excludes_one and ratio.value is not None:
        more = ratio.value > 1
        good = more == (what.better == "higher")
        if what.unit in SPEEDS:
            return ("faster" if good else "slower"), ""
        return ("better" if good else "worse"), ""
    if ratio.includes_one or always_equal(a, b):
        return "tied", ""
    if min(len(a), len(b)) >= MIN_REPLICATES_FOR_INTERVAL:
        return "undecided", "a figure of B is 0, so there is no ratio"
    return "undecided", f"{replicates_text(ratio)}, so no interval"
