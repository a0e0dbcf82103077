"""The conformance vectors of the contracts: figures in, points, composite and grade out."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from kit.documents.pins import Hardware
from kit.documents.study import Study, Subject, Trial
from kit.judge.score import Card, contract_names, load_contract, scorecard
from kit.strict import read_yaml
from tests.support.studies import study, subject, trial

FIELDS = {
    "decode": "raw.decode_tok_per_sec",
    "ttft": "raw.ttft_p50_ms",
    "itl": "raw.itl_p50_ms",
    "p99": "raw.ttft_p99_ms",
    "errors": "raw.error_rate",
    "tokens": "raw.tokens_per_sec",
    "spikes": "raw.spike_count",
    "cv": "raw.itl_cv",
}


def document(name: str) -> Any:
    path = files("kit.catalogue").joinpath("contracts", "vectors", f"{name}.yaml")
    return read_yaml(path.read_bytes(), name).value


def vectors(name: str) -> list[Any]:
    return [pytest.param(each, id=each["name"]) for each in document(name)["vectors"]]


def assert_metrics(card: Card, expected: dict[str, float | None]) -> None:
    assert {each.metric: each.score for each in card.metrics} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", contract_names())
def test_the_vectors_are_of_the_contract_as_it_is(name: str) -> None:
    """A new version of a contract needs its vectors looked at again, and there are enough of them."""
    found = document(name)
    assert (found["contract"], found["version"]) == (load_contract(name).name, load_contract(name).version)
    assert len(found["vectors"]) >= 12


# --- kit-1 and kit-2 --------------------------------------------------------------------------------------


def our_trial(number: int, given: Any) -> Trial:
    if isinstance(given, str):
        return trial(number, given)
    figures = {path: value for path, value in given.items() if path != "suspect"}
    suspect = ("send lag",) if "suspect" in given else ()
    return replace(trial(number), values=figures, suspect=suspect)


def our_study(vector: Any) -> Study:
    machine = vector["machine"]
    hardware = Hardware("a device", machine[0], machine[1], "a data sheet") if machine else None
    subjects = [
        replace(
            subject(entry, vector["concurrency"], *(our_trial(n, each) for n, each in enumerate(trials, 1))),
            weights_bytes=int(vector["weights_gb"] * 1e9),
        )
        for entry, trials in vector["subjects"].items()
    ]
    return study(*subjects, hardware=hardware)


@pytest.mark.parametrize(
    ("name", "vector"),
    [
        pytest.param(name, *each.values, id=f"{name}: {each.id}")
        for name in ("kit-1", "kit-2")
        for each in vectors(name)
    ],
)
def test_our_contracts_compute_their_vectors(name: str, vector: Any) -> None:
    """To six digits the points, exactly the composite and the grade."""
    cards = {card.entry: card for card in scorecard([our_study(vector)], load_contract(name)).cards}
    assert cards.keys() == vector["expect"].keys()
    for entry, expected in vector["expect"].items():
        card = cards[entry]
        assert_metrics(card, expected["scores"])
        assert (card.composite, card.grade) == (expected["composite"], expected["grade"])


# --- probador-2.0 -----------------------------------------------------------------------------------------


def their_subject(given: Any) -> Subject:
    one = trial(1)
    values = {path: given[field] for field, path in FIELDS.items() if field in given}
    one = replace(one, values=values, measured_utc=f"2026-03-0{given['at']}T00:00:00.000000Z")
    return subject(given["name"], given["c"], one)


def their_cards(vector: Any) -> list[Card]:
    """One card for each file, in the order of the files: each is an import of its own."""
    studies = [
        replace(study(their_subject(given), hardware=None), origin="imported", label=None, identity=f"{place:064}")
        for place, given in enumerate(vector["files"])
    ]
    named = [replace(each, name=f"file-{place}") for place, each in enumerate(studies)]
    cards = {card.study: card for card in scorecard(named, load_contract("probador-2.0")).cards}
    return [cards[f"file-{place}"] for place in range(len(named))]


@pytest.mark.parametrize("vector", vectors("probador-2.0"))
def test_probador_2_0_computes_its_vectors(vector: Any) -> None:
    """Every point to the digit, and a note where the original may print either of two numbers."""
    cards = their_cards(vector)
    assert len(cards) == len(vector["expect"])
    for card, expected in zip(cards, vector["expect"], strict=True):
        assert [each.score for each in card.metrics] == expected["scores"]
        assert (card.composite, card.grade) == (expected["composite"], expected["grade"])
        is_ambiguous = any(note.kind == "ambiguous" for note in card.notes)
        assert is_ambiguous == expected.get("ambiguous", False)
