"""A study against figures that others published: reproduced, not reproduced, or not comparable, and why. Pure."""

from __future__ import annotations

from kit import __version__
from kit.catalogue.published import Figure, Published, PublishedRow, PublishedTable
from kit.documents import MedianInterval
from kit.documents.study import EntryQuality, Study, Subject
from kit.errors import InputError
from kit.judge.compare.comparison import PASS_AT_1, PRODUCT, Comparison, ComparisonOutcome, Line, Side, side_of
from kit.judge.compare.ratio import Ratio
from kit.judge.compare.standing import find, why_left_out
from kit.judge.study import entries_of, values_of
from kit.metrics.intervals import median_over_replicates
from kit.metrics.registry import DECODE, THROUGHPUT, TTFT_P50
from kit.text import plain_text

TOLERANCE = 0.10
NOT_THROUGHPUT = (
    "the published figure is decode speed per user times users, without prefill, waiting and idle slots; "
    "despite its heading it is not throughput"
)
UNSTATED = "the source does not say which metric it is"
SCORE = "a score is not a measurement; see `kit score` with the contract probador-2.0"
HUMANEVAL = "humaneval"
OTHER_PLATFORM = "published for another machine and model than this run's platform"
# Which of our figures each kind of published figure is held against.
OURS: dict[Figure, str] = {
    "throughput_tok_s": THROUGHPUT,
    "decode_tok_s": DECODE,
    "ttft_ms.p50": TTFT_P50,
    "decode_times_concurrency": PRODUCT,
}


def against_published(study: Study, published: Published, tolerance: float = TOLERANCE) -> Comparison:
    """Every published figure against ours.

    Reproduced means: our interval (or, with fewer than three replicates, our median), widened by `tolerance` to
    both sides, contains the published figure. `tolerance` is a part of ours: 0.1 is 10 %.
    """
    if len(study.shapes) > 1:
        raise InputError(
            f"{plain_text(study.name)} has {len(study.shapes)} kinds of request, published figures have one.",
            "Compare a run of one length and one rate.",
        )
    lines = tuple(
        _quality_line(study, published.name, table, row, entry, value)
        if metric == PASS_AT_1
        else _line(study, published.name, table, row, entry, level, value, metric, tolerance)
        for table in published.tables
        for metric in _metrics(table.metric)
        for row in table.rows
        for level, value in row.values
        for entry in row.entries
    )
    side = Side("published", published.name, published.title, None, None)
    notes = [f"As published: {published.method}"]
    if study.origin == "imported":
        notes.append("Machine and model of the imported figures are unknown.")
    return Comparison("kit/comparison/1", __version__, side_of(study), side, tolerance, lines, tuple(notes))


def _metrics(kind: Figure) -> tuple[str, ...]:
    """What to hold the figures against; the product is also shown against throughput, which is refused."""
    if kind == PRODUCT:
        return (THROUGHPUT, PRODUCT)
    return (OURS.get(kind, kind),)


def _line(
    study: Study,
    name: str,
    table: PublishedTable,
    row: PublishedRow,
    entry: str,
    level: int | None,
    value: float,
    metric: str,
    tolerance: float,
) -> Line:
    subject = find(study, entry, level) if level is not None else None
    ours = figures_of(subject, metric) if subject and level else []
    found = median_over_replicates(ours) if ours else None
    reason = _why_not(study, name, table.metric, row, entry, level, subject, metric)
    verdict: ComparisonOutcome = "not comparable"
    ratio = None
    if not reason and found is not None:
        low, high = _widened(found, tolerance)
        verdict = "reproduced" if low <= value <= high else "not reproduced"
        ratio = _ratio(found, value)
    return Line(
        table=table.name,
        metric=metric,
        entry_a=entry,
        row_b=row.label,
        concurrency=level,
        a=found,
        b=MedianInterval(1, value, None, None),
        ratio=ratio,
        verdict=verdict,
        reason=reason,
        caveat=row.caveat if row.comparable else "",
    )


def _quality_line(
    study: Study, name: str, table: PublishedTable, row: PublishedRow, entry: str, value: float
) -> Line:
    """A published pass@1 against the interval of ours, which needs no widening, with the fewest asked at once."""
    ours = min(
        (each for each in study.quality if (each.entry, each.suite) == (entry, HUMANEVAL)),
        key=lambda each: each.concurrency,
        default=None,
    )
    reason = row.caveat if not row.comparable else _why_no_quality(study, name, entry, ours)
    found: MedianInterval | None = None
    verdict: ComparisonOutcome = "not comparable"
    ratio: Ratio | None = None
    if ours is not None:
        found = MedianInterval(1, 100 * ours.share, 100 * ours.low, 100 * ours.high)
    if found is not None and not reason:
        low, high = _widened(found, 0.0)
        verdict = "reproduced" if low <= value <= high else "not reproduced"
        ratio = _ratio(found, value)
    return Line(
        table=table.name,
        metric=PASS_AT_1,
        entry_a=entry,
        row_b=row.label,
        concurrency=None if ours is None else ours.concurrency,
        a=found,
        b=MedianInterval(1, value, None, None),
        ratio=ratio,
        verdict=verdict,
        reason=reason,
        caveat="" if reason else f"{row.caveat} The interval of ours is Wilson's, and not widened.",
    )


def _why_no_quality(study: Study, name: str, entry: str, ours: EntryQuality | None) -> str:
    if study.origin == "run" and study.published != name:
        return OTHER_PLATFORM
    if ours is None:
        return f"no evaluation of {entry} with {HUMANEVAL} in the run"
    return "" if ours.tasks == ours.of else f"only {ours.tasks} of its {ours.of} tasks were asked"


def figures_of(subject: Subject, metric: str) -> list[float]:
    """The figure of each replicate; for the product, its pace of one user times the users."""
    if metric == PRODUCT:
        return [value * subject.concurrency for value in values_of(subject, DECODE)]
    return values_of(subject, metric)


def _why_not(
    study: Study,
    name: str,
    kind: Figure,
    row: PublishedRow,
    entry: str,
    level: int | None,
    subject: Subject | None,
    metric: str,
) -> str:
    """Why the figures cannot be held against each other, the reasons of the publication first; or nothing."""
    if kind == PRODUCT and metric == THROUGHPUT:
        return NOT_THROUGHPUT
    if kind not in OURS:
        return SCORE if kind == "probador_score" else UNSTATED
    if not row.comparable:
        return row.caveat
    if study.origin == "run" and study.published != name:
        return OTHER_PLATFORM
    if level is None:
        return "concurrency not stated"
    if entry not in entries_of(study):
        return f"no such entry in the run: {entry}"
    if subject is None:
        return "not measured at this concurrency"
    return why_left_out(subject, DECODE if metric == PRODUCT else metric) or ""


def _widened(ours: MedianInterval, tolerance: float) -> tuple[float, float]:
    assert ours.median is not None
    low = ours.median if ours.low is None else ours.low
    high = ours.median if ours.high is None else ours.high
    return low * (1 - tolerance), high * (1 + tolerance)


def _ratio(ours: MedianInterval, value: float) -> Ratio:
    """Ours as a multiple of what was published, which has no interval of its own."""
    middle, low, high = (
        None if each is None or not value else each / value for each in (ours.median, ours.low, ours.high)
    )
    return Ratio(middle, low, high, ours.n, 1)
