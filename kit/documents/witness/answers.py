"""The witness of a speed run: what some of a load's requests are answered when they are asked again, alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kit.documents.pins import Sparse

WitnessRound = Literal["again", "repeat", "changed", "reference"]


@dataclass(frozen=True, slots=True)
class WitnessWish(Sparse):
    """A witness, as people write it in a platform file; `reference` names answers that come with the kit.

    Without a name an entry whose weights have such answers is compared with them.
    """

    questions: int = 16
    tokens: int = 24
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ReferencePin:
    """Answers that come with the kit, by the sha256 of their file."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WitnessRule(Sparse):
    """What a witness asks: so many `questions`, so many `tokens` of each at most (docs/method.md).

    `references` are answers of the weights of entries, by the name of the entry; those without are compared with
    none.
    """

    name: Literal["kit-witness-1"]
    questions: int
    tokens: int
    references: Mapping[str, ReferencePin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OtherToken:
    """What could have stood in a token's place: its text, and its log probability in 1/1000 nat."""

    text: str
    millinats: int


@dataclass(frozen=True, slots=True)
class WitnessToken(Sparse):
    """One token of an answer: how many bytes of the text it is, its log probability, and what else was likely."""

    bytes: int
    millinats: int
    others: tuple[OtherToken, ...] = ()


@dataclass(frozen=True, slots=True)
class WitnessAnswer(Sparse):
    """One line of witness.jsonl: the answer to request `id` of the load, or to question `id` of the reference.

    `round` is "again" or "repeat" (the very request, alone), "changed" (alone, with a demand that changes its
    answer) or "reference". `tokens` are there where the server gives log probabilities, `error` says why there is
    no answer.
    """

    round: WitnessRound
    id: int
    text: str
    finish_reason: str | None
    elapsed_ns: int
    tokens: tuple[WitnessToken, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class WitnessFacts(Sparse):
    """What the answers of a witness say, of a cell (kit.metrics.witness).

    Of `asked` requests, `differ` were answered otherwise under load than alone, without a near tie, and `near` at
    one; of `repeated`, `repeat_differ` were answered otherwise the second time alone. `discordant` counts those
    that differ under load alone, `concordant` those that differ in the repetition alone. `margins` says that log
    probabilities tell near ties. Of `changed` demands `unmoved` got the very same answer, and `instant` answers
    came faster than any model computes. Of `reference_asked` questions `reference_differ` were answered otherwise
    than by the weights themselves, `reference_near` at a near tie. `unanswered` requests got no answer alone.
    """

    asked: int
    differ: int
    near: int
    repeated: int
    repeat_differ: int
    discordant: int
    concordant: int
    margins: bool
    changed: int
    unmoved: int
    instant: int
    reference_asked: int = 0
    reference_differ: int = 0
    reference_near: int = 0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class ReferenceQuestion:
    """A question of a reference: the two messages of its chat, and the answer of the weights."""

    system: str
    user: str
    answer: WitnessAnswer


@dataclass(frozen=True, slots=True)
class WitnessReference:
    """Answers of weights, kept as data: by what they were made, and how many tokens each has at most."""

    schema: Literal["kit/reference-answers/1"]
    name: str
    model_sha256: str
    made_by: str
    tokens: int
    questions: tuple[ReferenceQuestion, ...]
