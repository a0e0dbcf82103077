"""The gate: which cards are below a grade. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kit.documents.pins import Sparse
from kit.errors import InputError
from kit.judge.score.card import Card, Scorecard
from kit.judge.score.contract import Contract
from kit.text import plain_text


@dataclass(frozen=True, slots=True)
class Failure(Sparse):
    """A card that is below the grade asked for, and why; `machine` as of the card."""

    study: str
    entry: str
    concurrency: int
    grade: str | None
    composite: float | None
    reasons: tuple[str, ...]
    machine: str = ""


def known_grade(contract: Contract, grade: str) -> str:
    """The grade as the contract writes it; `InputError` with all of them if it has none of that name."""
    names = {each.grade.lower(): each.grade for each in contract.grades}
    if grade.lower() not in names:
        raise InputError(
            f"The contract {contract.name} has no grade {plain_text(grade)!r}.",
            f"Its grades, best first: {', '.join(names.values())}.",
        )
    return names[grade.lower()]


def failures(found: Scorecard, contract: Contract, grade: str) -> tuple[Failure, ...]:
    """The cards whose grade is below `grade`, or that have none."""
    floors = {each.grade: each.at_least for each in contract.grades}
    floor = floors[known_grade(contract, grade)]
    return tuple(
        Failure(card.study, card.entry, card.concurrency, card.grade, card.composite, _reasons(card), card.machine)
        for card in found.cards
        if card.grade is None or floors[card.grade] < floor
    )


def _reasons(card: Card) -> tuple[str, ...]:
    """What stands in the way: doubts and holes first; else the metrics that cost the most points."""
    notes = tuple(note.text for note in card.notes if note.kind not in ("bonus", "penalty", "ambiguous"))
    costs = [((100 - (each.score or 0.0)) * each.weight, each.metric) for each in card.metrics]
    worst = [f"{name} costs {cost:.1f} points" for cost, name in sorted(costs, reverse=True)[:2] if cost >= 1]
    return notes + tuple(worst) if card.composite is not None else notes
