"""Whether a second party's run of the same plan found the same (docs/verifying-at-scale.md). Pure.

A figure agrees if the ratio of the two runs surely lies within the margin of a tie, and differs if it surely lies
beyond. That all agree is one statement, as sure as its least sure figure; that one of them differs could be chance
in any, so there Holm's steps go over all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from kit import __version__
from kit.documents.pins import Sparse
from kit.documents.study import Study, Subject
from kit.errors import InputError
from kit.judge.compare.comparison import Side, side_of
from kit.judge.compare.quantity import judged_quantity
from kit.judge.compare.ratio import Ratio, interval_text, is_always_equal, no_interval_text, ratio_of, ratio_text
from kit.judge.compare.standing import differences, find, other_weights, remarks, why_left_out
from kit.judge.compare.studies import CHOSEN
from kit.judge.machines import facts_of_two
from kit.judge.open import OpenedStudy
from kit.judge.shapes import label_of, place_of, shapes_of
from kit.judge.study import is_complete, values_of
from kit.metrics.intervals import beyond_p, equivalence_p, holm
from kit.metrics.limits import REPRODUCED_ERROR
from kit.plan.digest import plan_digest
from kit.text import listed, plain_text

Outcome = Literal["reproduced", "agrees", "not reproduced", "undecided", "not comparable"]
FigureOutcome = Literal["agrees", "differs", "undecided", "not measured"]


@dataclass(frozen=True, slots=True)
class Party:
    """One run and who stands for it: `signer` is the name of an allowed signer, None where nobody knows.

    `digest` is that of the plan; `versions` are those that the servers of each entry said of themselves.
    """

    study: Study
    digest: str
    signer: str | None = None
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reproduced(Sparse):
    """One figure of both runs; `reason` says why it is open, or was not measured by both.

    `shape` is the kind of request, where there are several.
    """

    entry: str
    concurrency: int
    metric: str
    outcome: FigureOutcome
    ratio: Ratio | None
    reason: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Reproduction(Sparse):
    """Two runs of one plan, compared.

    `reasons` say why the outcome is not more than it is; "agrees" is said of figures that agree where two signers,
    or the label "consistent" of both, are missing.
    """

    schema: Literal["kit/reproduction/1"]
    kit_version: str
    a: Side
    b: Side
    signers: tuple[str | None, str | None]
    outcome: Outcome
    reasons: tuple[str, ...]
    figures: tuple[Reproduced, ...]
    notes: tuple[str, ...]


def party_of(opened: OpenedStudy, signer: str | None = None) -> Party:
    """A run or bundle that was verified; `InputError` for imported results, whose plan nobody knows."""
    plan, evidence = opened.plan, opened.evidence
    if plan is None or evidence is None:
        raise InputError(
            f"{plain_text(opened.study.name)} is imported: it has no plan.", "Give runs or bundles of the kit."
        )
    cpus = evidence.host.cpus_usable if evidence.host else None
    versions: dict[str, dict[str, None]] = {}
    for files in evidence.cells.values():
        server = (files.cell.server or files.cell.found) if files.cell else None
        if files.cell is not None and server is not None and server.version:
            versions.setdefault(files.cell.entry, {})[server.version] = None
    said = {entry: tuple(sorted(found)) for entry, found in versions.items()}
    return Party(opened.study, plan_digest(plan, cpus), signer, said)


def reproduction(a: Party, b: Party, metrics: Sequence[str] = CHOSEN) -> Reproduction:
    """Whether B reproduced A, figure by figure; symmetrical but for the ratios, which are A / B."""
    obstacles = tuple(_obstacles(a, b))
    figures = () if obstacles else _figures(a.study, b.study, metrics)
    outcome, reasons = _outcome(a, b, figures)
    return Reproduction(
        schema="kit/reproduction/1",
        kit_version=__version__,
        a=side_of(a.study),
        b=side_of(b.study),
        signers=(a.signer, b.signer),
        outcome="not comparable" if obstacles else outcome,
        reasons=obstacles or reasons,
        figures=figures,
        notes=remarks(a.study, b.study),
    )


# --- may they be compared ---------------------------------------------------------------------------------


def _obstacles(a: Party, b: Party) -> list[str]:
    if a.study.identity is not None and a.study.identity == b.study.identity:
        return ["both are the same bundle"]
    if _measurements(a.study) & _measurements(b.study):
        return ["measurements of one are those of the other: a copy reproduces nothing"]
    found = [] if a.digest == b.digest else ["two plans: what they ask is not the same"]
    found += differences(a.study.conditions, b.study.conditions)
    machines = facts_of_two(a.study, b.study)
    found += [f"two machines ({machines})"] if machines else []
    found += [
        f"other version of {plain_text(entry)}: {listed(map(plain_text, a.versions[entry]))} and "
        f"{listed(map(plain_text, b.versions[entry]))}"
        for entry in sorted(a.versions.keys() & b.versions.keys())
        if a.versions[entry] != b.versions[entry]
    ]
    return found


def _measurements(study: Study) -> set[object]:
    """What no two runs have in common: when a cell ended, and all figures of one cell to the last digit."""
    found: set[object] = set()
    for subject in study.subjects:
        for trial in subject.trials:
            place = place_of(subject)
            if trial.measured_utc is not None:
                found.add((*place, trial.measured_utc))
            figures = tuple((path, trial.values.get(path)) for path in CHOSEN)
            if all(value is not None and not float(value).is_integer() for _, value in figures):
                found.add((*place, figures))
    return found


# --- figure by figure -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pair:
    """One figure of both, or the reason why it decides nothing; `missing` if neither run has it."""

    subject: tuple[str, int]
    metric: str
    a: Sequence[float]
    b: Sequence[float]
    reason: str = ""
    missing: bool = False
    shape: str = ""


def _figures(a: Study, b: Study, metrics: Sequence[str]) -> tuple[Reproduced, ...]:
    """Of all shapes together: the two plans are one, so each has the other's."""
    theirs = {label_of(part): part for part in shapes_of(b)}
    pairs = [pair for part in shapes_of(a) if label_of(part) in theirs for pair in _pairs(part, theirs, metrics)]
    chances = [None if pair.reason else beyond_p(pair.a, pair.b) for pair in pairs]
    steps = iter(holm([p for p in chances if p is not None], REPRODUCED_ERROR))
    held = [REPRODUCED_ERROR if p is None else next(steps) for p in chances]
    return tuple(
        replace(_judged(pair, p, error), shape=pair.shape)
        for pair, p, error in zip(pairs, chances, held, strict=True)
    )


