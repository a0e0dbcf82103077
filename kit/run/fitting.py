"""What the load of a cell needs of its server beside an address: how it counts the tokens of made-up prompts."""

from __future__ import annotations

import json
from dataclasses import replace

from kit.documents import Load, TextPin
from kit.documents.shape import LengthFit
from kit.errors import RuntimeNotReadyError
from kit.loadgen.asking import Limits, ask, question
from kit.plan.plan import cell_load
from kit.plan.prompt_files import synthetic_prompts
from kit.plan.prompts import PromptSet
from kit.plan.target import Access, parse_target
from kit.plan.workloads.corpus import corpus_prompts, planned_prompts
from kit.plan.workloads.lengths import fit_of, fit_questions, made_up, prompt_tokens_of
from kit.plan.workloads.shapes import shape_of
from kit.probe import Probe
from kit.probe.http import EndpointError, whole_body
from kit.run.phases import CellState

# As long as the first text of an answer may take: the long prompt is one of the load's, or shorter.
QUESTION_S = 600.0


def fitted_load(state: CellState) -> Load:
    """The load of the cell; where prompts are made to a length, the server is asked first how it counts them."""
    inputs, url = state.inputs, state.server.running.url
    load = cell_load(inputs.plan, inputs.cell, url, state.model_name)
    length = shape_of(inputs.plan, inputs.cell).input_tokens
    if length is None:
        return load
    fit = _fit(load, length, state.server.probe)
    return cell_load(inputs.plan, inputs.cell, url, state.model_name, fit)


def _fit(load: Load, input_tokens: int, probe: Probe) -> LengthFit | None:
    """None where the server does not count: the lengths are nominal then, and `kit verify` says so."""
    path = parse_target(load.url).path_of(load.api)
    counts = []
    for asked in fit_questions(load, input_tokens):
        try:
            counts.append(prompt_tokens_of(probe.post(path, asked, QUESTION_S)))
        except EndpointError as error:
            raise RuntimeNotReadyError(
                f"The server does not answer a made-up prompt: {error}.",
                "Its context must hold prompt and answer of the longest shape: see the entry's settings.",
            ) from None
    return fit_of(input_tokens, counts)


def fitted_by_hand(load: Load, input_tokens: int, access: Access) -> tuple[Load, PromptSet]:
    """A load by hand with prompts made to a length, after the server was asked how it counts them.

    One that does not answer such a question well gets prompts of nominal length, like one that does not count.
    """
    target = parse_target(load.url)
    counts = []
    for asked in fit_questions(load, input_tokens):
        one = question(target, access, target.path_of(load.api), json.dumps(asked).encode())
        try:
            counts.append(prompt_tokens_of(json.loads(whole_body(ask(target, access, one, Limits(QUESTION_S))))))
        except (EndpointError, ValueError):
            counts.append(None)
    fit = fit_of(input_tokens, counts)
    prompts = synthetic_prompts(input_tokens, load.seed, fit)
    pin = TextPin(prompts.name, prompts.sha256, prompts.count)
    return replace(load, prompts=pin, made_up=made_up(input_tokens, fit), prefill=True), prompts


def prompts_of_load(load: Load, name: str) -> PromptSet:
    """The prompts of a cell's load: the set of the plan, or those of the corpus that are made to a length."""
    return planned_prompts(name) if load.made_up is None else corpus_prompts(load.seed, load.made_up)
