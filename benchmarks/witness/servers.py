"""Real llama.cpp servers with weights of one's choice, asked under load and alone as the witness asks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.documents import Exchange, Load, Loop, OutputTokens, PlannedRequest, Setting
from kit.documents.witness import WitnessAnswer
from kit.engines.process import ProcessEngine
from kit.loadgen.asking import Limits, ask_all, question
from kit.plan.chat_body import body
from kit.plan.prompts import load_prompts
from kit.plan.schedule import planned_request
from kit.plan.target import Access, parse_target
from kit.plan.witness import WitnessQuestion, demand
from kit.probe import probe_of
from kit.probe.witness import ask_witness
from kit.run.load_request import LoadRequest, make_load
from kit.runtimes import llamacpp
from kit.stream.answer import parse

LIMITS = Limits(600.0)
PROMPTS = "short"


@contextlib.contextmanager
def served(weights: Path, log: Path, **settings: Setting) -> Iterator[str]:
    """The address of the embedded llama.cpp with these weights."""
    engine = ProcessEngine()
    chosen = llamacpp.explicit("embedded", {"slots": 1, "threads": 1, **settings}, 1)
    spec = llamacpp.server("llamacpp", "embedded", chosen, str(weights), engine.free_port())
    with engine.server(spec, log) as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        yield running.url


def load_of(url: str, seed: int, tokens: int, *, ignore_eos: bool = True) -> Load:
    """A load of the kit's short prompts, as a platform makes it."""
    lengths = OutputTokens("uniform", tokens, tokens)
    asked = LoadRequest(
        url, None, Loop("closed", 1), 0, None, 1, PROMPTS, lengths, ignore_eos, seed, access=Access()
    )
    return make_load(asked, load_prompts(PROMPTS))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a server was asked under load, and the same again alone: by number."""

    loaded: Mapping[int, str]
    alone: Mapping[str, Mapping[int, WitnessAnswer]]


def ask_both(load: Load, count: int, tokens: int, rounds: Sequence[str] = ("again", "changed")) -> Asked:
    """The first `count` requests of a load, all at once, and then again one by one."""
    prompts = load_prompts(PROMPTS)
    requests = [
        planned_request(load.seed, load.lane, number, prompts.count, load.output_tokens) for number in range(count)
    ]
    bodies = [_body(load, prompts.texts, request, tokens) for request in requests]
    loaded = under_load(load, bodies)
    asked = {
        "again": [WitnessQuestion("again", at, json.dumps(each)) for at, each in enumerate(bodies)],
        "repeat": [WitnessQuestion("repeat", at, json.dumps(each)) for at, each in enumerate(bodies)],
        "changed": [
            WitnessQuestion("changed", at, json.dumps(_demanding(each, demand(load, at))))
            for at, each in enumerate(bodies)
        ],
    }
    target = parse_target(load.url)
    alone = {name: ask_witness(target, Access(), "chat", asked[name]) for name in rounds}
    return Asked(loaded, {name: {answer.id: answer for answer in found} for name, found in alone.items()})


def under_load(load: Load, bodies: Sequence[Mapping[str, object]]) -> dict[int, str]:
    """The texts of all answers, asked at the same time: as many are decoded together as the server has slots."""
    target, texts = parse_target(load.url), dict[int, str]()

    def keep(exchange: Exchange) -> None:
        texts[exchange.id] = parse(exchange.pieces).text

    asked = [question(target, Access(), target.path_of("chat"), json.dumps(each).encode()) for each in bodies]
    ask_all(target, Access(), asked, LIMITS, keep)
    return texts


def _body(load: Load, prompts: Sequence[str], request: PlannedRequest, tokens: int) -> dict[str, object]:
    shorter = PlannedRequest(request.id, request.prompt, request.salt, min(tokens, request.max_tokens))
    return body(load, prompts, shorter)


def _demanding(asked: Mapping[str, object], more: str) -> dict[str, object]:
    messages = asked["messages"]
    assert isinstance(messages, list)
    last = messages[-1]
    return {**asked, "messages": [*messages[:-1], {**last, "content": f"{last['content']}\n\n{more}"}]}
