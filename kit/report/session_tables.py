"""What is said of sessions: a table of their turns, how many were whole, what a hit rate lacks. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from kit.documents import Metrics, Result, SessionMetrics
from kit.metrics.registry import HIT_RATE, METRICS, TIMES
from kit.text import number

_ALL_BUT_LAST = 12  # so many turns have a row each; of more the last one follows


def turn_table(sessions: SessionMetrics) -> str:
    """A row a turn: how long its prompt was, what of it came from a cache, how long its first text took."""
    shown = sessions.turns[:_ALL_BUT_LAST]
    if len(sessions.turns) > len(shown):
        shown = (*shown[:-1], sessions.turns[-1])
    word, digits = TIMES["ttft_ms"]
    rows = [
        [
            str(turn.turn + 1),
            str(turn.n),
            number(turn.prompt_tokens_mean, 0),
            METRICS[HIT_RATE].shown(turn.hit_rate),
            number(turn.ttft_p50_ms, digits),
        ]
        for turn in shown
    ]
    headers = ["turn", "n", "prompt tokens, mean", "from cache", f"{word} p50 (ms)"]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True, colalign=("right",) * 5)


def session_lines(metrics: Metrics) -> list[str]:
    """The sessions of one load in words; nothing for a load without any."""
    found = metrics.sessions
    if found is None:
        return []
    counts = (
        f"Sessions begun in the window: {found.begun}; whole {found.whole}, failed {found.failed}, cut by its "
    )
    return [f"{counts}end {found.cut}.", *_doubts(metrics)]


def _doubts(metrics: Metrics) -> Iterator[str]:
    found = metrics.sessions
    if found is None:
        return
    rate = METRICS[HIT_RATE].shown(found.hit_rate)
    if found.hit_rate is None:
        yield "Cache hit rate: not known; the server does not say of every answer what came from a cache."
    else:
        thinking = number(found.thinking, 2)
        yield f"Cache hit rate: {rate} of prompt tokens, by the server; {thinking} users thinking on average."
    if found.cut > found.whole:
        yield "More sessions were cut than ended: the duration is that of the shorter ones. Give a longer window."


def session_notes(result: Result) -> list[str]:
    """One paragraph for the cells whose sessions were mostly cut, or whose server says nothing of its cache."""
    measured = [(line.id, line.metrics) for line in result.cells if line.metrics and line.metrics.sessions]
    silent = [name for name, metrics in measured if metrics.sessions and metrics.sessions.hit_rate is None]
    cut = [name for name, found in measured if found.sessions and found.sessions.cut > found.sessions.whole]
    lines = []
    if silent:
        lines.append(f"- No hit rate where the server does not say what came from its cache: {', '.join(silent)}.")
    if cut:
        words = "the session time is that of the shorter ones, and a longer window is needed"
        lines.append(f"- More sessions cut by the end of the window than whole: {', '.join(cut)}; {words}.")
    return ["\n".join(lines)] if lines else []
