"""The quality of a run as tables: pass@1 with its interval, cut answers, and one user against several. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from kit.documents.quality.evaluation import EvalScore, Quality, QualityPair, QualityRow
from kit.report.method_text import name_text
from kit.text import NO_DATA, number, plain_text
from kit.text import cell as safe

TITLE = "Quality"
HEADERS = ("entry", "users", "solved", "pass@1 [95 % interval]", "cut", "no program")
PAIR_HEADERS = ("entry", "users", "both", "only with fewer", "only with more", "neither", "same text", "p")
PAIRS = "The same tasks with fewer and with more users (p: McNemar's exact test)"
LIKELY = 0.05  # below it, what differs between one user and several is more than chance


def row_cells(row: QualityRow) -> tuple[str, ...]:
    """A line of the table as plain text."""
    score = row.score
    if score is None:
        return row.entry, str(row.concurrency), row.status, NO_DATA, NO_DATA, NO_DATA
    none = sum(score.by_status.get(status, 0) for status in ("no program", "no answer"))
    return (
        row.entry,
        str(row.concurrency),
        f"{score.passed} of {score.tasks}",
        pass_text(score),
        f"{100 * score.cut_share:.1f} %",
        str(none),
    )


def row_lines(quality: Quality) -> list[tuple[str, ...]]:
    """The lines of the table."""
    return [row_cells(row) for row in quality.rows]


def pair_lines(quality: Quality) -> list[tuple[str, ...]]:
    """The lines of the table of pairs."""
    return [pair_cells(pair) for pair in quality.pairs]


def pass_text(score: EvalScore) -> str:
    """pass@1 in percent with its interval."""
    found = score.pass_at_1
    return f"{100 * found.share:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def pair_cells(pair: QualityPair) -> tuple[str, ...]:
    """A line of the table of pairs as plain text."""
    counts = (pair.both, pair.only_low, pair.only_high, pair.neither)
    same = f"{pair.same_text} of {pair.tasks}"
    return pair.entry, f"{pair.low}, {pair.high}", *map(str, counts), same, number(pair.p_value, 3)


def caption(quality: Quality) -> str:
    """What was asked."""
    asked = "All" if quality.tasks == quality.of else f"The first {quality.tasks} of"
    return f"{asked} {quality.of} tasks of {quality.suite}, once each, at temperature 0"


def pair_notes(quality: Quality) -> list[str]:
    """A sentence for each entry whose answers are worse with more users than chance makes them."""
    return [
        f"{pair.entry} solves fewer tasks with {pair.high} users than with {pair.low}: "
        f"{pair.only_low} only with {pair.low}, {pair.only_high} only with {pair.high} (p = {pair.p_value:.3g})"
        for pair in quality.pairs
        if pair.only_low > pair.only_high and pair.p_value < LIKELY
    ]


def failure_notes(quality: Quality) -> list[str]:
    """A sentence for each round without a score."""
    return [
        f"{row.entry} with {row.concurrency} users: {row.status}"
        + (f" in {row.failure.phase}: {plain_text(row.failure.message, 300)}" if row.failure else "")
        for row in quality.rows
        if row.score is None
    ]


def quality_text(quality: Quality, *, title: bool = True) -> str:
    """The tables and notes as Markdown."""
    parts = [f"**{TITLE}**: " * title + f"{safe(caption(quality), 200)}.", _table(HEADERS, row_lines(quality))]
    if quality.pairs:
        parts.append(f"{PAIRS}:")
        parts.append(_table(PAIR_HEADERS, pair_lines(quality)))
    notes = [*pair_notes(quality), *failure_notes(quality)]
    if notes:
        parts.append("\n".join(f"- {safe(note, 500)}" for note in notes))
    return "\n\n".join(parts) + "\n"


def _table(headers: Sequence[str], rows: Iterable[tuple[str, ...]]) -> str:
    # Only the first is a name; the others are numbers and words of ours, and an interval's brackets mean nothing.
    body = [[name_text(row[0]), *row[1:]] for row in rows]
    align = ("left", *("right" for _ in headers[1:]))
    return tabulate(body, list(headers), tablefmt="github", disable_numparse=True, colalign=align)
