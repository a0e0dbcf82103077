"""The rules about plans of containers: settings by variant, weights of entries, images, limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.documents import Plan
from kit.documents.pins import ImagePin
from kit.verify.evidence import CellFiles, Evidence
from kit.verify.rule import Issue, Rule
from kit.verify.rules_models import model_catalogue, model_confirmed, model_pinned
from kit.verify.rules_plan import plan_consistent
from tests.support.container_plans import LARGEST, MADE, plan_of
from tests.support.documents import CELL, SERVER

SMOL = plan_of("smol")
GX10 = plan_of("gx10", {LARGEST: MADE})


def issues(rule: Rule, plan: Plan, cells: dict[str, CellFiles] | None = None) -> list[str]:
    steps = rule.check(Evidence("run", {}, plan=plan, cells=cells or {}))
    return [f"{step.where} {step.message}" for step in steps if isinstance(step, Issue)]


def entry(plan: Plan, index: int, **changes: Any) -> Plan:
    """The plan with one entry changed."""
    entries = list(plan.entries)
    entries[index] = replace(entries[index], **changes)
    return replace(plan, entries=tuple(entries))


def weights(plan: Plan, **changes: Any) -> Plan:
    """The plan with its first own weights changed."""
    return replace(plan, models=(replace(plan.models[0], **changes), *plan.models[1:]))


OWN: dict[str, Any] = {
    "name": "mine", "sha256": "cd" * 32, "bytes": 7, "made_from": None, "made_by": None, "catalogue": False,
    "origin": "hf:Org/Repo:mine.gguf@" + "0" * 40,
}  # fmt: skip


def own(plan: Plan, **changes: Any) -> Plan:
    """The plan whose second entry runs weights of no catalogue."""
    return entry(weights(plan, **OWN | changes), 1, model="mine")


@pytest.mark.parametrize("plan", [SMOL, GX10, plan_of("yoga"), plan_of("radeon"), plan_of("lavapipe")])
def test_a_plan_of_the_kit_is_consistent_and_its_weights_are_known_ones(plan: Plan) -> None:
    """With what was measured here, or without."""
    assert issues(plan_consistent, plan) == []
    assert issues(model_pinned, plan) == []


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (
            entry(SMOL, 1, settings={**SMOL.entries[1].settings, "gpu_memory_percent": 90}),
            "gpu_memory_percent is un",
        ),
        (entry(SMOL, 0, settings={"slots": 4}), "the setting threads is missing"),
        (entry(SMOL, 0, variant="embedded"), "does not run with the engine docker"),
        (replace(SMOL, engine="process"), "variant cpu of vllm does not run with the engine process"),
        (entry(SMOL, 1, variant="cuda"), "the setting kv_gib is unknown"),
        (entry(SMOL, 1, max_concurrency=2), "are 18, but entries and workload make 15"),
        (entry(GX10, 5, max_concurrency=None), "are 72, but entries and workload make 81"),
        (replace(SMOL, models=()), "are not those that the entries name"),
        (replace(SMOL, models=SMOL.models * 2), "are not those that the entries name"),
        (replace(GX10, models=GX10.models[::-1]), "are not those that the entries name"),
        (entry(SMOL, 0, model="no-such-model"), "are not those that the entries name"),
        (replace(SMOL, images=(ImagePin("vllm", "source", "a"),) * 2), "are not one of an entry each"),
        (replace(SMOL, images=(ImagePin("nobody", "source", "a"),)), "are not one of an entry each"),
    ],
)
def test_what_the_kit_would_not_have_planned_is_refused(plan: Plan, words: str) -> None:
    """Settings by variant, engines, limits, weights and images."""
    assert any(words in issue for issue in issues(plan_consistent, plan))


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (weights(SMOL, file="other"), "has another file name, or is made otherwise"),
        (weights(SMOL, made_from="qwen2.5-coder-1.5b-instruct-q4_k_m"), "is made otherwise"),
        (weights(SMOL, made_by="hand"), "is made otherwise"),
        (weights(GX10, sha256="cd" * 32), "has another sha256 or size than in the catalogue"),
        (weights(GX10, bytes=1), "has another sha256 or size than in the catalogue"),
        (weights(SMOL, name="my-own"), "is none that the catalogue has"),
        (weights(SMOL, catalogue=False, origin="file"), "as a model of the catalogue"),
        (own(SMOL, origin=None), "does not say where it is from"),
        (own(SMOL, sha256=None), "has no sha256 or size"),
        (own(SMOL, bytes=None), "has no sha256 or size"),
        (weights(SMOL, **OWN | {"made_from": SMOL.model.name}), "says that the kit made it"),
        (weights(SMOL, origin="file"), "which the catalogue alone says"),
        (weights(SMOL, default_system="Obey."), "which the catalogue alone says"),
        (
            replace(SMOL, model=replace(SMOL.model, name="mine", sha256="cd" * 32)),
            "which is none that the catalogue",
        ),
        (replace(SMOL, model=replace(SMOL.model, catalogue=False, origin="file")), "as a model of the catalogue"),
    ],
)
def test_other_weights_than_the_catalogues_are_refused(plan: Plan, words: str) -> None:
    """What it knows must be so; what it does not know must at least be made as it says."""
    assert any(words in issue for issue in issues(model_pinned, plan))


def test_weights_of_no_catalogue_are_accepted_and_noted_with_their_hash() -> None:
    """They are not flagged: their hash was measured, and it is all that there is to confirm."""
    mine = own(SMOL)
    assert issues(plan_consistent, mine) == []
    assert issues(model_pinned, mine) == []
    assert issues(model_confirmed, mine) == issues(model_confirmed, SMOL)
    assert issues(model_catalogue, SMOL) == []
    (said,) = issues(model_catalogue, mine)
    assert said == f"plan.json: model mine weights: not of the catalogue, sha256 {'cd' * 32}, from {OWN['origin']}"


def test_a_hash_of_the_catalogue_under_another_name_is_listed() -> None:
    """It is the same model: who compares has to know."""
    (said,) = issues(model_catalogue, own(SMOL, sha256=SMOL.model.sha256))
    assert said.endswith(f"; that is the sha256 of the catalogue's {SMOL.model.name}")


def test_weights_that_nobody_confirmed_are_flagged_however_they_call_themselves() -> None:
    """Measured in this run alone, or read somewhere: the label of the run says so."""
    named = [issue.split(" is not confirmed")[0] for issue in issues(model_confirmed, GX10)]
    assert named[1:] == [f"plan.json: model {pin.name}" for pin in GX10.models]
    boasting = replace(GX10, models=tuple(replace(pin, confirmed=True) for pin in GX10.models))
    assert issues(model_confirmed, boasting) == issues(model_confirmed, GX10)
    assert len(issues(model_confirmed, weights(SMOL, confirmed=False))) == 1


def cells_with(plan: Plan, sha256s: dict[str, str]) -> dict[str, CellFiles]:
    """A cell of each entry at concurrency 1 that ran weights of that hash."""
    found = {}
    for name, sha256 in sha256s.items():
        cell = replace(CELL, id=f"r1-c1-{name}", entry=name, server=replace(SERVER, model_sha256=sha256))
        found[cell.id] = CellFiles(cell.id, cell, None, None, None)
    assert set(found) <= {cell.id for cell in plan.cells}
    return found


def test_every_server_must_have_run_the_weights_of_its_entry() -> None:
    """Each its own; those of the other entry are wrong, and of unknown weights nothing can have run."""
    of_vllm = SMOL.models[0].sha256 or ""
    mine = {"llamacpp": SMOL.model.sha256, "vllm": of_vllm}
    assert issues(model_pinned, SMOL, cells_with(SMOL, mine)) == []
    swapped = {"llamacpp": of_vllm, "vllm": SMOL.model.sha256}
    assert len(issues(model_pinned, SMOL, cells_with(SMOL, swapped))) == 2
    unknown, ran = plan_of("gx10"), {"realizar-32b": MADE[0]}
    assert len(issues(model_pinned, unknown, cells_with(unknown, ran))) == 1
    assert issues(model_pinned, GX10, cells_with(GX10, ran)) == []
