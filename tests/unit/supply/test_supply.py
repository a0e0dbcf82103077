"""What entries are given: their weights, and whether these were hashed in a server's mount before."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.documents import Entry
from kit.runtimes import RUNTIMES
from kit.runtimes.protocol import ServedModel
from kit.supply.supply import ContainerSupply, ProcessSupply

FIRST, SECOND, OTHER = (Entry(name, "llamacpp", "cpu", {}) for name in ("first", "second", "other"))
SHARED = ServedModel("m", "m.gguf", "a" * 64, "kit-model-a")
OWN = ServedModel("o", "o.gguf", "b" * 64, "kit-model-b")


def test_each_weights_are_hashed_once_a_run_however_many_cells_and_entries_have_them() -> None:
    """Gigabytes before every cell would be minutes; by the volume, which is what a server sees."""
    supply = ContainerSupply({}, {"first": SHARED, "second": SHARED, "other": OWN})
    asked = []
    for entry in (FIRST, FIRST, SECOND, OTHER, FIRST, OTHER):
        asked.append(supply.unseen_weights(entry))
        supply.weights_seen(asked[-1] or SHARED)
    assert asked == [SHARED, None, None, OWN, None, None]


def test_weights_that_were_wrong_are_looked_at_again() -> None:
    """A cell that failed for them must not open the door to the next."""
    supply = ContainerSupply({}, {"first": SHARED})
    assert supply.unseen_weights(FIRST) == SHARED
    assert supply.unseen_weights(FIRST) == SHARED


def test_another_run_hashes_them_again() -> None:
    """What one run saw is nothing that the next may rely on."""
    for _ in range(2):
        assert ContainerSupply({}, {"first": SHARED}).unseen_weights(FIRST) == SHARED


def test_the_weights_of_a_process_were_hashed_when_its_supply_was_made() -> None:
    """So no cell does."""
    supply = ProcessSupply(Path("m.gguf"), "a" * 64)
    assert supply.unseen_weights(FIRST) is None
    assert supply.weights_sha256(FIRST) == "a" * 64


@pytest.mark.parametrize(("planned", "limit"), [(6 << 30, 6 << 30), (None, None)])
def test_a_server_has_the_planned_limit_of_memory(planned: int | None, limit: int | None) -> None:
    """The compose files of the kit have none of their own."""
    settings = RUNTIMES["llamacpp"].explicit("cpu", {}, 2)
    entry = Entry("first", "llamacpp", "cpu", settings)
    supply = ContainerSupply({"first": "image"}, {"first": SHARED}, memory_bytes=planned)
    spec = supply.server(entry, "cell", 0)
    assert spec.container is not None
    assert spec.container.memory_bytes == limit
