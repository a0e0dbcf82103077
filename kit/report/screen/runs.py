"""The last screen of a run: from what verification opened, the same study as tables and verdict have. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from kit.documents import Plan, Result
from kit.documents.study import Study, Subject
from kit.errors import InternalError
from kit.judge.advice import Leader, level_text
from kit.judge.compare.quantity import figure_text
from kit.judge.machines import machine_text
from kit.judge.open import OpenedStudy
from kit.judge.shapes import place_of
from kit.judge.study import entries_of, is_lower_bound, median_interval_of, suspicions_of, value_of
from kit.judge.users import users_of
from kit.metrics.registry import ARRIVAL_PATHS, METRICS, THROUGHPUT, TTFT_P50, Metric
from kit.report.page.facts import measured_on, models
from kit.report.screen.answers import answer_sentences
from kit.report.screen.cautions import cautions_of
from kit.report.screen.sentences import leaders_of, verdict_sentences
from kit.report.screen.surer import surer_steps
from kit.report.screen.values import Door, Figure, Row, Said, Screen, Table, Tone
from kit.report.shape_tables import columns_of
from kit.report.tables import AT_LEAST, SUSPECT
from kit.report.users_text import users_lines
from kit.text import NO_DATA, listed, number, plain_text

SHARE = "goodput_share"
NAMES = {THROUGHPUT: "tokens/s", TTFT_P50: "TTFT p50", ARRIVAL_PATHS[0]: "TTFT p50", SHARE: "in limits"}

Place = tuple[str, str, int]  # entry, shape, users


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run left: where it lies as its user names it, and its page, both empty where there is none.

    `advice` is the recommendation that a run may end with, `differences` what differs between its answers.
    """

    run: str
    page: str = ""
    page_link: str = ""
    advice: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


def run_screen(opened: OpenedStudy, ended: Ended) -> Screen:
    """The screen of a run or bundle; of imported results, which have no plan, there is none."""
    if opened.plan is None or opened.result is None:
        raise InternalError("Imported results have no last screen.")
    study, plan, result = opened.study, opened.plan, opened.result
    leaders = leaders_of(study)
    return Screen(
        title=plain_text(plan.title, 160),
        about=_about(study, plan, result),
        table=_table(study, plan, result, leaders, ended.run),
        verdict=(*_first(opened, plan, ended.advice), *_verdict(study, leaders), *answer_sentences(study)),
        surer=surer_steps(plan, result, leaders, ended.run, _cell_s(opened)),
        cautions=cautions_of(opened, plan, result, leaders, ended.differences, ended.run),
        doors=_doors(plan, ended),
        more=f"kit table {ended.run}",
        end=f"Every number recomputed from the raw records: {study.label}.",
    )


def _cell_s(opened: OpenedStudy) -> float | None:
    """How long a cell took in the mean, from start to stop; None where none was measured."""
    files = opened.evidence.cells.values() if opened.evidence else ()
    took_ns = [each.cell.duration_ns for each in files if each.cell and each.cell.status == "measured"]
    return fmean(took_ns) / 1e9 if took_ns else None


def _about(study: Study, plan: Plan, result: Result) -> tuple[str, ...]:
    """Machine, how much was measured, which model, and when."""
    asked = [line for line in result.cells if line.status != "not needed"]
    done = sum(line.status == "measured" for line in asked)
    cells = f"{done} of {len(asked)} cells"
    replicates = max((line.replicate for line in asked), default=1)
    window = f"{replicates} replicate{'s' * (replicates > 1)} of {plan.workload.window_ns / 1e9:g} s"
    parts = (machine_text(study), f"{cells}, {window}", models(study), measured_on(study))
    return tuple(part for part in parts if part)


# --- the table --------------------------------------------------------------------------------------------


def _metrics(study: Study, plan: Plan) -> list[Metric]:
    """Throughput, then the wait for the first token: from when somebody came, where the plan says when."""
    open_loop = study.conditions.loop == "open"
    waits = ARRIVAL_PATHS[0] if open_loop and _known(study.subjects, ARRIVAL_PATHS[0]) else TTFT_P50
    paths = [THROUGHPUT, waits, *([SHARE] if plan.search is not None else [])]
    return [METRICS[path] for path in paths]


def _known(subjects: Iterable[Subject], path: str) -> bool:
    return any(value_of(trial, path) is not None for subject in subjects for trial in subject.trials)


def _table(
    study: Study, plan: Plan, result: Result, leaders: Sequence[tuple[Study, Leader]], run: str
) -> Table | None:
    if not any(trial.status == "measured" for subject in study.subjects for trial in subject.trials):
        return None
    columns = [(*place, each.title) for each in columns_of(plan, result) for place in each.places]
    by_place = {place_of(subject): subject for subject in study.subjects}
    entries = entries_of(study)
    best = _best(leaders)
    ranks = _ranks(study, entries)
    rows = [
        Row(
            NAMES[metric.path],
            plain_text(entry, 60),
            tuple(_figure(by_place.get((entry, shape, level)), metric, best) for shape, level, _, _ in columns),
            ranks[entry],
        )
        for metric in _metrics(study, plan)
        for entry in entries
    ]
    heads = tuple(_head(plan, label) for _, _, label, _ in columns)
    titles = tuple(title for _, _, _, title in columns)
    return Table(
        heads=heads,
        rows=tuple(rows),
        priority=_priority([any(row.figures[at].tone == "best" for row in rows) for at in range(len(heads))]),
        more=f"kit table {run}",
        above=titles if any(titles) else (),
    )


