"""Every flag of the compose files is one that the program in the image knows; the gates know its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import docker
import pytest
from docker.errors import ImageNotFound

from kit.assets import asset
from kit.documents.container import ContainerSpec
from kit.engines.docker.client import RUN_LABEL, connect
from kit.runtimes import RUNTIMES, llamacpp
from kit.runtimes.compose import container, read_compose
from kit.runtimes.protocol import DeviceEvidence, ServedModel
from tests.support.not_tested import not_tested

pytestmark = pytest.mark.integration

MODEL = ServedModel("m", "m.gguf", "ab" * 32, "volume")
# Program, variant, its image from sources, and how it is asked for all its flags.
PROGRAMS = [
    ("llamacpp", "cpu", "kit/llamacpp:cpu-source", "--help"),
    ("llamacpp", "vulkan", "kit/llamacpp:vulkan-source", "--help"),
    ("llamacpp", "lavapipe", "kit/llamacpp:vulkan-source", "--help"),
    ("vllm", "cpu", "kit/vllm:cpu-source", "--help=all"),
]


Said = Callable[..., str]


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    found = connect()
    yield found
    found.close()


@pytest.fixture
def said(client: docker.DockerClient, request: pytest.FixtureRequest) -> Said:
    """What the program of a service prints when it is given other arguments, without network and rights."""

    def ask(image: str, spec: ContainerSpec, *arguments: str) -> str:
        try:
            client.images.get(image)
        except ImageNotFound:
            not_tested(request, f"there is no image {image}: kit images build")
        container = client.containers.create(
            image,
            list(arguments),
            entrypoint=list(spec.entrypoint or ()) or None,
            environment=dict(spec.environment),
            user=spec.user,
            read_only=True,
            tmpfs={"/tmp": ""},
            network_mode="none",
            cap_drop=["ALL"],
            labels={RUN_LABEL: "test-flags"},
        )
        try:
            container.start()
            container.wait(timeout=180)
            return str(container.logs().decode("utf-8", "replace"))
        finally:
            container.remove(force=True, v=True)  # with the volume that an image may declare

    return ask


def service(runtime: str, variant: str, image: str) -> ContainerSpec:
    module = RUNTIMES[runtime]
    variables = module.variables(variant, module.explicit(variant, {}, 2), MODEL)
    file = read_compose(asset("compose", f"{runtime}.yaml").read_bytes(), f"compose/{runtime}.yaml")
    return container(file, variant, {**variables, "KIT_IMAGE": image})


@pytest.mark.parametrize(("runtime", "variant", "image", "ask"), PROGRAMS)
def test_the_program_knows_every_flag(said: Said, runtime: str, variant: str, image: str, ask: str) -> None:
    """A flag that a version does not know would be found out only when a cell fails, or never."""
    spec = service(runtime, variant, image)
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", said(image, spec, ask)))
    used = {part for part in spec.command if part.startswith("--")}
    assert len(used) > 8
    assert used <= known, f"{image} does not know {sorted(used - known)}"


def test_llamacpp_lists_no_device_on_the_cpu(said: Said) -> None:
    """And its words for that are those the gate reads."""
    image = "kit/llamacpp:cpu-source"
    listing = said(image, service("llamacpp", "cpu", image), "--list-devices")
    assert "(none)" in listing
    assert llamacpp.device("cpu", DeviceEvidence("", listing, None)).ok
    assert not llamacpp.device("cuda", DeviceEvidence("", listing, None)).ok


def test_llamacpp_lists_software_vulkan_and_the_gate_tells_it_from_a_card(said: Said) -> None:
    """llvmpipe, and nothing when it is hidden."""
    image = "kit/llamacpp:vulkan-source"
    spec = service("llamacpp", "lavapipe", image)
    listing = said(image, spec, "--list-devices")
    offloaded = "load_tensors: offloaded 31/31 layers to GPU"
    found = llamacpp.device("lavapipe", DeviceEvidence(offloaded, listing, None))
    assert found.ok, listing
    assert "llvmpipe" in (found.device or "")
    assert not llamacpp.device("vulkan", DeviceEvidence(offloaded, listing, None)).ok
    hidden = said(image, service("llamacpp", "cpu", image), "--list-devices")
    assert not llamacpp.device("lavapipe", DeviceEvidence(offloaded, hidden, None)).ok
