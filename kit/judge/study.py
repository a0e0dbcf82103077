"""From a run to what judgement looks at: every planned replicate with its figures by path. Pure.

Paths are those of `kit.metrics.registry`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from kit.catalogue import find_layers
from kit.documents import (
    CellResult,
    Entry,
    Host,
    MedianInterval,
    Plan,
    PlannedWorkload,
    Result,
)
from kit.documents.quality.evaluation import Quality
from kit.documents.study import Conditions, Looks, Study, Subject, Trial
from kit.judge.machines import machine_of
from kit.judge.quality import entry_qualities
from kit.judge.trial_figures import CellParts, extras, figures
from kit.metrics.intervals import median_over_replicates
from kit.metrics.registry import LOWERED
from kit.metrics.results import place_of
from kit.metrics.sequential import planned_most
from kit.plan.weights import known_weights
from kit.plan.workloads.sessions import sessions_text

Label = Literal["rejected", "self-reported", "consistent"]
NS_PER_S = 1_000_000_000


def study_of_run(
    plan: Plan,
    result: Result,
    parts: Mapping[str, CellParts],
    identity: str | None,
    label: Label | None,
    host: Host | None = None,
    quality: Quality | None = None,
) -> Study:
    """The study of a run: `result` made from the records, `parts` by id of the cell, `label` of verification.

    `quality` is made from the verdicts on programs.
    """
    entries = {entry.name: entry for entry in plan.entries}
    subjects = []
    for row in result.rows:
        lines = [
            line
            for line in result.cells
            # What the rule of the plan did not call for counts as not planned.
            if place_of(line) == place_of(row) and line.status != "not needed"
        ]
        if not lines:
            continue  # left out for this entry: above its max_concurrency
        entry = entries[row.entry]
        weights = known_weights(plan, entry)
        layers = find_layers(weights.name) if weights else None
        subjects.append(
            Subject(
                entry=entry.name,
                runtime=entry.runtime,
                variant=entry.variant,
                model=weights.name if weights else _asked_for(lines, parts),
                model_sha256=weights.sha256 if weights else None,
                weights_bytes=weights.bytes if weights else None,
                concurrency=row.concurrency,
                trials=tuple(_trial(line, parts.get(line.id), layers) for line in lines),
                shape=row.shape,
                chosen=_chosen(entry),
            )
        )
    return Study(
        schema="kit/study/1",
        kit_version=plan.kit_version,
        origin="run",
        name=plan.platform,
        title=plan.title,
        identity=identity,
        label=None if label == "rejected" else label,
        hardware=plan.hardware,
        published=plan.published,
        conditions=_conditions(plan),
        subjects=tuple(subjects),
        looks=Looks(plan.sequential.first, planned_most(plan)) if plan.sequential else None,
        machine=None if host is None else machine_of(host, plan.hardware),
        shapes=plan.workload.shapes,
        quality=entry_qualities(quality, {name: _weights_sha256(plan, entry) for name, entry in entries.items()}),
    )


def _chosen(entry: Entry) -> tuple[str, ...]:
    """`slots 4`, `flags --mlock`, `GPUs 0, 1`: what an entry was started with."""
    words = [f"{name} {value}" for name, value in sorted(entry.settings.items())]
    words += [f"flags {' '.join(entry.flags)}"] if entry.flags else []
    return (*words, *([f"GPUs {', '.join(map(str, entry.gpus))}"] if entry.gpus else []))


def _weights_sha256(plan: Plan, entry: Entry) -> str | None:
    weights = known_weights(plan, entry)
    return weights.sha256 if weights else None


def _asked_for(lines: Sequence[CellResult], parts: Mapping[str, CellParts]) -> str | None:
    """The name by which a server that already ran was asked for its model: the server's word."""
    cells = (found.cell for line in lines if (found := parts.get(line.id)))
    return next((cell.load.model for cell in cells if cell and cell.load), None)


