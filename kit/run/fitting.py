"""What the load of a cell needs of its server beside an address: how it counts the tokens of made-up prompts."""

from __future__ import annotations

from kit.documents import Load
from kit.documents.shape import LengthFit
from kit.errors import RuntimeNotReadyError
from kit.plan.corpus import corpus_prompts, planned_prompts
from kit.plan.lengths import fit_of, fit_questions, prompt_tokens_of
from kit.plan.plan import cell_load
from kit.plan.prompts import PromptSet
from kit.plan.shapes import shape_of
from kit.plan.target import parse_target
from kit.probe import Probe
from kit.probe.http import EndpointError
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
    for question in fit_questions(load, input_tokens):
        try:
            counts.append(prompt_tokens_of(probe.post(path, question, QUESTION_S)))
        except EndpointError as error:
            raise RuntimeNotReadyError(
                f"The server does not answer a made-up prompt: {error}.",
                "Its context must hold prompt and answer of the longest shape: see the entry's settings.",
            ) from None
    return fit_of(input_tokens, counts)


def prompts_of_load(load: Load, name: str) -> PromptSet:
    """The prompts of a cell's load: the set of the plan, or those of the corpus that are made to a length."""
    return planned_prompts(name) if load.made_up is None else corpus_prompts(load.seed, load.made_up)
