"""Accelerators through real engines: stubs and null devices stand for the hardware, nothing for the engines."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from kit.documents.container import Accelerator, ContainerSpec
from kit.engines.docker.accelerators import probe
from kit.engines.docker.client import connect
from kit.engines.docker.passthrough import Passthrough, host_config_of
from kit.errors import EngineError
from tests.integration.containers.nested import (
    LABEL,
    Inner,
    answers,
    engine_image,
    hand_over,
    inner_engine,
    second_docker,
    tiny_image,
)
from tests.support.not_tested import not_tested

pytestmark = pytest.mark.integration

HOOK = """\
#!/bin/sh
echo "$@" >> {folder}/calls
cat >> {folder}/state
if [ -e {folder}/broken ]; then
  echo 'nvidia-container-cli: initialization error: nvml error: driver not loaded' >&2
  exit 1
fi
"""


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[docker.DockerClient]:
    """The engine at hand."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://") and not answers(Path(host.removeprefix("unix://"))):
        not_tested(request, f"no Docker Engine answers at {host}")
    client = connect()
    yield client
    client.close()


@pytest.fixture(scope="module")
def tiny(engine: docker.DockerClient) -> Iterator[str]:
    """A small image on the engine at hand."""
    tag = tiny_image(engine)
    yield tag
    engine.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stub of NVIDIA's hook lies and keeps what it was called with."""
    folder = tmp_path_factory.mktemp("hook")
    hook = folder / "nvidia-container-runtime-hook"
    hook.write_text(HOOK.format(folder=folder), encoding="utf-8")
    hook.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def hooked(
    request: pytest.FixtureRequest, engine: docker.DockerClient, tiny: str, folder: Path
) -> Iterator[docker.DockerClient]:
    """A second dockerd that finds the stub on its PATH."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        not_tested(request, "a second dockerd needs root and dockerd on this machine")
    with second_docker(folder) as client:
        hand_over(tiny, engine, client)
        yield client


@pytest.fixture(scope="module")
def image(
    request: pytest.FixtureRequest, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The image of the inner engines."""
    if not str(engine.api.base_url).startswith("http+docker://"):
        not_tested(request, "an engine inside a container needs the outer one on this machine")
    return engine_image(engine, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def inner(engine: docker.DockerClient, tiny: str, image: str) -> Iterator[Inner]:
    """Docker 26 in a container."""
    with inner_engine(engine, image, "docker") as inner:
        hand_over(tiny, engine, inner.client)
        yield inner


@pytest.fixture(scope="module")
def podman(engine: docker.DockerClient, tiny: str, image: str) -> Iterator[Inner]:
    """Podman 5.4 in a container."""
    with inner_engine(engine, image, "podman") as inner:
        hand_over(tiny, engine, inner.client)
        yield inner


def said(
    client: docker.DockerClient,
    found: Passthrough,
    accelerator: Accelerator,
    image: str,
    script: str,
    **more: object,
) -> str:
    """What a container says that gets the accelerator as the kit's engine gives it."""
    spec = ContainerSpec(service="s", image=image, command=(), port=0, accelerator=accelerator)
    asked = host_config_of(found, spec)
    container = client.containers.run(
        image, ["-c", script], entrypoint="sh", network_mode="none", detach=True, labels=LABEL, **{**asked, **more}
    )
    try:
        container.wait()  # Podman's log of one that has just started can end before its first line
        return str(container.logs().decode())
    finally:
        container.remove(force=True, v=True)


# --- NVIDIA, classic ------------------------------------------------------------------------------------


def test_classic_nvidia_is_found_by_a_container_that_started(
    hooked: docker.DockerClient, tiny: str, folder: Path
) -> None:
    """The engine asks NVIDIA's hook, with the container's state; nothing of the trial stays behind."""
    found = probe(hooked, "nvidia", tiny)
    assert found.path == "nvidia-classic"
    assert "a trial container started" in found.how
    assert (folder / "calls").read_text().split() == ["prestart"]
    assert json.loads((folder / "state").read_text())["status"]
    assert hooked.containers.list(all=True) == []
    assert "NVIDIA_VISIBLE_DEVICES=all" in said(hooked, found, "nvidia", tiny, "env").splitlines()


def test_vulkan_on_classic_nvidia_asks_for_the_graphics_driver(hooked: docker.DockerClient, tiny: str) -> None:
    """Without graphics among the driver capabilities there is no Vulkan in the container."""
    found = probe(hooked, "vulkan", tiny)
    assert found.path == "nvidia-classic"
    seen = said(hooked, found, "vulkan", tiny, "env").splitlines()
    assert "NVIDIA_VISIBLE_DEVICES=all" in seen
    assert "NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility" in seen


def test_a_toolkit_without_a_driver_is_told_as_that(hooked: docker.DockerClient, tiny: str, folder: Path) -> None:
    """The hook's words are shown, the remedy is about the driver and not about the toolkit."""
    (folder / "broken").touch()
    try:
        with pytest.raises(EngineError, match="driver not loaded") as caught:
            probe(hooked, "nvidia", tiny)
    finally:
        (folder / "broken").unlink()
    assert "nvidia-smi" in caught.value.remedy
    assert "nvidia-container-toolkit" not in caught.value.remedy
    assert hooked.containers.list(all=True) == []


def test_an_image_without_a_shell_is_told_as_that(hooked: docker.DockerClient) -> None:
    """It is no statement about GPUs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"))
    hooked.api.import_image_from_data(packed.getvalue(), "kit/test-empty", "latest")
    with pytest.raises(EngineError, match=r"image kit/test-empty:latest has no shell"):
        probe(hooked, "nvidia", "kit/test-empty:latest")


# --- the engine at hand, without any accelerator ---------------------------------------------------------


@pytest.mark.parametrize(
    ("accelerator", "device", "words", "remedy"),
    [
        (
            "nvidia",
            "/dev/nvidiactl",
            "nvidia-classic: .*could not select device driver",
            "nvidia-container-toolkit",
        ),
        ("rocm", "/dev/kfd", "rocm: .*/dev/kfd", "amdgpu"),
        ("vulkan", "/dev/dri", "dri: .*/dev/dri", "lavapipe"),
    ],
)
def test_an_engine_without_the_device_refuses_and_the_remedy_is_told(
    engine: docker.DockerClient, tiny: str, accelerator: Accelerator, device: str, words: str, remedy: str
) -> None:
    """An error before anything of the measurement starts, and no container stays behind."""
    if Path(device).exists():
        pytest.skip(f"this machine has {device}")
    with pytest.raises(EngineError, match=words) as caught:
        probe(engine, accelerator, tiny, run="test-passthrough-refused")
    assert remedy in caught.value.remedy
    assert engine.containers.list(all=True, filters={"label": "org.kit.run=test-passthrough-refused"}) == []


def test_no_accelerator_needs_no_trial(engine: docker.DockerClient) -> None:
    """Not even an image."""
    assert probe(engine, "none", "kit/there-is-no-such:image").path == "none"


def test_a_missing_image_is_named(engine: docker.DockerClient) -> None:
    """It is no statement about GPUs."""
    with pytest.raises(EngineError, match=r"image kit/there-is-no-such:image is not on this engine"):
        probe(engine, "nvidia", "kit/there-is-no-such:image")


# --- CDI ------------------------------------------------------------------------------------------------


def test_cdi_of_a_newer_docker_really_injects(inner: Inner, tiny: str) -> None:
    """Docker 26: the description's variable and device file are in the container."""
    found = probe(inner.client, "nvidia", tiny)
    assert found.path == "nvidia-cdi"
    assert "/dev/nvidia0" in found.how
    seen = said(inner.client, found, "nvidia", tiny, "env; stat -c '%n %F' /dev/nvidia0")
    assert "KIT_CDI=injected" in seen
    assert "/dev/nvidia0 character special file" in seen
    assert inner.client.containers.list(all=True) == []


def test_without_a_description_cdi_is_refused_and_the_command_is_told(inner: Inner, tiny: str) -> None:
    """Both ways were tried, both refusals are shown."""
    inner.run("mv /etc/cdi/kit.yaml /root/")
    try:
        with pytest.raises(EngineError, match=r"nvidia-cdi: .*unresolvable.*nvidia-classic: ") as caught:
            probe(inner.client, "nvidia", tiny)
    finally:
        inner.run("mv /root/kit.yaml /etc/cdi/")
    assert "nvidia-ctk cdi generate" in caught.value.remedy


def test_podman_gets_its_gpus_by_cdi(podman: Inner, tiny: str) -> None:
    """Podman 5.4 carries out the CDI request."""
    found = probe(podman.client, "nvidia", tiny)
    assert found.path == "nvidia-cdi"
    assert "KIT_CDI=injected" in said(podman.client, found, "nvidia", tiny, "env")


def test_podman_without_a_description_is_an_error_and_no_cpu_run(podman: Inner, tiny: str) -> None:
    """The classic request, which podman would ignore, is not tried."""
    podman.run("mv /etc/cdi/kit.yaml /root/")
    try:
        with pytest.raises(EngineError, match="unresolvable") as caught:
            probe(podman.client, "nvidia", tiny)
    finally:
        podman.run("mv /root/kit.yaml /etc/cdi/")
    assert "classic" not in str(caught.value)
    assert "nvidia-ctk cdi generate" in caught.value.remedy


# --- device files ---------------------------------------------------------------------------------------


@pytest.fixture
def amd(inner: Inner) -> Iterator[Inner]:
    """A machine with AMD's device files, which belong to a group that no image knows."""
    inner.run(
        "mkdir /dev/dri; for f in /dev/kfd /dev/dri/renderD128; "
        "do mknod $f c 1 3; chgrp 992 $f; chmod 660 $f; done"
    )
    yield inner
    inner.run("rm -r /dev/kfd /dev/dri")


@pytest.mark.parametrize(
    ("accelerator", "path", "device"), [("rocm", "rocm", "kfd"), ("vulkan", "dri", "dri/renderD128")]
)
def test_device_files_come_with_the_group_that_owns_them(
    amd: Inner, tiny: str, accelerator: Accelerator, path: str, device: str
) -> None:
    """An ordinary user inside may open the device, and could not without the group."""
    found = probe(amd.client, accelerator, tiny)
    assert (found.path, found.groups) == (path, ("992",))
    script = f"cat < /dev/{device} && echo opened"
    assert said(amd.client, found, accelerator, tiny, script, user="10001:10001", cap_drop=["ALL"]) == "opened\n"
    refused = said(
        amd.client, found, accelerator, tiny, script, user="10001:10001", cap_drop=["ALL"], group_add=[]
    )
    assert re.search(r"Permission denied|cannot open", refused)
    assert "opened" not in refused


def test_rocm_without_render_devices_is_no_way(amd: Inner, tiny: str) -> None:
    """/dev/dri may exist and hold nothing that computes."""
    amd.run("mv /dev/dri/renderD128 /dev/dri/card0")
    with pytest.raises(EngineError, match=r"inside a container there is no /dev/dri/render"):
        probe(amd.client, "rocm", tiny)