def _conditions(plan: Plan) -> Conditions:
    work = plan.workload
    only = work.shapes[0] if len(work.shapes) == 1 else None
    return Conditions(
        method="kit",
        loop=work.loop,
        prompts=plan.prompts.name,
        prompts_sha256=plan.prompts.sha256,
        output_tokens=work.output_tokens,
        ignore_eos=work.ignore_eos,
        warmup_s=work.warmup_ns / NS_PER_S,
        window_s=work.window_ns / NS_PER_S,
        input_tokens=only.input_tokens if only else None,
        arrivals=None if work.trace is None and work.arrivals is None else _arrivals(work),
        rate_milli_per_s=only.rate_milli_per_s if only else None,
        api=work.api,
        sessions=None if work.sessions is None else sessions_text(work.sessions),
    )


def _arrivals(work: PlannedWorkload) -> str:
    """`poisson`, `gamma 0.5`, `trace bursts`; a trace of the user's with the first digits of its sha256."""
    if work.trace is not None:
        own = f" {work.trace.sha256[:12]}" if work.trace.file_sha256 else ""
        return f"trace {work.trace.name}{own}"
    shape = "" if work.burstiness_milli is None else f" {work.burstiness_milli / 1000:g}"
    return f"{work.arrivals}{shape}"


def _trial(line: CellResult, parts: CellParts | None, layers: int | None) -> Trial:
    cell = parts.cell if parts else None
    failure = f"{line.failure.phase}: {line.failure.message}" if line.failure else ""
    measured = line.status == "measured" and line.metrics is not None
    values: Mapping[str, float | None] = {}
    if measured and line.metrics is not None and parts is not None:
        values = {**figures(line.metrics), **extras(line.metrics, parts, layers)}
    return Trial(
        replicate=line.replicate,
        source=line.id,
        status=line.status,
        reason=failure,
        suspect=line.suspect if measured else (),
        measured_utc=cell.ended_utc if cell else None,
        values={path: value for path, value in values.items() if value is not None},
        at_least=line.at_least and measured,
    )


# --- what subjects say ------------------------------------------------------------------------------------


def value_of(trial: Trial, path: str) -> float | None:
    """One figure of a trial; None where there is no data."""
    return trial.values.get(path)


def values_of(subject: Subject, path: str) -> list[float]:
    """The figure of every trial that has it."""
    found = (trial.values.get(path) for trial in subject.trials if trial.status == "measured")
    return [value for value in found if value is not None]


def common_values(a: Subject, b: Subject, path: str) -> tuple[list[float], list[float]]:
    """The figures of the replicates that both have, pair by pair; one run only."""
    x, y = ({trial.replicate: trial.values.get(path) for trial in each.trials} for each in (a, b))
    pairs = [(p, q) for at in x if (p := x[at]) is not None and (q := y.get(at)) is not None]
    return [p for p, _ in pairs], [q for _, q in pairs]


def median_interval_of(subject: Subject, path: str) -> MedianInterval:
    """Median over the trials that have it, with an interval from three on."""
    return median_over_replicates(values_of(subject, path))


def suspicions_of(subject: Subject) -> tuple[str, ...]:
    """Why the figures of a subject may not be the server's: the reasons of all its trials, each once."""
    return tuple(dict.fromkeys(reason for trial in subject.trials for reason in trial.suspect))


def is_lower_bound(subject: Subject, path: str) -> bool:
    """Whether all that is doubtful about this figure can only have made it too low: it is a lower bound."""
    doubtful = [trial for trial in subject.trials if trial.suspect]
    return path in LOWERED and bool(doubtful) and all(trial.at_least for trial in doubtful)


def is_complete(subject: Subject) -> bool:
    """Whether every planned replicate was measured."""
    return all(trial.status == "measured" for trial in subject.trials)


def entries_of(*studies: Study) -> tuple[str, ...]:
    """The entries of studies, each once, in order."""
    return tuple(dict.fromkeys(subject.entry for study in studies for subject in study.subjects))


def levels_of(study: Study) -> tuple[int, ...]:
    """The concurrencies of a study, ascending."""
    return tuple(sorted({subject.concurrency for subject in study.subjects}))
