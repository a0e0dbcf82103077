"""The lines of a board: one for each bundle, entry and number of users, and what they can be filtered by. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.documents.shape import OutputTokens
from kit.documents.study import Conditions, Study, Subject
from kit.judge.machines import by_machine, machine_text
from kit.judge.shapes import shapes_of
from kit.judge.study import median_interval_of, suspicions_of
from kit.metrics.registry import ERROR_RATE, ITL_P50, METRICS, THROUGHPUT, TTFT_P50, Metric
from kit.plan.workloads.shapes import milli_text
from kit.report.board.exhibits import Exhibit
from kit.report.page.figures import TableCell, figure_of
from kit.text import plain_text

SHOWN: tuple[Metric, ...] = tuple(METRICS[path] for path in (THROUGHPUT, TTFT_P50, ITL_P50, ERROR_RATE))
MAX_NAME = 80
UNSIGNED, UNKNOWN_KEY = "unsigned", "unknown key"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a line: as it is shown, and as it is sorted by."""

    metric: Metric
    shown: TableCell
    value: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of a bundle at a number of users; `best` is the one of its entry with the highest throughput."""

    exhibit: Exhibit
    machine: str
    entry: str
    runtime: str
    model: str
    workload: str
    users: int
    figures: tuple[Figure, ...]
    best: bool

    @property
    def signer(self) -> str:
        return plain_text(self.exhibit.signer or (UNKNOWN_KEY if self.exhibit.fingerprint else UNSIGNED), MAX_NAME)

    @property
    def label(self) -> str:
        return self.exhibit.entry.label


@dataclass(frozen=True, slots=True)
class Filter:
    """One thing to choose lines by: the name that lines and addresses have for it, and the values that occur."""

    name: str
    title: str
    everything: str
    values: tuple[str, ...]


def lines_of(exhibits: Sequence[Exhibit]) -> tuple[Line, ...]:
    """All lines: those of a model and workload, which may be compared, together, most bundles first."""
    machines = machine_names([exhibit.study for exhibit in exhibits])
    lines = [
        line for exhibit, machine in zip(exhibits, machines, strict=True) for line in _lines(exhibit, machine)
    ]
    bundles: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        bundles.setdefault((line.model, line.workload), set()).add(line.exhibit.identity)
    return tuple(sorted(lines, key=lambda line: (-len(bundles[line.model, line.workload]), *_order(line))))


def _order(line: Line) -> tuple[object, ...]:
    throughput = line.figures[0].value
    return (
        line.model, line.workload, throughput is None, -(throughput or 0.0),
        line.exhibit.identity, line.entry, line.users,
    )  # fmt: skip


def _lines(exhibit: Exhibit, machine: str) -> list[Line]:
    return [line for part in shapes_of(exhibit.study) for line in _lines_of(exhibit, part, machine)]


def _lines_of(exhibit: Exhibit, study: Study, machine: str) -> list[Line]:
    best = _best(study.subjects)
    return [
        Line(
            exhibit=exhibit,
            machine=machine,
            entry=plain_text(subject.entry, MAX_NAME),
            runtime=plain_text(subject.runtime, MAX_NAME),
            model=plain_text(subject.model or "model not stated", MAX_NAME),
            workload=workload_text(study.conditions),
            users=subject.concurrency,
            figures=tuple(
                Figure(metric, figure_of(subject, metric), median_interval_of(subject, metric.path).median)
                for metric in SHOWN
            ),
            best=best.get(subject.entry) == subject.concurrency,
        )
        for subject in study.subjects
    ]


def _best(subjects: Sequence[Subject]) -> dict[str, int]:
    """The number of users at which each entry has its highest throughput: a doubtful one only if all are."""
    found: dict[str, tuple[bool, float, int]] = {}
    for subject in subjects:
        value = median_interval_of(subject, THROUGHPUT).median
        rank = (not suspicions_of(subject), -1.0 if value is None else value, -subject.concurrency)
        if subject.entry not in found or rank > found[subject.entry]:
            found[subject.entry] = rank
    return {entry: -users for entry, (_, _, users) in found.items()}


def machine_names(studies: Sequence[Study]) -> tuple[str, ...]:
    """The machine of each study in words; two that facts tell apart and words do not are numbered."""
    names: dict[int, str] = {}
    taken: dict[str, int] = {}
    for group in by_machine(studies):
        words = plain_text(machine_text(group[0]), 2 * MAX_NAME)
        taken[words] = taken.get(words, 0) + 1
        name = words if taken[words] == 1 else f"{words} ({taken[words]})"
        names |= {id(study): name for study in group}
    return tuple(names[id(study)] for study in studies)


def workload_text(of: Conditions) -> str:
    """What the servers were asked, in a few words: `short prompts, 16 to 64 tokens`."""
    words = [f"{plain_text(of.prompts, 40)} prompts" if of.prompts else ""]
    if of.input_tokens is not None:
        words = [f"{of.input_tokens:,} prompt tokens"]
    if isinstance(of.output_tokens, OutputTokens):
        low, high = of.output_tokens.min, of.output_tokens.max
        words.append(f"{low} tokens" if low == high else f"{low} to {high} tokens")
    if of.sessions is not None:
        words.append(plain_text(of.sessions.partition(" of ")[0], 40))
    if of.loop != "closed":
        words.append(f"{of.loop} loop")
    if of.rate_milli_per_s is not None:
        words.append(f"{milli_text(of.rate_milli_per_s)} requests/s")
    if of.api != "chat":
        words.append("raw prompts")
    return ", ".join(word for word in words if word) or "workload not stated"


def filters_of(lines: Sequence[Line]) -> tuple[Filter, ...]:
    """Machine, runtime, model, label, signer and users, each with the values that occur."""
    chosen = (
        ("machine", "Machine", "all machines"),
        ("runtime", "Runtime", "all runtimes"),
        ("model", "Model", "all models"),
        ("label", "Label", "all labels"),
        ("signer", "Signer", "all signers"),
    )
    return tuple(
        Filter(name, title, everything, tuple(sorted({str(getattr(line, name)) for line in lines})))
        for name, title, everything in chosen
    )


def levels_of(lines: Sequence[Line]) -> tuple[int, ...]:
    """The numbers of users that occur."""
    return tuple(sorted({line.users for line in lines}))
