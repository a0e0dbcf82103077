"""What would make a verdict surer: the exact command. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kit.documents import Plan, Result
from kit.documents.study import Study, Subject
from kit.judge.advice import Leader
from kit.judge.compare.ratio import MOST_MORE
from kit.judge.study import common_values, values_of
from kit.metrics.intervals import more_replicates
from kit.metrics.limits import MIN_REPLICATES_FOR_INTERVAL
from kit.plan.budget import minutes
from kit.report.screen.values import Step

ARCHIVE = ".tar.gz"


def surer_steps(
    plan: Plan, result: Result, leaders: Sequence[tuple[Study, Leader]], run: str, cell_s: float | None = None
) -> tuple[Step, ...]:
    """First what is missing, then how many replicates would decide; nothing where all is measured and decided.

    `cell_s` is how long a cell took: with it they say how long that would take.
    """
    if plan.loads:
        return ()  # a load by hand does not go on
    lost = sum(line.status in ("missing", "interrupted") for line in result.cells)
    if lost and not run.endswith(ARCHIVE):
        cells = "1 cell is" if lost == 1 else f"{lost} cells are"
        return (Step(f"{cells} not measured yet", f"kit reproduce --resume {run}"),)
    if plan.search is not None or len(plan.entries) < 2:
        return ()
    return _more_replicates(plan, leaders, run, cell_s) or _quieter(result, leaders)


def _quieter(result: Result, leaders: Sequence[tuple[Study, Leader]]) -> tuple[Step, ...]:
    """What more replicates do not help: an entry is in no verdict because its cells are SUSPECT."""
    suspect = sum(bool(line.suspect) for line in result.cells)
    if not suspect or not any(leader.left_out for _, leader in leaders):
        return ()
    cells = f"{suspect} of {len(result.cells)} cells decide nothing (SUSPECT)"
    return (Step(f"{cells}: measure again on a quiet machine, docs/quiet-machine.md"),)


def _more_replicates(
    plan: Plan, leaders: Sequence[tuple[Study, Leader]], run: str, cell_s: float | None
) -> tuple[Step, ...]:
    undecided = [(part, leader) for part, leader in leaders if leader.relation == "undecided"]
    if not undecided:
        return ()
    have = plan.workload.replicates
    if have < MIN_REPLICATES_FOR_INTERVAL:
        lasts = _lasts(plan, run, MIN_REPLICATES_FOR_INTERVAL, cell_s)
        return (Step(f"For 95 % intervals{lasts}", _command(plan, run, MIN_REPLICATES_FOR_INTERVAL)),)
    wanted = [more for each in undecided if (more := _more(*each)) is not None]
    if not wanted:
        return (Step(f"Even {MOST_MORE} more replicates would hardly decide the rest."),)
    total = have + max(wanted)
    which = (
        "what is open" if len(wanted) == len(undecided) else f"{len(wanted)} of {len(undecided)} open comparisons"
    )
    words = f"{total} replicates would probably decide {which}{_lasts(plan, run, total, cell_s)}"
    return (Step(words, _command(plan, run, total)),)


def _lasts(plan: Plan, run: str, replicates: int, cell_s: float | None) -> str:
    """How long the command takes: all replicates where it begins anew, else those that a run has not yet."""
    if cell_s is None:
        return ""
    have = plan.workload.replicates
    still = replicates if run.endswith(ARCHIVE) else replicates - have
    return f", about {minutes(cell_s * len(plan.cells) / have * still)}"


def _command(plan: Plan, run: str, replicates: int) -> str:
    if run.endswith(ARCHIVE):  # nobody goes on with a bundle
        return f"kit reproduce {plan.platform} --replicates {replicates}"
    return f"kit reproduce --resume {run} --replicates {replicates}"


def _more(study: Study, leader: Leader) -> int | None:
    """How many more replicates would tell the leader from whom it is shown against."""
    first, second = (_subject(study.subjects, name, leader) for name in (leader.entry, leader.runner_up))
    if first is None or second is None or leader.ratio is None or leader.ratio.confidence is None:
        return None
    if study.looks is not None:
        pair = common_values(first, second, leader.metric)
    else:
        pair = values_of(first, leader.metric), values_of(second, leader.metric)
    return more_replicates(*pair, leader.ratio.confidence, MOST_MORE)


def _subject(subjects: Iterable[Subject], entry: str | None, leader: Leader) -> Subject | None:
    return next((each for each in subjects if (each.entry, each.concurrency) == (entry, leader.concurrency)), None)
