"""What stands behind the numbers of a cell, in sentences: counts that were not believed, tokens and events unseen.

Pure. Nothing is said of what is as usual.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from kit.documents import Metrics, Result, Row
from kit.metrics.results import place_of
from kit.text import number

COUNTED = "How tokens and chunks were counted"
SAID_FROM_SHARE = 0.05  # of chunks with the one before: fewer come from a machine that was busy for a moment
_FAULTS: Mapping[str, str] = {
    "below-chunks": "fewer tokens than chunks of text",
    "above-limit": "more tokens than were allowed",
    "not-a-count": "not a count",
    "missing-part": "no completion tokens",
    "several-choices": "the tokens of several choices together",
}
_DIALECTS: Mapping[str, str] = {
    "no-done": "no [DONE] at the end",
    "odd-finish": "a finish reason that is no string",
    "choices": "a second choice, which is not timed",
    "single-newlines": "one newline between events instead of a blank line",
    "content-parts": "text as a list of parts",
    "odd-index": "a choice that is not numbered 0",
    "replayed": "an answer that the server says it had whole before it sent it",
}


def _listed(words: Mapping[str, str], counts: Mapping[str, int]) -> str:
    return ", ".join(f"{words[name]} ({number(count, 0)})" for name, count in counts.items())


def _summed(counts: Sequence[Mapping[str, int] | None]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in counts:
        found.update(each or {})
    return dict(sorted(found.items()))


def count_lines(cells: Sequence[Metrics]) -> list[str]:
    """A sentence for each thing about counts and arrivals of these cells that a reader of numbers must know."""
    tokens = [cell.tokens for cell in cells]
    answers = number(sum(cell.requests.ok for cell in cells), 0)
    lines = []
    faults = _summed([each.faults for each in tokens])
    if faults:
        lines.append(
            f"The server's count of tokens was not believed for {number(sum(faults.values()), 0)} of {answers} "
            f"answers: {_listed(_FAULTS, faults)}. The next best source counts."
        )
    told = [each.reasoning for each in tokens if each.reasoning]
    if told:
        lines.append(f"Reasoning tokens by the server's count: {number(sum(told), 0)}.")
    untimed = sum(each.untimed for each in tokens)
    if untimed:
        lines.append(
            f"{number(untimed, 0)} counted tokens were not streamed: "
            "TPOT, ITL, decode and throughput are of those that were."
        )
    unknown = sum(each.unknown_requests for each in tokens)
    if unknown:
        lines.append(
            f"{number(unknown, 0)} of {answers} answers have more tokens than their chunks show, and which "
            "of them were not streamed cannot be told: no TPOT and ITL of these, "
            "and the fewest tokens that their text can have in the throughput."
        )
    spread = sum(each.spread_requests for each in tokens)
    if spread:
        share = 100 * spread / max(1, sum(cell.requests.ok for cell in cells))
        lines.append(f"{number(share, 0)} % of answers came in chunks of several tokens, spread evenly.")
    return [*lines, *_arrival_lines(cells), *_dialect_lines(cells)]


def _arrival_lines(cells: Sequence[Metrics]) -> list[str]:
    cell = max(cells, key=lambda each: each.coalesced_share or 0, default=None)
    share = 0 if cell is None else cell.coalesced_share or 0
    if cell is None or share < SAID_FROM_SHARE:
        return []
    together = f"{number(100 * share, 0)} % of chunks came in one read with the one before"
    if not any(withholds_itl(each) for each in cells):
        return [f"{together}; such chunks are one arrival."]
    size = number(_events_at_a_time(cell, share), 0)
    return [
        f"{together}: a proxy or server flushes about {size} events at a time, so ITL percentiles are withheld."
    ]


def _events_at_a_time(metrics: Metrics, share: float) -> float:
    """Chunks / arrivals, from the gaps between arrivals and the share of chunks that came with the one before."""
    gaps, streams = metrics.chunk_gap_ms.n, metrics.requests.ok - metrics.replayed
    return (gaps / (1 - share) + streams) / (gaps + streams) if gaps else 0


def withholds_itl(metrics: Metrics) -> bool:
    """Whether a cell has no ITL because chunks came too many at a time; a p50 needs no more than one gap."""
    return metrics.itl_ms.n > 0 and metrics.itl_ms.p50 is None


def _dialect_lines(cells: Sequence[Metrics]) -> list[str]:
    found = _summed([cell.dialects for cell in cells])
    return [f"Not as usual, and read all the same: {_listed(_DIALECTS, found)}."] if found else []


def count_notes(result: Result) -> list[tuple[Row, list[str]]]:
    """Each row of a result that there is something to say of, with the sentences."""
    found = []
    for row in result.rows:
        mine = (each for each in result.cells if place_of(each) == place_of(row))
        lines = count_lines([each.metrics for each in mine if each.status == "measured" and each.metrics])
        if lines:
            found.append((row, lines))
    return found
