"""How an entry's container is made: what it may write to, and under which name."""

from __future__ import annotations

import pytest

from kit.documents import Entry
from kit.documents.container import ContainerSpec
from kit.runtimes.launch import cache_volume, entry_container
from kit.runtimes.protocol import ServedModel
from tests.support.runtimes import ALL

MODEL = ServedModel("m", "m.gguf", "ab" * 32, "models-1")


def entry(runtime: str, variant: str) -> Entry:
    return Entry("e", runtime, variant, ALL[runtime].explicit(variant, {}, 2))


def made(runtime: str, variant: str, image: str) -> ContainerSpec:
    return entry_container(entry(runtime, variant), MODEL, image, runtime=ALL[runtime])


WITH_CUDA = [name for name, each in ALL.items() if "cuda" in each.VARIANTS]


@pytest.mark.parametrize("runtime", WITH_CUDA)
def test_a_cuda_server_keeps_what_it_compiles_in_a_volume_of_its_image(runtime: str) -> None:
    """Another image compiles otherwise, so it has another volume; a CPU server has none."""
    one, two = (made(runtime, "cuda", image) for image in ("sha256:1", "sha256:2"))
    written = [[mount.volume for mount in each.mounts if not mount.read_only] for each in (one, two)]
    assert written == [[cache_volume("sha256:1")], [cache_volume("sha256:2")]]
    assert written[0] != written[1]
    assert written[0][0].startswith("kit-cache-")
    if "cpu" in ALL[runtime].VARIANTS:
        assert all(mount.read_only for mount in made(runtime, "cpu", "sha256:1").mounts)


@pytest.mark.parametrize("runtime", WITH_CUDA)
def test_where_compiled_code_goes_is_said_by_the_image(runtime: str) -> None:
    """Not by the service: a bundle that was made before is still held against the same environment."""
    environment = made(runtime, "cuda", "sha256:1").environment
    assert not [name for name in environment if name.endswith(("CACHE_PATH", "CACHE_DIR", "CACHE_ROOT"))]
