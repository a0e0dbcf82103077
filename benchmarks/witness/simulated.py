"""How often a witness errs, by simulation: honest servers that are accused, frauds that are not.

Each question of an honest server parts from itself by a chance of its own, drawn around the mean (beta
distribution): some prompts are closer to a tie than others, and prompts of one run resemble each other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from kit.documents.witness import WitnessFacts
from kit.metrics.witness.facts import witness_faults

SEED, SPREAD = 2026, 4.0  # of the beta distribution: its two shapes together
EMPTY = WitnessFacts(0, 0, 0, 0, 0, 0, 0, margins=True, changed=0, unmoved=0, instant=0)


@dataclass(frozen=True, slots=True)
class Server:
    """What a server does: shares of answers that differ under load, when repeated, and from the reference."""

    name: str
    under_load: float
    repeated: float = 0.0
    reference: float = 0.0
    unmoved: float = 0.0
    margins: bool = True
    honest: bool = True


def accused(server: Server, questions: int, rounds: int = 4000) -> float:
    """The share of cells in which the witness speaks against this server."""
    chance = random.Random(f"{SEED}/{server.name}/{questions}")
    return sum(bool(witness_faults(_cell(server, questions, chance), 8)) for _ in range(rounds)) / rounds


def _cell(server: Server, questions: int, chance: random.Random) -> WitnessFacts:
    under_load = [_hit(server.under_load, chance) for _ in range(questions)]
    repeated = [_hit(server.repeated, chance) for _ in range(questions)]
    changed = -(-questions // 2)
    return WitnessFacts(
        asked=questions,
        differ=sum(under_load),
        near=0,
        repeated=questions,
        repeat_differ=sum(repeated),
        discordant=_parted(under_load, repeated),
        concordant=_parted(repeated, under_load),
        margins=server.margins,
        changed=changed,
        unmoved=sum(_hit(server.unmoved, chance) for _ in range(changed)),
        instant=0,
        reference_asked=questions,
        reference_differ=sum(_hit(server.reference, chance) for _ in range(questions)),
    )


def _parted(one: Sequence[bool], other: Sequence[bool]) -> int:
    return sum(first and not second for first, second in zip(one, other, strict=True))


def _hit(mean: float, chance: random.Random) -> bool:
    if mean in (0.0, 1.0):
        return bool(mean)
    return chance.random() < chance.betavariate(SPREAD * mean, SPREAD * (1 - mean))
