"""Why requests failed, in lines: each reason once, with how often and where. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kit.documents import Failures, Result
from kit.metrics.failures import kind_text
from kit.stream.error_words import MAX_DETAIL_CHARS
from kit.text import listed, plain_text

WHY = "Why requests failed, in the words that came back:"
MAX_PLACES = 4


def failure_lines(
    found: Sequence[tuple[str, Failures | None]], safe: Callable[[str], str] | None = None
) -> list[str]:
    """A line for each reason of loads at named places ("" for a single load); what Markdown reads needs `safe`."""
    shown = safe or (lambda words: plain_text(words, MAX_DETAIL_CHARS))
    seen: dict[tuple[str, int | None, str], list[tuple[str, int]]] = {}
    untold = 0
    for place, failures in found:
        if failures is None:
            continue
        untold += failures.requests - sum(reason.count for reason in failures.reasons)
        for reason in failures.reasons:
            seen.setdefault((reason.kind, reason.status, reason.words), []).append((place, reason.count))
    ordered = sorted(seen.items(), key=lambda item: -sum(count for _, count in item[1]))
    lines = [_line(kind, status, shown(words), places) for (kind, status, words), places in ordered]
    return [*lines, f"- {_requests(untold)} for other reasons"] if untold else lines


def _line(kind: str, status: int | None, words: str, places: Sequence[tuple[str, int]]) -> str:
    named = list(dict.fromkeys(place for place, _ in places if place))
    more = [f"{len(named) - MAX_PLACES} more"] if len(named) > MAX_PLACES else []
    where = f" ({listed([*named[:MAX_PLACES], *more])})" if named else ""
    count = _requests(sum(each for _, each in places))
    return f"- {kind_text(kind, status)}, {count}{where}{': ' if words else ''}{words}"


def _requests(count: int) -> str:
    return f"{count} request{'s' * (count != 1)}"


def result_failures(result: Result) -> list[tuple[str, Failures | None]]:
    """The failures of a run, by entry."""
    return [(cell.entry, cell.failures) for cell in result.cells]
