"""What all answers of a cell's witness say, in counts, and whether that is what honest servers do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kit.documents import Record
from kit.documents.witness import WitnessAnswer, WitnessFacts, WitnessReference
from kit.metrics.probability.proportions import mcnemar_one_sided
from kit.metrics.witness.exact import limit_of
from kit.metrics.witness.limits import (
    HONEST_DIFFER,
    HONEST_DIFFER_BY_TEXT,
    HONEST_REFERENCE,
    HONEST_REFERENCE_BY_TEXT,
    HONEST_UNANSWERED,
    HONEST_UNMOVED,
    INSTANT_NS_PER_TOKEN,
    MAX_BY_CHANCE_PAIRED,
    MAX_INSTANT_SHARE,
)
from kit.metrics.witness.pairs import Verdict, against_reference, compared


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a witness said of a cell: its answers, and what the load was answered to the same requests."""

    answers: Sequence[WitnessAnswer]
    records: Sequence[Record]  # those that were chosen
    texts: Mapping[int, str]
    reference: WitnessReference | None = None


def witness_facts(seen: Witnessed) -> WitnessFacts:
    """The counts of a cell's witness."""
    rounds: dict[str, dict[int, WitnessAnswer]] = {}
    for answer in seen.answers:
        rounds.setdefault(answer.round, {})[answer.id] = answer
    again, repeat, changed = (rounds.get(name, {}) for name in ("again", "repeat", "changed"))
    ended = {record.id: record.finish_reason == "stop" for record in seen.records}
    under_load = {
        number: _of_pair(base, seen.texts.get(number, ""), ended=ended.get(number, False))
        for number, base in again.items()
    }
    twice = {
        number: _of_pair(again[number], second.text, ended=second.finish_reason == "stop", error=second.error)
        for number, second in repeat.items()
        if number in again
    }
    differ = {number for number, verdict in under_load.items() if verdict == "differs"}
    repeat_differ = {number for number, verdict in twice.items() if verdict == "differs"}
    pairs = under_load.keys() & twice.keys()
    alone = [*again.values(), *repeat.values()]
    known = seen.reference.questions if seen.reference else ()
    told = [
        against_reference(known[number].answer, answer)
        for number, answer in rounds.get("reference", {}).items()
        if number < len(known)
    ]
    return WitnessFacts(
        asked=len(again),
        differ=len(differ),
        near=sum(verdict == "near" for verdict in under_load.values()),
        repeated=len(twice),
        repeat_differ=len(repeat_differ),
        discordant=len(pairs & differ - repeat_differ),
        concordant=len(pairs & repeat_differ - differ),
        margins=any(answer.tokens for answer in alone),
        changed=len(changed),
        unmoved=sum(_same_words(again.get(number), answer) for number, answer in changed.items()),
        instant=sum(map(_is_instant, alone)),
        reference_asked=len(told),
        reference_differ=sum(verdict == "differs" for verdict in told),
        reference_near=sum(verdict == "near" for verdict in told),
        unanswered=sum(bool(answer.error) for answer in again.values()),
    )


def _of_pair(base: WitnessAnswer, text: str, *, ended: bool, error: str = "") -> Verdict:
    if base.error or error:
        return "differs"  # an answer under load and none alone
    return compared(base, text, ended=ended)


def _same_words(base: WitnessAnswer | None, changed: WitnessAnswer) -> bool:
    return base is not None and bool(base.text) and not changed.error and base.text == changed.text


def _is_instant(answer: WitnessAnswer) -> bool:
    """Whether it came faster than any model computes; a token has at most so many bytes as are counted here."""
    tokens = len(answer.tokens) or len(answer.text) // 4
    return not answer.error and tokens > 8 and answer.elapsed_ns < tokens * INSTANT_NS_PER_TOKEN


FAILED = "WrongUnderLoad"  # the kind of failure of a cell whose witness spoke against it


# --- the verdict ------------------------------------------------------------------------------------------


def witness_faults(facts: WitnessFacts, concurrency: int, reference: str | None = None) -> tuple[str, ...]:
    """Why a cell has no number: what its witness found beyond what honest servers do. Empty if it passed."""
    return tuple(
        words
        for words in (
            _unanswered(facts),
            _under_load(facts, concurrency),
            _cached(facts),
            _other_weights(facts, reference),
        )
        if words
    )


def _unanswered(facts: WitnessFacts) -> str:
    if facts.unanswered < limit_of(facts.asked, HONEST_UNANSWERED):
        return ""
    return f"requests that were answered under load are not answered alone: {facts.unanswered} of {facts.asked}"


def _under_load(facts: WitnessFacts, concurrency: int) -> str:
    share = HONEST_DIFFER if facts.margins else HONEST_DIFFER_BY_TEXT
    too_many = facts.differ >= limit_of(facts.asked, share)
    if not too_many or mcnemar_one_sided(facts.discordant, facts.concordant) > MAX_BY_CHANCE_PAIRED:
        return ""
    return (
        f"answers at {users(concurrency)} differ from those at 1: {facts.differ} of {facts.asked} "
        f"(limit {limit_of(facts.asked, share) - 1}; of those asked twice alone, {facts.repeat_differ})"
    )


def users(concurrency: int) -> str:
    """So many users, in words."""
    return f"{concurrency} user{'s' * (concurrency != 1)}"


def _cached(facts: WitnessFacts) -> str:
    if facts.unmoved >= limit_of(facts.changed, HONEST_UNMOVED):
        return f"answers do not change with their question: {facts.unmoved} of {facts.changed}"
    alone = facts.asked + facts.repeated
    if alone and Fraction(facts.instant, alone) > MAX_INSTANT_SHARE:
        pace = INSTANT_NS_PER_TOKEN / 1e6
        return f"answers come from a store: {facts.instant} of {alone} faster than {pace:g} ms a token"
    return ""


def _other_weights(facts: WitnessFacts, reference: str | None) -> str:
    share = HONEST_REFERENCE if facts.margins else HONEST_REFERENCE_BY_TEXT
    limit = limit_of(facts.reference_asked, share)
    if facts.reference_differ < limit:
        return ""
    return (
        f"answers are not those of {reference or 'the reference'}: "
        f"{facts.reference_differ} of {facts.reference_asked} differ (limit {limit - 1})"
    )
