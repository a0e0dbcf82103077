"""A night for people: one row a platform, below it what did not pass. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from kit.documents.nightly import Nightly, NightlyLine, NightlyPlatform
from kit.text import NO_DATA, number, plain_text

STAGES = ("run", "correctness", "verify", "report", "gate", "comparison")
MAX_LINES = 12
MAX_WORDS = 300


def nightly_text(night: Nightly) -> str:
    """The table, the reasons, and where the runs are. Ends without a line feed."""
    rows = [_row(each) for each in night.platforms]
    headers = ["platform", "result", *STAGES[:-1], "against the accepted run"]
    parts = [tabulate(rows, headers, tablefmt="github", disable_numparse=True)]
    parts += [text for each in night.platforms if (text := "\n".join(_notes(each)))]
    return "\n\n".join(parts)


def _row(found: NightlyPlatform) -> list[str]:
    return [plain_text(found.platform), _result(found), *_stages(found), _compared(found)]


def _result(found: NightlyPlatform) -> str:
    return "passed" if found.passed else "FAILED" if found.measured else "NO RESULT"


def _stages(found: NightlyPlatform) -> list[str]:
    by_name = {stage.name: stage for stage in found.stages}
    shown = {"passed": "ok", "failed": "failed", "not run": NO_DATA}
    return [shown[by_name[name].outcome] if name in by_name else NO_DATA for name in STAGES[:-1]]


def _compared(found: NightlyPlatform) -> str:
    if found.verdict is None:
        return NO_DATA
    if found.verdict == "first":
        return "none accepted yet"
    if found.slower_at_most is None:
        return found.verdict
    return f"{found.verdict} (at most {found.slower_at_most:.0%} slower)"


def _notes(found: NightlyPlatform) -> Iterator[str]:
    yield f"{plain_text(found.platform)}: {plain_text(found.run, MAX_WORDS)}"
    for stage in found.stages:
        if stage.outcome == "failed":
            yield f"- {stage.name} failed: {plain_text(stage.words, MAX_WORDS)}"
    told = [line for line in found.lines if line.verdict != "same"]
    yield from (f"- {_line_text(line)}" for line in told[:MAX_LINES])
    if len(told) > MAX_LINES:
        yield f"- and {len(told) - MAX_LINES} more; all of them: --json"
    if found.accepted is not None:
        yield f"- accepted as {plain_text(found.accepted, MAX_WORDS)}"


def _line_text(line: NightlyLine) -> str:
    who = f"{plain_text(line.entry)} at {line.concurrency}, {plain_text(line.metric)}: {line.verdict}"
    if line.ratio is None or line.low is None or line.high is None:
        return f"{who}{f' ({plain_text(line.reason, MAX_WORDS)})' if line.reason else ''}"
    return f"{who}, {number(line.ratio, 2)} x [{number(line.low, 2)}, {number(line.high, 2)}]"
