"""The warnings of a run's last screen, each with what it does to the figures. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from kit.documents import Plan, Result
from kit.documents.study import Study
from kit.judge.advice import Leader
from kit.judge.open import OpenedStudy
from kit.metrics.failures import kind_text
from kit.metrics.registry import THROUGHPUT
from kit.report.page.facts import running_cautions
from kit.report.screen.sentences import levels_text
from kit.report.screen.values import Caution
from kit.text import plain_text

MAX_WHY = 160
MAX_FLAGS = 2
NOT_PLANNED = "not measured at concurrency"
OUT = "left out of the verdict"


def cautions_of(
    opened: OpenedStudy,
    plan: Plan,
    result: Result,
    leaders: Sequence[tuple[Study, Leader]],
    differences: Sequence[str],
    run: str,
) -> tuple[Caution, ...]:
    """The gravest first: what has no figure, what failed, what is doubtful, what else is to be known."""
    return (
        *_left_out(leaders),
        *_failed(result),
        *_whole(plan),
        *_flags(opened, run),
        *(Caution(plain_text(line, 400)) for line in running_cautions(plan)),
        *_differences(differences, run),
    )


def _left_out(leaders: Sequence[tuple[Study, Leader]]) -> Iterator[Caution]:
    """By the verdict on throughput: who counts for nothing, where, and why."""
    groups: dict[tuple[str, str], list[Leader]] = {}
    for _, leader in leaders:
        for entry, reason in leader.left_out if leader.metric == THROUGHPUT else ():
            if not reason.startswith(NOT_PLANNED):
                groups.setdefault((entry, reason), []).append(leader)
    for (entry, reason), found in groups.items():
        yield Caution(f"{plain_text(entry, 60)} at {levels_text(found)} is {OUT}", plain_text(reason, MAX_WHY))


def _failed(result: Result) -> Iterator[Caution]:
    """Requests that failed in measured cells, by entry and level, with the most frequent reason."""
    cells = [line for line in result.cells if line.metrics is not None and line.metrics.requests.failed]
    for (entry, level), lines in groupby(
        sorted(cells, key=lambda line: (line.entry, line.concurrency)), lambda line: (line.entry, line.concurrency)
    ):
        here = list(lines)
        counts = [line.metrics.requests for line in here if line.metrics is not None]
        failed, all_ = sum(each.failed for each in counts), sum(each.failed + each.ok for each in counts)
        reason = next((line.failures.reasons[0] for line in here if line.failures and line.failures.reasons), None)
        why = f" ({kind_text(reason.kind, reason.status)})" if reason else ""
        users = "1 user" if level == 1 else f"{level:,} users"
        yield Caution(
            f"{plain_text(entry, 60)} at {users}: {failed:,} of {all_:,} requests failed{why}",
            "they count in the error rate, not in the times",
        )


def _whole(plan: Plan) -> Iterator[Caution]:
    """What holds for all of the run."""
    if not plan.calibrate and not plan.loads:
        yield Caution("The load generator was not calibrated", "every figure may be its own")
    if plan.model.catalogue and not plan.model.confirmed and any(each.url is None for each in plan.entries):
        yield Caution(
            f"The hash of the model {plain_text(plan.model.name)} is not confirmed",
            "others may have other weights",
        )


def _flags(opened: OpenedStudy, run: str) -> Iterator[Caution]:
    """What verification flags, the first few."""
    for flag in opened.flags[:MAX_FLAGS]:
        where = f"{plain_text(flag.where, 60)}: " if flag.where else ""
        yield Caution(f"{plain_text(flag.rule, 40)}", where + plain_text(flag.message, MAX_WHY))
    more = len(opened.flags) - MAX_FLAGS
    if more > 0:
        yield Caution(f"{more} more flag{'s' * (more > 1)} of verification", f"kit verify {run}")


def _differences(notes: Sequence[str], run: str) -> Iterator[Caution]:
    if notes:
        more = f" ({len(notes) - 1} more: kit table {run} --differences)" if len(notes) > 1 else ""
        yield Caution(plain_text(notes[0], 300) + more)
