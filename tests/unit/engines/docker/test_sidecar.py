"""The sampler beside servers in containers: what is asked for, and that it fails nothing and leaves nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from kit.documents.container import ContainerSpec
from kit.engines.docker.host import DockerHost
from kit.engines.docker.sidecar import sampler_config
from kit.engines.protocol import ContainerEngine
from kit.runtimes.protocol import ServerSpec
from tests.support.fake_engine import FakeEngine, Thing, fake_engine

SPEC = ServerSpec("cell-1", (), 8080, "/health", 1.0, ContainerSpec("python", "image", ("-c", "pass"), 8080))
SAMPLES = {"/cell/telemetry.jsonl": b'{"at_ns":1,"real_ns":2}\n', "/cell/sampler.json": b"{}"}


@pytest.fixture
def both() -> Iterator[tuple[FakeEngine, docker.DockerClient]]:
    with fake_engine() as found:
        yield found


@pytest.fixture
def fake(both: tuple[FakeEngine, docker.DockerClient]) -> FakeEngine:
    both[0].leaves = SAMPLES
    return both[0]


@pytest.fixture
def engine(both: tuple[FakeEngine, docker.DockerClient]) -> ContainerEngine:
    return DockerHost(both[1], "run").engine("image")


def sampler_in(fake: FakeEngine) -> Thing:
    (found,) = (each for each in fake.made if each.labels.get("org.kit.role") == "telemetry")
    return found


def told(sampler: Thing) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = json.loads(sampler.files["/cell/watch.json"])["roles"]
    return {role: [re.sub("-[0-9a-f]{8}$", "", each) for each in words] for role, words in roles.items()}


def test_the_sampler_has_no_network_and_no_rights(
    fake: FakeEngine, engine: ContainerEngine, tmp_path: Path
) -> None:
    """It reads the machine's cgroups, read-only, and writes into a volume of its own."""
    with engine.server(SPEC, tmp_path / "log"), engine.telemetry(tmp_path):
        asked = sampler_in(fake).asked
    host = asked["HostConfig"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert asked["User"] == "10001:10001"
    assert host["Devices"] == host["DeviceRequests"] == []
    assert "PidMode" not in host
    assert host["CpusetCpus"] == "3"
    assert [(m["Type"], m.get("Source"), m["Target"], m.get("ReadOnly")) for m in host["Mounts"]] == [
        ("volume", None, "/cell", None),
        ("bind", "/sys/fs/cgroup", "/machine/cgroup", True),
    ]
    assert sampler_in(fake).labels == {
        "org.kit.run": "run", "org.kit.cell": "cell-1", "org.kit.role": "telemetry",
    }  # fmt: skip
    assert fake.left == []


def test_it_is_told_of_server_and_load_generator(
    fake: FakeEngine, engine: ContainerEngine, tmp_path: Path
) -> None:
    """Of the load generator before that starts; of itself and what stands beside the server as the kit's own."""
    (tmp_path / "load.json").write_text("{}")
    with engine.server(SPEC, tmp_path / "log"), engine.telemetry(tmp_path) as sampling:
        engine.run_load(tmp_path / "load.json", tmp_path, lambda _: None)
        assert told(sampler_in(fake)) == {
            "server": ["container:kit-server"],
            "own": ["container:kit-attendant", "container:kit-telemetry"],
            "loadgen": ["container:kit-loadgen"],
        }
    assert sampling.ended == "stopped"
    assert (tmp_path / "telemetry.jsonl").read_bytes() == SAMPLES["/cell/telemetry.jsonl"]
    assert fake.left == []


def test_without_a_server_it_watches_only_itself(
    fake: FakeEngine, engine: ContainerEngine, tmp_path: Path
) -> None:
    """Also after one that has ended."""
    with engine.server(SPEC, tmp_path / "log"):
        pass
    with engine.telemetry(tmp_path):
        assert told(sampler_in(fake)) == {"own": ["container:kit-telemetry"]}
        assert sampler_in(fake).labels == {"org.kit.run": "run", "org.kit.role": "telemetry"}
    assert fake.left == []


@pytest.mark.parametrize(
    "step",
    [
        "POST /containers/create",
        "PUT /containers/kit-telemetry-.*/archive",
        "POST /containers/kit-telemetry-.*/start",
    ],
)
def test_a_sampler_that_cannot_start_fails_nothing(
    fake: FakeEngine, engine: ContainerEngine, tmp_path: Path, step: str
) -> None:
    """The block runs; what the engine said is why there are no samples."""
    with engine.server(SPEC, tmp_path / "log"):
        fake.refuse(step)
        with engine.telemetry(tmp_path) as sampling:
            ran = True
    assert ran
    assert "The engine refused to" in sampling.ended
    assert fake.left == []


def test_a_sampler_that_died_leaves_what_it_had(fake: FakeEngine, engine: ContainerEngine, tmp_path: Path) -> None:
    """Its exit code is the reason."""
    with engine.telemetry(tmp_path) as sampling:
        sampler_in(fake).state = "exited"
    assert sampling.ended == "the sampler ended with exit code 0"
    assert (tmp_path / "telemetry.jsonl").is_file()
    assert fake.left == []


def test_an_error_in_the_block_goes_on(fake: FakeEngine, engine: ContainerEngine, tmp_path: Path) -> None:
    """After the sampler has ended."""
    with pytest.raises(KeyboardInterrupt), engine.telemetry(tmp_path):
        raise KeyboardInterrupt
    assert (tmp_path / "telemetry.jsonl").is_file()
    assert fake.left == []


def test_of_a_gpu_only_the_tools_are_wanted() -> None:
    """A request by NVIDIA's runtime names the tools; one by CDI is passed as it is; AMD's /sys is seen anyway."""
    classic = {"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]}
    config = sampler_config("image", {}, None, {"device_requests": [classic]}, limited=True)
    (request,) = config["HostConfig"]["DeviceRequests"]
    assert request["Capabilities"] == [["gpu", "utility"]]
    assert "NVIDIA_DRIVER_CAPABILITIES=utility" in config["Env"]
    by_name = {"driver": "cdi", "device_ids": ["nvidia.com/gpu=all"]}
    config = sampler_config("image", {}, None, {"device_requests": [by_name]}, limited=False)
    assert config["HostConfig"]["DeviceRequests"][0]["DeviceIDs"] == ["nvidia.com/gpu=all"]
    assert "Memory" not in config["HostConfig"]
