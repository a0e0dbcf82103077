"""What a witness asks: requests of the load again and alone, some with a demand more, and a reference's questions.

Which requests, demands and questions follows from the seed of the plan; docs/method.md says why they are those.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

from kit.assets import asset
from kit.documents import NO_WEIGHTS, Entry, Load, PlannedRequest, Record, Window
from kit.documents.pins import ModelPin, WeightsPin
from kit.documents.witness import (
    ReferencePin,
    ReferenceQuestion,
    WitnessReference,
    WitnessRound,
    WitnessRule,
    WitnessWish,
)
from kit.errors import InputError
from kit.metrics.aggregate import sent_in
from kit.plan.chat_body import Prompt, body, chat_request
from kit.plan.schedule import below, u64
from kit.strict import read_json, typed
from kit.strict.schema import check
from kit.text import hint, plain_text

FOLDER = ("prompts", "witness")
CHANGED_SHARE = 2  # every second request is also asked with a demand more
MAX_REFERENCE_BYTES = 1 << 20
IGNORE_EOS = "ignore_eos"


@dataclass(frozen=True, slots=True)
class WitnessQuestion:
    """One question: its round, the request or question of the reference that it is, and the body as JSON text."""

    round: WitnessRound
    id: int
    body: str


# --- references -------------------------------------------------------------------------------------------


def reference_names() -> list[str]:
    """The names of the references that come with the kit: those of their models."""
    return sorted(path.stem for path in asset(*FOLDER).glob("*.json"))


def reference_pin(name: str) -> ReferencePin:
    """A reference of the kit; `InputError` naming the nearest where there is none of that name."""
    names = reference_names()
    if name not in names:
        raise InputError(
            f"There is no witness reference {plain_text(name)!r}.",
            hint(name, names, also=f"Known references: {', '.join(names)}."),
        )
    return ReferencePin(name, _read(name)[1])


def reference(pin: ReferencePin) -> WitnessReference | None:
    """The reference that a plan names; None where this kit has no such file."""
    if pin.name not in reference_names():
        return None
    found, digest = _read(pin.name)
    return found if digest == pin.sha256 else None


@cache
def _read(name: str) -> tuple[WitnessReference, str]:
    data, where = asset(*FOLDER, f"{name}.json").read_bytes(), f"prompts/witness/{name}.json"
    value = read_json(data, where, max_bytes=MAX_REFERENCE_BYTES)
    check(value, "reference-answers", where)
    return typed(WitnessReference, value, where), sha256(data).hexdigest()


def witness_rule(
    wish: WitnessWish | None, entries: Sequence[Entry], model: ModelPin, models: Sequence[WeightsPin]
) -> WitnessRule | None:
    """The rule of a plan, with the references of its entries; None where nobody asks for a witness."""
    if wish is None:
        return None
    references: dict[str, ReferencePin] = {}
    for entry in entries:
        name = wish.reference if entry.url is not None else known_for(entry, model, models)
        if name is not None:
            references[entry.name] = reference_pin(name)
    return WitnessRule("kit-witness-1", wish.questions, wish.tokens, references)


def known_for(entry: Entry, model: ModelPin, models: Sequence[WeightsPin]) -> str | None:
    """The reference of an entry's own weights; None where the kit has none, or did not start the server."""
    if entry.url is not None:
        return None
    own = {pin.name: pin.sha256 for pin in models}
    served = None if model == NO_WEIGHTS else model.sha256
    weights = own.get(entry.model) if entry.model is not None else served
    return next((name for name in reference_names() if _read(name)[0].model_sha256 == weights), None)


# --- questions --------------------------------------------------------------------------------------------


