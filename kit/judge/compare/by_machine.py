"""Recommendations from several runs: those of one machine are pooled, those of two never. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.documents import Slo
from kit.documents.pins import Sparse
from kit.documents.study import Study
from kit.errors import NoResultError
from kit.judge.compare.merging import merged
from kit.judge.machines import by_machine, machine_text, why_two
from kit.judge.recommendation import SHARE, Recommendation, recommend, recommendation_lines
from kit.judge.shapes import label_of, shapes_of
from kit.text import listed, plain_text


@dataclass(frozen=True, slots=True)
class MachineAdvice(Sparse):
    """What the runs of one machine recommend; `reason` is why they recommend nothing.

    `differs` says by which facts this is another machine than the first, `shape` for which kind of request it is.
    """

    machine: str
    runs: tuple[str, ...]
    recommendation: Recommendation | None
    reason: str
    differs: str
    shape: str = ""


def advised(
    studies: Sequence[Study], users: int, slo: Slo | None = None, share: float = SHARE
) -> tuple[MachineAdvice, ...]:
    """A recommendation for each machine and kind of request among the studies, in order of their first.

    `NoResultError` if so many users were measured on none of them, `InputError` as `merged`.
    """
    groups = by_machine(studies)
    pooled = [merged(group) for group in groups]
    found: list[MachineAdvice] = []
    refused: NoResultError | None = None
    parts = [(group, part) for group, each in zip(groups, pooled, strict=True) for part in shapes_of(each)]
    for group, study in parts:
        made, reason = None, ""
        try:
            made = recommend(study, users, slo, share)
        except NoResultError as error:
            refused, reason = refused or error, error.what
        differs = why_two(studies[0], study) if group is not groups[0] else ""
        runs = tuple(plain_text(each.name) for each in group)
        found.append(MachineAdvice(machine_text(study), runs, made, reason, differs, label_of(study)))
    if refused is not None and all(each.recommendation is None for each in found):
        raise refused
    return tuple(found)


def advice_lines(found: Sequence[MachineAdvice]) -> tuple[str, ...]:
    """Three lines; with several machines first that nothing was pooled and why, then three lines for each."""
    if len(found) == 1:
        return _lines(found[0])
    differences = listed(dict.fromkeys(each.differs for each in found if each.differs))
    machines = len(dict.fromkeys((each.machine, each.differs, each.runs) for each in found))
    words = f"{machines} machines, so their runs are not pooled: each has its own answer ({differences})."
    lines = [words] if machines > 1 else ["Each kind of request has its own answer."]
    for each in found:
        runs = f"{len(each.runs)} runs" if len(each.runs) > 1 else f"run {each.runs[0]}"
        where = [f"on {each.machine} ({runs})"] if machines > 1 else []
        heading = ", ".join((*where, *([each.shape] if each.shape else [])))
        lines += ["", f"{heading[0].upper()}{heading[1:]}:", *_lines(each)]
    return tuple(lines)


def _lines(each: MachineAdvice) -> tuple[str, ...]:
    return (each.reason,) if each.recommendation is None else recommendation_lines(each.recommendation)
