"""The witness against real llama.cpp: other weights under a name are found, honest servers are not accused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.witness.reference import answers
from benchmarks.witness.servers import served
from benchmarks.witness.weights import with_fewer_bits, without_layer
from kit.catalogue import model
from kit.documents.witness import WitnessFacts, WitnessReference
from kit.metrics.witness.facts import Witnessed, witness_facts, witness_faults
from kit.plan.witness import reference, reference_pin
from kit.supply.download import fetch

pytestmark = pytest.mark.integration

NAME = "smollm2-135m-instruct-q4_1"
QUESTIONS, TOKENS = 10, 12
Make = Callable[[Path, Path], Path]


@pytest.fixture(scope="module")
def weights() -> Path:
    return fetch(model(NAME))


def known() -> WitnessReference:
    found = reference(reference_pin(NAME))
    assert found is not None
    return found


def facts_of(weights: Path, folder: Path, **settings: int) -> WitnessFacts:
    """What the reference says of a server with these weights."""
    asked = known()
    with served(weights, folder / "server.log", **settings) as url:
        told = answers(url, asked.questions[:QUESTIONS], TOKENS)
    return witness_facts(Witnessed(told, (), {}, asked))


@pytest.mark.parametrize(("slots", "threads", "ubatch_tokens"), [(1, 1, 512), (4, 2, 16)])
def test_the_weights_themselves_are_known_again(
    weights: Path, tmp_path: Path, slots: int, threads: int, ubatch_tokens: int
) -> None:
    """Whatever the threads, the slots and the batches of the prompt."""
    facts = facts_of(weights, tmp_path, slots=slots, threads=threads, ubatch_tokens=ubatch_tokens)
    assert facts.reference_asked == QUESTIONS
    assert witness_faults(facts, 1, NAME) == ()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda source, made: with_fewer_bits(source, made, 3, "ffn_down"), id="three-bits"),
        pytest.param(lambda source, made: without_layer(source, made, 29), id="a-layer-less"),
    ],
)
def test_other_weights_under_the_name_are_found(weights: Path, tmp_path: Path, make: Make) -> None:
    """The same file with three bits for a part of its weights, and with a layer that adds nothing."""
    facts = facts_of(make(weights, tmp_path / "model.gguf"), tmp_path)
    (fault,) = witness_faults(facts, 1, NAME)
    assert fault.startswith(f"answers are not those of {NAME}: ")