def _head(plan: Plan, label: str) -> str:
    if plan.workload.loop == "open":
        return f"{label}/s" if plan.workload.shapes and plan.workload.shapes[0].rate_milli_per_s else f"{label} x"
    return f"{label} user" if label == "1" else f"{label} users"


def _best(leaders: Iterable[tuple[Study, Leader]]) -> frozenset[tuple[str, Place]]:
    """(metric, place) of whoever leads surely."""
    return frozenset(
        (leader.metric, (leader.entry, study.shapes[0].name if len(study.shapes) == 1 else "", leader.concurrency))
        for study, leader in leaders
        if leader.relation == "ahead" and leader.entry is not None
    )


def _ranks(study: Study, entries: Sequence[str]) -> Mapping[str, int]:
    """The entries by their best throughput, the highest first: so long they stay where there is no room."""
    most = {
        entry: max(
            (median_interval_of(each, THROUGHPUT).median or 0 for each in study.subjects if each.entry == entry),
            default=0,
        )
        for entry in entries
    }
    ordered = sorted(entries, key=lambda entry: -most[entry])
    return {entry: rank for rank, entry in enumerate(ordered)}


def _priority(led: Sequence[bool]) -> tuple[int, ...]:
    """Both ends first, then the levels at which somebody leads, then the rest, from the most users down."""
    last = len(led) - 1
    order = [last, 0, *(at for at in range(last, -1, -1) if led[at]), *range(last, -1, -1)]
    return tuple(dict.fromkeys(order))


def _figure(subject: Subject | None, metric: Metric, best: frozenset[tuple[str, Place]]) -> Figure:
    if subject is None:
        return Figure(NO_DATA, "quiet")
    if not any(trial.status == "measured" for trial in subject.trials):
        return Figure("no result", "bad")
    value = median_interval_of(subject, metric.path).median
    shown = short(metric, value)
    if is_lower_bound(subject, metric.path) and value is not None:
        shown = f"{AT_LEAST} {shown}"
    if suspicions_of(subject):
        return Figure(f"{shown} {SUSPECT}", "doubt")
    tone: Tone = "best" if (metric.path, place_of(subject)) in best else "plain"
    return Figure(shown, tone)


def short(metric: Metric, value: float | None) -> str:
    """A figure with its unit in few characters: `98.6`, `140 ms`, `99.2 %`."""
    if value is None:
        return NO_DATA
    if metric.unit == "ms":
        return f"{number(value, 0 if value >= 99.95 else 1)} ms"
    if metric.path.endswith("_share") or metric.percent_digits is not None:
        return f"{number(value * 100, 1)} %"
    return number(value, 0 if value >= 9999.5 else metric.digits)


# --- the words --------------------------------------------------------------------------------------------


def _first(opened: OpenedStudy, plan: Plan, advice: Sequence[str]) -> list[Said]:
    """What was asked: how many users each carries, or which to choose."""
    said = [Said(line, "title" if not at else "plain") for at, line in enumerate(advice) if line]
    if plan.search is None or said:
        return said
    rule = plan.search
    most, *entries, _ = users_lines(users_of(opened.study, rule.slo, rule.share_milli / 1000, searched=True))
    return [Said(most, "title"), *(Said(line) for line in entries)]


def _verdict(study: Study, leaders: Sequence[tuple[Study, Leader]]) -> list[Said]:
    if len(entries_of(study)) > 1:
        return verdict_sentences(leaders)
    there = [leader for _, leader in leaders if leader.value is not None and leader.value.median is not None]
    best = [
        max(mine, key=lambda leader: _goodness(leader))
        for path in dict.fromkeys(leader.metric for leader in there)
        if (mine := [leader for leader in there if leader.metric == path])
    ]
    if not best:
        return [Said("No level has a valid result.", "bad")]
    words = listed(
        f"{figure_text(METRICS[each.metric], each.value.median)} at {_at(each)}" for each in best if each.value
    )
    return [Said(f"Best throughput and TTFT p50: {words}." if len(best) == 2 else f"Best: {words}.")]


def _goodness(leader: Leader) -> float:
    value = leader.value.median if leader.value else None
    if value is None:
        return float("-inf")
    return value if METRICS[leader.metric].better == "higher" else -value


def _at(leader: Leader) -> str:

    return plain_text(level_text(leader))


def _doors(plan: Plan, ended: Ended) -> tuple[Door, ...]:
    run = ended.run
    name = f"{plan.platform}.tar.gz"
    doors = (
        [Door("Page", ended.page, ended.page_link)] if ended.page else [Door("Page", f"kit report {run} --open")]
    )
    if not run.endswith(".tar.gz"):
        doors.append(Door("Share", f"kit bundle {run} -o {name}"))
    return (*doors, Door("Details", f"kit table {run}"))
