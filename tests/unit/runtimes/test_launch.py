"""How an entry's container is made: what it may write to, and under which name."""

from __future__ import annotations

import pytest

from kit.documents import Entry
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import cache_volume, entry_container
from kit.runtimes.protocol import ServedModel

MODEL = ServedModel("m", "m.gguf", "ab" * 32, "models-1")


def entry(runtime: str, variant: str) -> Entry:
    return Entry("e", runtime, variant, RUNTIMES[runtime].explicit(variant, {}, 2))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_cuda_server_keeps_what_it_compiles_in_a_volume_of_its_image(runtime: str) -> None:
    """Another image compiles otherwise, so it has another volume; a CPU server has none."""
    one, two = (entry_container(entry(runtime, "cuda"), MODEL, image) for image in ("sha256:1", "sha256:2"))
    written = [[mount.volume for mount in each.mounts if not mount.read_only] for each in (one, two)]
    assert written == [[cache_volume("sha256:1")], [cache_volume("sha256:2")]]
    assert written[0] != written[1]
    assert written[0][0].startswith("kit-cache-")
    assert all(mount.read_only for mount in entry_container(entry(runtime, "cpu"), MODEL, "sha256:1").mounts)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_where_compiled_code_goes_is_said_by_the_image(runtime: str) -> None:
    """Not by the service: a bundle that was made before is still held against the same environment."""
    environment = entry_container(entry(runtime, "cuda"), MODEL, "sha256:1").environment
    assert not [name for name in environment if name.endswith(("CACHE_PATH", "CACHE_DIR", "CACHE_ROOT"))]
