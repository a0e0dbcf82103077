"""Two answers to one question, token by token: the same, parted at a near tie, or different. Pure."""

from __future__ import annotations

from typing import Literal

from kit.documents.witness import WitnessAnswer, WitnessToken
from kit.metrics.witness.limits import (
    MAX_DISTANCE_MILLINATS,
    MIN_COMMON_TOKENS,
    NEAR_MILLINATS,
    NEAR_REFERENCE_MILLINATS,
    TEXT_CHARS,
)

Verdict = Literal["same", "near", "differs"]


def compared(base: WitnessAnswer, text: str, *, ended: bool, near: int = NEAR_MILLINATS) -> Verdict:
    """Whether another answer to the same question says the same as `base`, as far as both go.

    `ended`: the other answer came to its own end; one that was cut says nothing beyond it. Without tokens only
    their beginnings are compared.
    """
    mine, other = base.text.encode(), text.encode()
    if not base.tokens:
        ended = ended and len(text) < TEXT_CHARS
        mine, other = base.text[:TEXT_CHARS].encode(), text[:TEXT_CHARS].encode()
    if other.startswith(mine):
        more = len(other) > len(mine)
        return "differs" if more and base.finish_reason == "stop" else "same"
    if mine.startswith(other) and not ended:
        return "same"
    at = 0
    for token in base.tokens:
        if other[at : at + token.bytes] != mine[at : at + token.bytes]:
            return "near" if _margin(token, other[at:]) <= near else "differs"
        at += token.bytes
    return "differs"


def _margin(token: WitnessToken, rest: bytes) -> int:
    """How much less likely than the token that what stands in its place was; beyond any limit where unlisted."""
    fitting = [
        other.millinats
        for other in token.others
        if (other.text and rest.startswith(other.text.encode())) or not rest
    ]
    return token.millinats - max(fitting) if fitting else 1 << 30


def distance_millinats(reference: WitnessAnswer, answer: WitnessAnswer) -> float | None:
    """The mean distance of log probabilities over the tokens that both begin with; None if they are too few."""
    ours, theirs = reference.text.encode(), answer.text.encode()
    at, distances = 0, []
    for mine, other in zip(reference.tokens, answer.tokens, strict=False):
        end = at + mine.bytes
        if mine.bytes != other.bytes or ours[at:end] != theirs[at:end]:
            break
        distances.append(abs(mine.millinats - other.millinats))
        at = end
    return sum(distances) / len(distances) if len(distances) >= MIN_COMMON_TOKENS else None


def against_reference(reference: WitnessAnswer, answer: WitnessAnswer) -> Verdict:
    """Whether an answer is one of the reference's weights: its words, and where they are known its certainty."""
    if answer.error:
        return "differs"
    ended = answer.finish_reason == "stop"
    verdict = compared(reference, answer.text, ended=ended, near=NEAR_REFERENCE_MILLINATS)
    distance = distance_millinats(reference, answer)
    return "differs" if distance is not None and distance > MAX_DISTANCE_MILLINATS else verdict
