"""Plans of containers: limits of entries, weights of their own; older plans are still what the kit writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.catalogue import model
from kit.documents import Entry, Plan
from kit.documents.pins import ImagePin, WeightsPin
from kit.errors import InputError
from kit.plan.correctness import load_suite
from kit.plan.plan import cell_count, cell_order, duration_estimate_s, limits, make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.plan.weights import pin_weights, weights_of
from kit.strict import plain, read_json, typed, write_json
from kit.strict.schema import problems
from tests.support.container_plans import BF16, IN_CONTAINERS, LARGEST, MADE, plan_of
from tests.support.fakes import demo_plan


@pytest.mark.parametrize("name", IN_CONTAINERS)
def test_a_plan_of_containers_is_complete_and_valid(name: str) -> None:
    """Schema, types and bytes; every setting of every entry has its value; the machine is in it."""
    plan = plan_of(name)
    data = write_json(plain(plan))
    document = read_json(data, "plan.json")
    assert problems(document, "plan") == []
    assert typed(Plan, document, "plan.json") == plan
    assert (plan.engine, plan.hardware, plan.published) == (
        "docker",
        load_platform(name).hardware,
        load_platform(name).published,
    )
    assert all(value is not None for entry in plan.entries for value in entry.settings.values())


def test_a_plan_without_containers_is_written_as_it_always_was() -> None:
    """Optional fields at their defaults are not written, so what was canonical stays canonical."""
    document: Any = plain(demo_plan())
    assert not {"models", "images", "hardware", "published"} & document.keys()
    assert all(set(entry) == {"name", "runtime", "variant", "settings"} for entry in document["entries"])


def test_fields_that_say_something_are_written() -> None:
    """And read back."""
    plan = replace(
        demo_plan(),
        models=(WeightsPin("m", "m", None, None, False, "q", "gguf-to-safetensors"),),
        images=(ImagePin("llamacpp-serial", "source", "kit/llamacpp:cpu-source"),),
        published="yoga",
    )
    document = plain(plan)
    assert isinstance(document, dict)
    assert document["models"] == [
        {
            "name": "m",
            "file": "m",
            "sha256": None,
            "bytes": None,
            "confirmed": False,
            "made_from": "q",
            "made_by": "gguf-to-safetensors",
        }
    ]
    assert document["images"] == [
        {"entry": "llamacpp-serial", "target": "source", "reference": "kit/llamacpp:cpu-source"}
    ]
    assert problems(document, "plan") == []
    assert typed(Plan, document, "plan.json") == plan


def test_an_entry_leaves_out_what_is_above_its_limit() -> None:
    """The others go on; order and interleaving stay."""
    cells = cell_order(("a", "b"), (1, 4, 8), 2, {"b": 4})
    assert [cell.id for cell in cells if cell.concurrency == 8] == ["r1-c8-a", "r2-c8-a"]
    assert [cell.order for cell in cells] == list(range(10))
    assert cells[0].id == "r1-c1-a"
    assert cells[5].id == "r2-c1-b"


@given(
    st.lists(st.integers(1, 8), min_size=1, max_size=4), st.sets(st.integers(1, 8), min_size=1), st.integers(1, 3)
)
def test_cells_are_counted_as_they_are_made(highest: list[int], levels: set[int], replicates: int) -> None:
    """So that a stranger's plan can be refused before it is built."""
    names = tuple(f"e{i}" for i in range(len(highest)))
    asked = (names, tuple(sorted(levels)), replicates, dict(zip(names, highest, strict=True)))
    assert cell_count(*asked) == len(cell_order(*asked))


def test_limits_are_those_that_entries_have() -> None:
    """None is no limit."""
    entry = Entry("a", "llamacpp", "cpu", {})
    assert limits((entry, replace(entry, name="b", max_concurrency=4))) == {"b": 4}


def test_concurrencies_above_all_limits_leave_nothing_to_measure() -> None:
    """radeon's llama.cpp has none, realizar has 1: with 4 users there is one entry left."""
    assert {cell.entry for cell in plan_of("radeon", concurrencies=(4,)).cells} == {"llamacpp"}
    platform = load_platform("radeon")
    only = replace(platform, entries=platform.entries[:1], workload=replace(platform.workload, concurrencies=(4,)))
    with pytest.raises(InputError, match="No entry goes up to") as caught:
        make_plan(
            only, model(only.model), load_prompts("short"), load_suite("correctness", "tiny"), cpus=1, seed=1
        )
    assert "highest of them is 1" in caught.value.remedy


def test_weights_without_a_hash_are_unknown_until_they_lie_here() -> None:
    """Then the plan pins what lies here, unconfirmed; a run needs that first."""
    before, after = plan_of("gx10"), plan_of("gx10", {LARGEST: MADE})
    assert [pin.name for pin in before.models if pin.sha256 is None] == [LARGEST]
    assert all(pin.sha256 for pin in after.models)
    entry = next(entry for entry in after.entries if entry.model == LARGEST)
    pin = weights_of(after, entry)
    assert (pin.sha256, pin.bytes, pin.confirmed) == (*MADE, False)
    assert weights_of(after, after.entries[0]).sha256 == after.model.sha256


def test_made_weights_say_of_what_and_how() -> None:
    """Whether their hash is in the catalogue or was measured here."""
    entry = replace(model(BF16), sha256=None, bytes=None, confirmed=False)
    assert pin_weights(entry).sha256 is None
    pin = pin_weights(entry, {BF16: MADE})
    assert (pin.sha256, pin.bytes, pin.confirmed) == (*MADE, False)
    assert (pin.made_from, pin.made_by) == ("smollm2-135m-instruct-q4_1", "gguf-to-safetensors")


def test_what_the_catalogue_knows_is_not_measured_anew() -> None:
    """Whatever lies here under the name of the 7B model, its plan says the catalogue's hash."""
    name = "qwen2.5-coder-7b-instruct-q4_k_m"
    plan = plan_of("gx10", {name: MADE, LARGEST: MADE})
    pins = {pin.name: pin for pin in plan.models}
    assert pins[name].sha256 == model(name).sha256
    assert pins[LARGEST].sha256 == MADE[0]
    assert not any(pin.confirmed for pin in plan.models)


def test_a_slow_platform_waits_longer_for_the_first_text() -> None:
    """All other limits stay."""
    slow, usual = plan_of("lavapipe").workload.timeouts, plan_of("smol").workload.timeouts
    assert slow.first_ns == 300 * 10**9
    assert replace(slow, first_ns=usual.first_ns) == usual


def test_containers_take_longer_beside_the_load() -> None:
    """Starting, loading and the questions before."""
    plan = plan_of("smol")
    assert duration_estimate_s(plan) > duration_estimate_s(replace(plan, engine="process"))
    assert duration_estimate_s(plan, overhead_s=0) == 18 * 10
