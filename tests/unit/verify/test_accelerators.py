"""Containers of a bundle: the way of the accelerator, and what went into their images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.assets import asset
from kit.catalogue.inputs import build_input, wheel_pins
from kit.documents import Entry, Plan
from kit.documents.container import Accelerator, ContainerFacts
from kit.engines.docker import engine
from kit.supply.images import building
from kit.supply.images.recipes import OWN_CODE, recipes
from kit.verify import expected, rules_containers
from kit.verify.evidence import CellFiles, Evidence
from tests.support.container_evidence import (
    EXAMPLES,
    container_with,
    facts_of,
    good_evidence,
    issues,
    platform_plan,
)
from tests.support.container_plans import IN_CONTAINERS
from tests.support.good_containers import (
    LAST,
    LLAMACPP,
    VLLM,
    container_plan,
    containers_changed,
    in_labels,
)
from tests.support.sealed import bundle_verdict
from tests.unit.verify.test_robust import JSON

# --- accelerators -----------------------------------------------------------------------------------------


def cells_of(plan: Plan, facts: Callable[[Entry], ContainerFacts]) -> Evidence:
    """The first cell of each entry of a plan, with such a container."""
    template = good_evidence().cells[LLAMACPP].cell
    assert template is not None
    assert template.server is not None
    cells = {}
    for entry in plan.entries:
        planned = next(cell for cell in plan.cells if cell.entry == entry.name)
        server = replace(template.server, container=facts(entry))
        cell = replace(template, id=planned.id, entry=entry.name, server=server)
        cells[planned.id] = CellFiles(planned.id, cell, None, None, None)
    return Evidence("run", {}, plan=plan, cells=cells)


@pytest.mark.parametrize(
    ("platform", "way", "refused"),
    [
        ("smol", "none", 0),
        ("smol", "nvidia-classic", 2),
        ("lavapipe", "none", 0),
        ("lavapipe", "dri", 1),
        ("gx10", "nvidia-cdi", 0),
        ("gx10", "nvidia-classic", 0),
        ("gx10", "none", 6),
        ("gx10", "dri", 6),
        ("radeon", "dri", 0),
        ("radeon", "nvidia-cdi", 0),
        ("radeon", "none", 2),
        ("radeon", "rocm", 2),
    ],
)
def test_the_way_of_the_accelerator_fits_the_service(platform: str, way: Any, refused: int) -> None:
    """NVIDIA's two ways are good for CUDA and Vulkan, the render devices for Vulkan alone."""
    plan = platform_plan(platform)
    evidence = cells_of(plan, lambda _: replace(facts_of(LLAMACPP), passthrough=way))
    assert len(issues(rules_containers.container_device, evidence)) == refused


def test_every_accelerator_has_ways() -> None:
    """AMD's has one, and no service may come without."""
    known: set[Accelerator] = {"none", "nvidia", "rocm", "vulkan"}
    assert set(rules_containers.WAYS) == known
    assert rules_containers.WAYS["rocm"] == {"rocm"}


@pytest.mark.parametrize("platform", IN_CONTAINERS)
def test_the_kit_knows_the_container_of_every_entry_of_its_platforms(platform: str) -> None:
    """With what is pinned of weights."""
    plan = platform_plan(platform)
    assert all(expected.planned_container(plan, entry) for entry in plan.entries)


@pytest.mark.parametrize(
    "change",
    [
        {"variant": "embedded"},
        {"variant": "abacus"},
        {"model": "of-nobody"},
        {"settings": {}},
        {"settings": {**container_plan().entries[0].settings, "slots": "4"}},
        {"settings": {**container_plan().entries[0].settings, "slots": True}},
    ],
    ids=str,
)
def test_what_the_kit_would_not_start_is_refused_and_crashes_nothing(change: dict[str, Any]) -> None:
    """Unknown variants, weights that the plan lacks, settings that are missing or no numbers."""
    plan = container_plan()
    other = replace(plan, entries=(replace(plan.entries[0], **change), *plan.entries[1:]))
    evidence = replace(good_evidence(), plan=other)
    found = issues(rules_containers.container_command, evidence)
    assert len([each for each in found if "of which the kit makes no container" in each]) == 2
    for each in rules_containers.RULES:
        issues(each, evidence)


# --- inputs -----------------------------------------------------------------------------------------------


def test_other_inputs_are_named_once_for_each_image() -> None:
    """And not more than a few of them."""
    other = {f"wheel-{number}.whl": f"{number:064x}" for number in range(9)}
    both = (in_labels(cell, inputs=json.dumps(other)) for cell in (VLLM, LAST))
    verdict = bundle_verdict(containers_changed(*both))
    assert verdict.label == "self-reported"
    (finding,) = verdict.findings
    assert finding.message.startswith("was built from other inputs than the kit's catalogue has: accelerate, ")
    assert finding.message.endswith(" more")


def test_a_wheel_for_another_machine_is_as_good() -> None:
    """Where the catalogue pins one for each platform, either will do."""
    pinned = expected.image_inputs("vllm", "cpu", "source")
    several = [(name, digests) for name, digests in pinned if len(digests) > 1]
    inputs = {name: max(digests) for name, digests in pinned}
    evidence = container_with(labels={**facts_of(VLLM).labels, "org.kit.inputs": json.dumps(inputs)})
    assert issues(rules_containers.container_inputs, evidence) == []
    assert len(pinned) > 100
    assert several or all(len(digests) == 1 for _, digests in pinned)


@EXAMPLES
@given(text=st.one_of(st.text(max_size=40), JSON.map(json.dumps)))
def test_any_label_of_inputs_is_read_or_refused(text: str) -> None:
    """It comes from an image that anybody may have built."""
    found = expected.labelled_inputs({"org.kit.inputs": text})
    assert found is None or found == json.loads(text)


def test_names_of_images_and_their_inputs_are_those_of_the_recipes() -> None:
    """`kit.verify` may not import the rooms that make images; what it repeats is the same."""
    assert building.LABEL == expected.LABEL
    assert f"{expected.LABEL}cell" == engine.CELL_LABEL
    assert f"{expected.LABEL}role" == engine.ROLE_LABEL
    for recipe in (each for each in recipes() if each.runtime != "loadgen"):
        entry = Entry("any", recipe.runtime, recipe.variant, {})
        assert expected.image_tag(entry, recipe.target) == recipe.tag
        chosen, of_chosen = replace(recipe, pin="other"), replace(entry, image="other")
        assert expected.image_tag(of_chosen, recipe.target) == chosen.tag
        wanted = {name for name in recipe.inputs if name != OWN_CODE}
        found = expected.image_inputs(recipe.runtime, recipe.variant, recipe.target)
        assert found == inputs_by_name(wanted)


def inputs_by_name(names: set[str]) -> tuple[tuple[str, frozenset[str]], ...]:
    found: list[tuple[str, frozenset[str]]] = []
    for entry in (build_input(name) for name in sorted(names)):
        if entry.kind != "wheels":
            found.append((entry.file, frozenset({entry.sha256 or ""})))
        else:
            text = asset("images", *entry.file.split("/")).read_text(encoding="utf-8")
            found += [(pin.name, frozenset(pin.sha256s)) for pin in wheel_pins(text, entry.file)]
    return tuple(found)
