"""Two studies, cell by cell: how many times as much, with what certainty, or why that cannot be said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kit import __version__
from kit.documents.study import Study, Subject
from kit.errors import InputError
from kit.judge.compare.choices import choice_remarks
from kit.judge.compare.comparison import Comparison, ComparisonOutcome, Line, side_of
from kit.judge.compare.quantity import judged_quantity
from kit.judge.compare.ratio import (
    more_text,
    no_interval_text,
    range_text,
)
from kit.judge.compare.standing import differences, find, other_weights, remarks, why_left_out
from kit.judge.compare.verdicts import Figures, Judged, judged
from kit.judge.machines import facts_of_two
from kit.judge.quality import pair_notes
from kit.judge.shapes import label_of, shapes_of
from kit.judge.study import entries_of, median_interval_of, values_of
from kit.metrics.limits import EQUIVALENT_PERCENT
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
    within_percent: float = EQUIVALENT_PERCENT,
) -> Comparison:
    """Every figure of A against the same of B; the verdicts on one metric together err in at most 5 %.

    `pairs` are (entry of A, entry of B), by default those of the same name; `concurrencies` limits the levels.
    Tied are those that differ by less than `within_percent`.
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
    lines = tuple(
        line
        for what in quantities
        for left_part, right_part in _shape_pairs(a, b)
        for line in _lines(left_part, right_part, chosen, concurrencies, what, within_percent)
    )
    notes = (*remarks(a, b), *choice_remarks(a, b, chosen), *pair_notes(a, b, chosen))
    two = "" if same else facts_of_two(a, b)
    sides = side_of(a), side_of(b)
    return Comparison("kit/comparison/1", __version__, *sides, None, lines, notes, two, within_percent)


def _shape_pairs(a: Study, b: Study) -> list[tuple[Study, Study]]:
    """The parts of A and of B that ask the same; what one alone has stands beside the whole other."""
    ours, theirs = ({label_of(part): part for part in shapes_of(each)} for each in (a, b))
    if len(ours) == len(theirs) == 1:
        return [(a, b)]
    names = dict.fromkeys((*ours, *theirs))
    return [(_part(ours, name), _part(theirs, name)) for name in names]


def _part(parts: Mapping[str, Study], name: str) -> Study:
    """The part of a shape; where there is none the only one that there is, or one without subjects."""
    if name in parts:
        return parts[name]
    only = next(iter(parts.values()))
    return only if len(parts) == 1 else replace(only, subjects=(), shapes=())


def _lines(
    a: Study,
    b: Study,
    pairs: Sequence[tuple[str, str]],
    concurrencies: Sequence[int] | None,
    what: Metric,
    within_percent: float,
) -> list[Line]:
    """The lines of one metric and one shape, whose verdicts err together."""
    why_not = "; ".join(differences(a.conditions, b.conditions))
    shapes = [label for each in (a, b) if (label := label_of(each))]
    places = [(pair, level) for pair in pairs for level in _levels(a, b, pair, concurrencies)]
    found = _judged([_line(a, b, pair, level, what, why_not) for pair, level in places], what, within_percent)
    return [replace(line, shape=shapes[0]) for line in found] if shapes else found


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


@dataclass(frozen=True, slots=True)
class _Open:
    """A line without its verdict, and the figures of both sides that decide it; None if it is not comparable."""

    line: Line
    figures: Figures | None


def _line(a: Study, b: Study, pair: tuple[str, str], level: int, what: Metric, why_not: str) -> _Open:
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
    line = Line(
        table="",
        metric=what.path,
        entry_a=pair[0],
        row_b=pair[1],
        concurrency=level,
        a=median_interval_of(x, what.path) if x else None,
        b=median_interval_of(y, what.path) if y else None,
        ratio=None,
        verdict="not comparable",
        reason=reason,
        caveat=caveat,
    )
    if reason or not x or not y:
        return _Open(line, None)
    return _Open(line, (values_of(x, what.path), values_of(y, what.path)))


def _judged(lines: Sequence[_Open], what: Metric, within_percent: float) -> list[Line]:
    """The lines of one metric with their verdicts."""
    found = iter(judged([[each.figures] for each in lines if each.figures is not None], None, within_percent))
    done = []
    for each in lines:
        line = each.line
        if each.figures is not None:
            (one,) = next(found)
            verdict, reason = outcome_of(one, each.figures, what, within_percent)
            line = replace(line, ratio=one.ratio, verdict=verdict, reason=reason)
        done.append(line)
    return done


def _missing(study: Study, entry: str, subject: Subject | None, side: str) -> str:
    if subject is not None:
        return ""
    if not study.subjects:
        return f"no such kind of request in {side}"
    if entry not in entries_of(study):
        return f"no such entry in {side}"
    return f"not measured in {side} at this concurrency"


def _standing(subject: Subject | None, side: str, what: Metric) -> str:
    reason = why_left_out(subject, what.path) if subject else None
    return f"{side}: {reason}" if reason else ""


def outcome_of(
    found: Judged, figures: Figures, what: Metric, within_percent: float = EQUIVALENT_PERCENT
) -> tuple[ComparisonOutcome, str]:
    """What A is, against B, and why that is undecided where it is."""
    ratio = found.ratio
    if found.relation == "tied":
        return "tied", ""
    if found.relation == "apart" and ratio.value is not None:
        good = (ratio.value > 1) == (what.better == "higher")
        if what.unit in SPEEDS:
            return ("faster" if good else "slower"), ""
        return ("better" if good else "worse"), ""
    if ratio.interval is None:
        return "undecided", no_interval_text(ratio)
    return "undecided", f"not told apart, {range_text(ratio)}; {more_text(ratio, *figures, within_percent)}"
