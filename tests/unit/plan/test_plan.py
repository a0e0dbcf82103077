"""Plans: the order of cells, explicit settings, pins, and that the same inputs give the same bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.catalogue import model
from kit.documents import Plan
from kit.errors import InputError
from kit.plan.plan import cell_load, cell_order, duration_estimate_s, seconds_to_ns
from kit.plan.weights import pin_model
from kit.strict import plain, read_json, typed, write_json
from kit.strict.schema import problems
from tests.support.fakes import demo_plan

PLAN = demo_plan()


def test_replicates_are_interleaved_and_start_with_another_entry_each() -> None:
    """No entry always runs first."""
    cells = cell_order(("a", "b"), (1, 4), 2)
    assert [cell.id for cell in cells] == [
        "r1-c1-a",
        "r1-c1-b",
        "r1-c4-a",
        "r1-c4-b",
        "r2-c1-b",
        "r2-c1-a",
        "r2-c4-b",
        "r2-c4-a",
    ]
    assert [cell.order for cell in cells] == list(range(8))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_every_cell_is_planned_once(entries: int, levels: int, replicates: int) -> None:
    """Entries x concurrencies x replicates, ids distinct; all entries of a level share its lane."""
    cells = cell_order(tuple(f"e{i}" for i in range(entries)), tuple(range(1, levels + 1)), replicates)
    assert len({cell.id for cell in cells}) == len(cells) == entries * levels * replicates
    assert len({cell.lane for cell in cells}) == levels * replicates


def test_settings_are_explicit_in_a_plan() -> None:
    """Defaults are written out and "all CPUs" is a number."""
    settings = PLAN.entries[1].settings
    assert settings == {
        "slots": 4,
        "context_tokens_per_slot": 640,
        "threads": 2,
        "batch_tokens": 2048,
        "ubatch_tokens": 512,
    }


def test_a_plan_is_the_same_bytes_each_time_and_survives_a_round_trip() -> None:
    """No clock, no machine in it; strict JSON, schema and types read it back."""
    data = write_json(plain(PLAN))
    assert data == write_json(plain(demo_plan()))
    document = read_json(data, "plan.json")
    assert problems(document, "plan") == []
    assert typed(Plan, document, "plan.json") == PLAN


def test_a_load_follows_from_plan_and_cell() -> None:
    """Concurrency, lane, window and ignore_eos, which llama.cpp understands."""
    cell = PLAN.cells[-2]
    load = cell_load(PLAN, cell, "http://127.0.0.1:1", "m")
    assert load.loop.concurrency == cell.concurrency
    assert (load.lane, load.seed, load.window_ns) == (cell.lane, 2026, 8_000_000_000)
    assert load.extra_body == {"ignore_eos": True}
    without = replace(PLAN, workload=replace(PLAN.workload, ignore_eos=False))
    assert cell_load(without, cell, "http://127.0.0.1:1", "m").extra_body == {}


@pytest.mark.parametrize(("seconds", "ns"), [(0, 0), (0.1, 100_000_000), (8, 8_000_000_000), (1e-6, 1000)])
def test_seconds_become_exact_nanoseconds(seconds: float, ns: int) -> None:
    """0.1 s is 100,000,000 ns."""
    assert seconds_to_ns(seconds) == ns


def test_a_model_without_a_hash_cannot_be_planned() -> None:
    """A plan names weights by hash or not at all."""
    entry = replace(model("smollm2-135m-instruct-q4_1"), sha256=None)
    with pytest.raises(InputError, match="is unknown"):
        pin_model(entry)


def test_an_unknown_model_names_the_nearest() -> None:
    """A typing mistake is met with the right word."""
    with pytest.raises(InputError) as caught:
        model("smollm2-135m-instruct-q4_l")
    assert "smollm2-135m-instruct-q4_1" in caught.value.remedy


def test_the_estimate_counts_every_cell() -> None:
    """12 cells of 10 s and the overhead of each."""
    assert duration_estimate_s(PLAN, overhead_s=5) == 12 * 15
