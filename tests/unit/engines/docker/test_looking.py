"""A look at the engine's machine: which container is asked for, and what is believed of its answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import docker
import pytest

from kit.documents import Gpu
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.facts import engine_facts
from kit.engines.docker.looking import look
from kit.engines.docker.passthrough import NONE, Passthrough
from kit.errors import EngineError
from kit.machine.look import Look
from kit.strict import plain
from tests.support.fake_engine import FakeEngine, fake_engine
from tests.support.good_bundle import good_host

INFO: dict[str, Any] = {
    "Name": "the-name-of-a-person",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "KernelVersion": "6.1.0-18-amd64",
    "Architecture": "x86_64",
    "NCPU": 64,
    "MemTotal": 270_000_000_000,
    "Runtimes": {"runc": {}, "nvidia": {}},
}
VERSION: dict[str, Any] = {"Version": "28.0.1", "ApiVersion": "1.48", "Components": [{"Name": "Engine"}]}
LOOK = Look(good_host(), "a random number")


@pytest.fixture
def engine() -> Iterator[tuple[FakeEngine, docker.DockerClient]]:
    with fake_engine() as (fake, client):
        fake.prints = json.dumps(plain(LOOK)).encode() + b"\n"
        yield fake, client


def test_the_kits_own_code_looks_in_a_container_of_the_load_generators_image(
    engine: tuple[FakeEngine, docker.DockerClient],
) -> None:
    """Without a network, and under the engine's own groups of quotas; nothing of it stays."""
    fake, client = engine
    found = DockerEngine(client, "run", "image").look(["none"])
    assert found.boot_id == LOOK.boot_id
    assert found.host.cpu_model == LOOK.host.cpu_model
    assert found.host.engine is not None
    assert (found.host.engine.version, found.host.engine.cpus) == ("28", 4)
    (made,) = fake.made
    assert (made.asked["Cmd"], made.asked["Entrypoint"]) == (["-m", "kit.machine"], ["python3"])
    host = made.asked["HostConfig"]
    assert (host["NetworkMode"], host["CgroupnsMode"], host["ReadonlyRootfs"]) == ("none", "host", True)
    assert made.labels["org.kit.run"] == "run"
    assert fake.left == []


def test_an_answer_that_is_none_is_refused(engine: tuple[FakeEngine, docker.DockerClient]) -> None:
    """An image of another version of the kit prints something else."""
    fake, client = engine
    fake.prints = b"No module named kit.machine"
    with pytest.raises(EngineError, match="look at the engine's machine") as caught:
        DockerEngine(client, "run", "image").look([])
    assert "kit images build loadgen" in caught.value.remedy
    assert fake.left == []


def test_an_engine_says_what_it_is_and_not_whose() -> None:
    """The name of its machine is no fact of ours."""
    found = engine_facts(VERSION, INFO)
    assert (found.name, found.version, found.system) == ("Docker Engine", "28.0.1", INFO["OperatingSystem"])
    assert (found.kernel, found.cpus, found.memory_bytes) == ("6.1.0-18-amd64", 64, 270_000_000_000)
    assert found.runtimes == ("nvidia", "runc")
    assert "person" not in json.dumps(plain(found))


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"NCPU": 0, "MemTotal": -1, "Runtimes": ["runc"], "OperatingSystem": None},
        {"NCPU": "4", "MemTotal": True, "Runtimes": None, "OperatingSystem": 7, "KernelVersion": ""},
    ],
)
def test_what_an_engine_does_not_say_is_no_data(odd: dict[str, Any]) -> None:
    """Nor is what it says in another form."""
    found = engine_facts({}, odd)
    assert (found.cpus, found.memory_bytes, found.system, found.kernel, found.runtimes) == (None,) * 4 + ((),)


def test_gpus_are_seen_by_nvidias_library_alone(engine: tuple[FakeEngine, docker.DockerClient]) -> None:
    """The way of the servers, with the capability that describes cards and computes nothing."""
    fake, client = engine
    request = {"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]}
    way = Passthrough("nvidia-classic", "as a trial has shown", {"device_requests": [request]})
    looks = iter((LOOK, replace(LOOK, host=replace(LOOK.host, gpus=(Gpu("NVIDIA H200"),)))))

    def started() -> None:
        fake.prints = json.dumps(plain(next(looks))).encode()

    fake.on["POST /containers/.*/start"] = started
    facts = engine_facts(VERSION, INFO)
    found = look(client, "run", "image", [("none", NONE), ("nvidia", way)], facts)
    assert found.host.gpus == (Gpu("NVIDIA H200"),)
    assert found.host.engine == facts
    plainly, with_cards = fake.made
    assert plainly.asked["HostConfig"]["DeviceRequests"] == []
    (asked,) = with_cards.asked["HostConfig"]["DeviceRequests"]
    assert (asked["Driver"], asked["Count"]) == ("nvidia", -1)
    assert "NVIDIA_DRIVER_CAPABILITIES=utility" in with_cards.asked["Env"]


def test_a_look_that_fails_is_told_with_its_last_lines(
    engine: tuple[FakeEngine, docker.DockerClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image without the program."""
    fake, client = engine
    fake.prints = b"No module named kit.machine\n"
    monkeypatch.setattr(client.api, "wait", lambda *_, **__: {"StatusCode": 1})
    with pytest.raises(EngineError, match="exit code 1") as caught:
        DockerEngine(client, "run", "image").look([])
    assert caught.value.detail == ("No module named kit.machine",)
    assert fake.left == []