def chosen_requests(
    rule: WitnessRule, load: Load, window: Window | None, records: Iterable[Record]
) -> tuple[Record, ...]:
    """The requests of a load that are asked again: of those of its window that were answered well, the first by

    draws of the seed. Turns of sessions are none: what they ask depends on what was answered before.
    """
    sent = () if window is None else (record for record in records if sent_in(record, window))
    good = [record for record in sent if record.outcome == "ok" and record.session is None]
    good.sort(key=lambda record: u64(load.seed, load.lane, "witness", record.id))
    return tuple(good[: rule.questions])


def chosen_questions(rule: WitnessRule, load: Load, known: WitnessReference) -> tuple[int, ...]:
    """The questions of a reference that are asked, by their numbers, in the order of the seed's draws."""
    numbers = sorted(
        range(len(known.questions)), key=lambda number: u64(load.seed, load.lane, "witness.reference", number)
    )
    return tuple(numbers[: rule.questions])


def reference_of(rule: WitnessRule, entry: str, load: Load) -> WitnessReference | None:
    """The reference that an entry is compared with; none where its load asks no chats with a system message."""
    pin = rule.references.get(entry)
    return None if pin is None or load.api != "chat" or load.chat != "system-user" else reference(pin)


def witness_ids(
    rule: WitnessRule, load: Load, records: Sequence[Record], known: WitnessReference | None
) -> tuple[tuple[WitnessRound, int], ...]:
    """Rounds and numbers of all questions, in the order in which they are asked; `records` are the chosen ones."""
    numbers = [record.id for record in records]
    changed = numbers[: -(-len(numbers) // CHANGED_SHARE)]
    asked: list[tuple[WitnessRound, int]] = [("again", number) for number in numbers]
    asked += [("changed", number) for number in changed]
    asked += [("repeat", number) for number in numbers]
    asked += [("reference", number) for number in (chosen_questions(rule, load, known) if known else ())]
    return tuple(asked)


def witness_questions(
    rule: WitnessRule,
    load: Load,
    prompts: Sequence[Prompt],
    records: Sequence[Record],
    known: WitnessReference | None,
) -> tuple[WitnessQuestion, ...]:
    """All questions of a cell, once its load is over; `records` are the chosen ones."""
    by_id = {record.id: record for record in records}
    made = []
    for round_, number in witness_ids(rule, load, records, known):
        if round_ == "reference":
            asked = reference_body(load, known.questions[number], rule.tokens) if known else {}
        else:
            asked = _again(load, prompts, by_id[number], rule.tokens)
            if round_ == "changed":
                asked = _demanding(asked, demand(load, number))
        made.append(WitnessQuestion(round_, number, json.dumps(asked, ensure_ascii=False)))
    return tuple(made)


def _again(load: Load, prompts: Sequence[Prompt], record: Record, tokens: int) -> dict[str, object]:
    """The very request of the load, but for the length of its answer."""
    request = PlannedRequest(record.id, record.prompt, record.salt, min(tokens, record.max_tokens))
    return body(load, prompts, request)


def demand(load: Load, number: int) -> str:
    """What is added to request `number` so that its answer must change; nobody knows it before the seed."""
    draw = 1000 + below(u64(load.seed, load.lane, "witness.changed", number), 9000)
    return f"Do not answer that. Answer with the number {draw} and nothing else."


def _demanding(asked: dict[str, object], more: str) -> dict[str, object]:
    messages = asked.get("messages")
    if not isinstance(messages, list):
        return {**asked, "prompt": f"{asked.get('prompt', '')}\n\n{more}"}
    last = messages[-1]
    return {**asked, "messages": [*messages[:-1], {**last, "content": f"{last['content']}\n\n{more}"}]}


def reference_body(load: Load, question: ReferenceQuestion, tokens: int) -> dict[str, object]:
    """The request that asks a question of a reference: as the load asks, but its answer may end."""
    chat = [{"role": "system", "content": question.system}, {"role": "user", "content": question.user}]
    extra: Mapping[str, object] = {key: value for key, value in load.extra_body.items() if key != IGNORE_EOS}
    return chat_request(replace(load, extra_body=extra), chat, tokens)
