"""What entries are given: their weights, and whether these were hashed in a server's mount before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.documents import Entry
from kit.errors import SourceError
from kit.runtimes import RUNTIMES
from kit.runtimes.protocol import ServedModel
from kit.storage.marks import mark_of
from kit.supply.download import file_sha256
from kit.supply.supply import ContainerSupply, ProcessSupply, WeightsFile

FIRST, SECOND, OTHER = (Entry(name, "llamacpp", "cpu", {}) for name in ("first", "second", "other"))
SHARED = ServedModel("m", "m.gguf", "a" * 64, "kit-model-a")
OWN = ServedModel("o", "o.gguf", "b" * 64, "kit-model-b")


def test_a_mark_is_of_the_weights_of_a_volume_whatever_entries_have_them() -> None:
    """Gigabytes hashed before every cell would be minutes; by the volume, which is what a server sees."""
    supply = ContainerSupply({}, {"first": SHARED, "second": SHARED, "other": OWN})
    assert [supply.mounted_weights(entry) for entry in (FIRST, SECOND, OTHER)] == [SHARED, SHARED, OWN]
    assert supply.seen_as(SHARED) is None
    supply.weights_seen(SHARED, "a mark")
    assert [supply.seen_as(weights) for weights in (SHARED, OWN)] == ["a mark", None]


def test_another_run_hashes_them_again() -> None:
    """What one run saw is nothing that the next may rely on."""
    ContainerSupply({}, {"first": SHARED}).weights_seen(SHARED, "a mark")
    assert ContainerSupply({}, {"first": SHARED}).seen_as(SHARED) is None


def test_a_model_file_that_was_written_to_is_hashed_again_and_refused_if_it_is_another(tmp_path: Path) -> None:
    """Touched alone it is still the same; with another byte it is not, and gone it cannot be read."""
    file = tmp_path / "m.gguf"
    file.write_bytes(b"weights")
    supply = ProcessSupply({FIRST.name: WeightsFile(file, file_sha256(file), mark_of(file))})
    supply.require_untouched(FIRST)
    os.utime(file, (1, 1))
    supply.require_untouched(FIRST)
    before = file.stat()
    file.write_bytes(b"weighty")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(SourceError, match=r"m\.gguf was changed during the run"):
        supply.require_untouched(FIRST)
    file.unlink()
    with pytest.raises(SourceError, match=r"m\.gguf cannot be read"):
        supply.require_untouched(FIRST)


def test_the_weights_of_a_process_were_hashed_when_its_supply_was_made() -> None:
    """So no cell does."""
    supply = ProcessSupply({FIRST.name: WeightsFile(Path("m.gguf"), "a" * 64)})
    assert supply.mounted_weights(FIRST) is None
    supply.require_untouched(FIRST)
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
