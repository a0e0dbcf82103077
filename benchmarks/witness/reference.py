"""Makes the answers that a model's weights give, to be kept as data: prompts/witness/NAME.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.witness.servers import load_of, served
from kit.catalogue import model
from kit.documents.witness import ReferenceQuestion, WitnessAnswer, WitnessReference
from kit.metrics.witness.limits import NEAR_MILLINATS
from kit.plan.prompts import load_prompts
from kit.plan.schedule import u64
from kit.plan.target import Access, parse_target
from kit.plan.witness import WitnessQuestion, reference_body
from kit.probe.witness import ask_witness
from kit.supply.download import fetch

QUESTIONS, TOKENS, PROMPTS = 32, 32, "short"
NOTHING = WitnessAnswer("reference", 0, "", None, 0)


def questions() -> tuple[ReferenceQuestion, ...]:
    """What is asked: prompts of the kit, each with a number of its own before it, as in a load."""
    texts = load_prompts(PROMPTS).texts[:QUESTIONS]
    return tuple(
        ReferenceQuestion(
            f"{u64(0, 'witness-reference', 'salt', at):016x} is the number of this request."
            " You are a careful programmer.",
            text,
            NOTHING,
        )
        for at, text in enumerate(texts)
    )


def answers(url: str, asked: Sequence[ReferenceQuestion], tokens: int = TOKENS) -> list[WitnessAnswer]:
    """The answers of a server to the questions of a reference, alone."""
    load = load_of(url, 0, tokens)
    made = [
        WitnessQuestion("reference", at, json.dumps(reference_body(load, each, tokens)))
        for at, each in enumerate(asked)
    ]
    return ask_witness(parse_target(url), Access(), "chat", made)


def make(name: str, made_by: str, log: Path) -> WitnessReference:
    """The reference of a model of the catalogue, by the embedded llama.cpp with one slot and one thread."""
    entry, asked = model(name), questions()
    with served(fetch(entry), log) as url:
        found = answers(url, asked)
    made = [
        ReferenceQuestion(each.system, each.user, kept(answer)) for each, answer in zip(asked, found, strict=True)
    ]
    assert entry.sha256 is not None
    return WitnessReference("kit/reference-answers/1", name, entry.sha256, made_by, TOKENS, tuple(made))


def kept(answer: WitnessAnswer) -> WitnessAnswer:
    """Without how long it took here, and without what was far less likely than what was said."""
    tokens = tuple(
        replace(token, others=tuple(o for o in token.others if token.millinats - o.millinats <= NEAR_MILLINATS))
        for token in answer.tokens
    )
    return replace(answer, elapsed_ns=0, tokens=tokens)
