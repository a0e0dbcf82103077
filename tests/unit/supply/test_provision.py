"""What a run in containers is given: weights that were measured once, and only those of the plan."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kit.errors import EngineError
from kit.plan.weights import Measured, weights_of
from kit.supply.provision import Images, supply_of
from tests.support.good_containers import container_plan


def measured(**changes: str) -> dict[str, Measured]:
    """What was measured of the plan's weights, by name; `changes` are other hashes."""
    plan = container_plan()
    pins = [weights_of(plan, entry) for entry in plan.entries]
    return {pin.name: (changes.get("sha256") or pin.sha256 or "", pin.bytes or 0) for pin in pins}


def supplied(found: dict[str, Measured]) -> tuple[list[str], Any]:
    """The hashes that volumes were asked for, and the supply. Nothing is hashed again: there are no files."""
    asked: list[str] = []

    def volume(_image: str, digest: str, *_: object) -> str:
        asked.append(digest)
        return f"kit-model-{digest[:16]}"

    plan = container_plan()
    images = Images("loadgen", {entry.name: "image" for entry in plan.entries}, ())
    host: Any = SimpleNamespace(model_volume=volume)
    return asked, supply_of(host, plan, images, found, lambda *_: None)


def test_each_weights_get_one_volume_by_the_hash_that_was_measured() -> None:
    """However many entries run them."""
    found = measured()
    asked, supply = supplied(found)
    assert sorted(asked) == sorted(digest for digest, _ in found.values())
    assert set(supply.models) == {entry.name for entry in container_plan().entries}


def test_weights_that_are_not_those_of_the_plan_are_refused() -> None:
    """A run that goes on with other weights would mix two runs."""
    with pytest.raises(EngineError, match="the plan says"):
        supplied(measured(sha256="0" * 64))