def _pairs(a: Study, theirs: Mapping[str, Study], metrics: Sequence[str]) -> list[_Pair]:
    label = label_of(a)
    b = theirs[label]
    places = dict.fromkeys((each.entry, each.concurrency) for each in (*a.subjects, *b.subjects))
    chosen = [judged_quantity(metric).path for metric in dict.fromkeys(metrics)]
    return [replace(_pair(a, b, place, metric), shape=label) for place in places for metric in chosen]


def _pair(a: Study, b: Study, place: tuple[str, int], metric: str) -> _Pair:
    x, y = find(a, *place), find(b, *place)
    lost = [name for name, each in (("A", x), ("B", y)) if each is None or not is_complete(each)]
    if len(lost) == 2:
        return _Pair(place, metric, (), (), "neither run has a result", missing=True)
    reason = _standing(x, "A", metric) or _standing(y, "B", metric)
    if not reason and x and y:
        reason = other_weights(x, y) or ""
    if reason or not x or not y:
        return _Pair(place, metric, (), (), reason)
    return _Pair(place, metric, values_of(x, metric), values_of(y, metric))


def _standing(subject: Subject | None, side: str, metric: str) -> str:
    if subject is None:
        return f"{side}: not measured"
    reason = why_left_out(subject, metric)
    return f"{side}: {reason}" if reason else ""


def _judged(pair: _Pair, beyond: float | None, held: float) -> Reproduced:
    entry, level = pair.subject
    if pair.reason:
        outcome: FigureOutcome = "not measured" if pair.missing else "undecided"
        return Reproduced(entry, level, pair.metric, outcome, None, pair.reason)
    alike = equivalence_p(pair.a, pair.b)
    # each side of the margin is tested at the error, so the interval shown is of twice as much
    ratio = ratio_of(pair.a, pair.b, 1 - 2 * REPRODUCED_ERROR)
    if is_always_equal(pair.a, pair.b) or (alike is not None and alike <= REPRODUCED_ERROR):
        return Reproduced(entry, level, pair.metric, "agrees", ratio, "")
    if beyond is not None and beyond <= held:
        return Reproduced(entry, level, pair.metric, "differs", ratio_of(pair.a, pair.b, 1 - 2 * held), "")
    if ratio.interval is None:
        return Reproduced(entry, level, pair.metric, "undecided", ratio, no_interval_text(ratio))
    words = f"neither surely alike nor surely unlike: {ratio_text(ratio)} {interval_text(ratio)}"
    return Reproduced(entry, level, pair.metric, "undecided", ratio, words)


# --- all together -----------------------------------------------------------------------------------------


def _outcome(a: Party, b: Party, figures: Sequence[Reproduced]) -> tuple[Outcome, tuple[str, ...]]:
    counts = {word: sum(each.outcome == word for each in figures) for word in ("agrees", "differs", "undecided")}
    if counts["differs"]:
        return "not reproduced", (f"{counts['differs']} of {len(figures)} figures differ",)
    if counts["undecided"]:
        return "undecided", (f"{counts['undecided']} of {len(figures)} figures are open",)
    if not counts["agrees"]:
        return "undecided", ("neither run has a result",)
    reasons = (*_who(a, b), *_labels(a, b))
    return ("agrees" if reasons else "reproduced"), reasons


def _who(a: Party, b: Party) -> list[str]:
    unsigned = [name for name, each in (("A", a), ("B", b)) if each.signer is None]
    if unsigned:
        return [f"the signer of {' and of '.join(unsigned)} is not known, so it may be one party twice"]
    if a.signer == b.signer:
        return [f"both are signed by {plain_text(a.signer or '')}, so it is one party twice"]
    return []


def _labels(a: Party, b: Party) -> list[str]:
    weak = [name for name, each in (("A", a), ("B", b)) if each.study.label != "consistent"]
    return [f"{' and '.join(weak)} not consistent by verification"] if weak else []
