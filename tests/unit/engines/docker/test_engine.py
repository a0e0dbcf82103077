"""The engine `docker` without an engine: what it would ask for, and how it takes what it is told."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from kit.documents.container import ContainerSpec, Mount, Tmpfs
from kit.engines.docker import wire
from kit.engines.docker.client import MissingError, engine_errors
from kit.engines.docker.config import (
    AHEAD,
    KIT_MEMORY_BYTES,
    Place,
    container_config,
    cpu_shares,
    kit_program,
    server_memory_bytes,
)
from kit.engines.docker.containers import at_the_end
from kit.engines.docker.engine import inside
from kit.engines.docker.facts import container_facts, engine_name, engine_time, exit_code
from kit.errors import EngineError
from tests.support.engine_outputs import Raw, api_error

SPEC = ContainerSpec(
    service="cuda",
    image="kit/llamacpp:cuda-source",
    command=("--port", "8080"),
    port=8080,
    environment={"A": "1", "B": "own"},
    user="10001:10001",
    mounts=(Mount("kit-model-ab", "/models", read_only=True),),
    tmpfs=(Tmpfs("/tmp"), Tmpfs("/cache", 1 << 20)),
    accelerator="nvidia",
    cap_add=("SYS_NICE",),
    memory_bytes=1 << 30,
    shm_bytes=1 << 26,
    pids_limit=100,
    nofile=1024,
    stop_grace_s=2.5,
    labels={"x": "y"},
)
WANTED = {
    "device_requests": [{"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]}],
    "devices": ["/dev/kfd", "/dev/dri:/dev/dri:rw"],
    "group_add": ["44"],
    "environment": {"B": "added", "C": "added"},
}


# --- what is asked for ----------------------------------------------------------------------------------


def test_a_container_is_asked_for_exactly() -> None:
    """Every field of the spec, and what is the kit's own."""
    place = Place("net", "server", {"org.kit.run": "r"}, cpuset="0-5", accelerator=WANTED)
    config = container_config(SPEC, place)
    host = config.pop("HostConfig")
    assert config == {
        "Image": "kit/llamacpp:cuda-source",
        "Cmd": ["--port", "8080"],
        "Env": ["B=own", "C=added", "A=1"],
        "Labels": {"x": "y", "org.kit.run": "r"},
        "Healthcheck": {"Test": ["NONE"]},
        "StopTimeout": 2,
        "OpenStdin": False,
        "User": "10001:10001",
        "NetworkingConfig": {"EndpointsConfig": {"net": {"Aliases": ["server"]}}},
    }
    assert host == {
        "NetworkMode": "net",
        "ReadonlyRootfs": True,
        "CapAdd": ["SYS_NICE"],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "Init": True,
        "Mounts": [
            {
                "Type": "volume",
                "Source": "kit-model-ab",
                "Target": "/models",
                "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True},
            }
        ],
        "Tmpfs": {"/tmp": "", "/cache": "size=1048576"},
        "GroupAdd": ["44"],
        "Devices": [
            {"PathOnHost": "/dev/kfd", "PathInContainer": "/dev/kfd", "CgroupPermissions": "rwm"},
            {"PathOnHost": "/dev/dri", "PathInContainer": "/dev/dri", "CgroupPermissions": "rw"},
        ],
        "DeviceRequests": [
            {"Driver": "nvidia", "Count": -1, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}
        ],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "50m", "max-file": "2"}},
        "RestartPolicy": {"Name": "no"},
        "Dns": ["127.0.0.1"],
        "DnsOptions": ["timeout:1", "attempts:1"],
        "DnsSearch": ["."],
        "Memory": 1 << 30,
        "MemorySwap": 1 << 30,
        "ShmSize": 1 << 26,
        "PidsLimit": 100,
        "CpusetCpus": "0-5",
        "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 1024}],
    }


def test_a_program_of_the_kit_is_as_isolated_as_a_server() -> None:
    """No rights, nothing to write on but /tmp and its own volume, no accelerator."""
    config = container_config(kit_program("image", ("-c", "pass")), Place("none", None, {}, work=True, stdin=True))
    host = config["HostConfig"]
    assert (host["CapDrop"], host["ReadonlyRootfs"], config["User"]) == (["ALL"], True, "10001:10001")
    assert host["Mounts"] == [{"Type": "volume", "Target": "/cell"}]
    assert config["OpenStdin"]
    assert host["Memory"] == host["MemorySwap"] == KIT_MEMORY_BYTES
    assert "NetworkingConfig" not in config
    assert "CpusetCpus" not in host
    assert not host["Devices"]
    assert not host["DeviceRequests"]


def test_the_load_generator_has_more_weight_than_a_server() -> None:
    """A waking load generator must not wait behind threads that spin; nobody else has a weight."""
    program, usual = kit_program("image", ("-c", "pass")), Place("n", None, {})
    heavy = container_config(program, replace(usual, cpu_weight=AHEAD))["HostConfig"]
    assert heavy["CpuShares"] == 10 * 1024
    assert "CpuShares" not in container_config(program, usual)["HostConfig"]


GIB = 1 << 30


@pytest.mark.parametrize(
    ("info", "limit"),
    [
        ({"MemTotal": 64 * GIB}, 62 * GIB),
        ({"MemTotal": 16 * GIB, "MemoryLimit": True}, 14 * GIB),
        ({"MemTotal": 8 * GIB}, 7 * GIB),
        ({"MemTotal": GIB}, GIB // 8 * 7),
        ({"MemTotal": 8 * GIB + 12_345}, 7 * GIB),
        ({"MemTotal": 8 * GIB, "MemoryLimit": False}, None),
        ({"MemTotal": 0}, None),
        ({"MemTotal": "8 GiB"}, None),
        ({}, None),
    ],
)
def test_a_server_gets_all_the_memory_but_a_reserve(info: dict[str, Any], limit: int | None) -> None:
    """An eighth, at most 2 GiB; nothing where the engine cannot limit or does not say."""
    assert server_memory_bytes(info) == limit


def test_a_program_without_a_limit_is_one_of_an_engine_that_has_none() -> None:
    config = container_config(kit_program("image", ("-c", "pass"), memory_bytes=None), Place("n", None, {}))
    assert not {"Memory", "MemorySwap"} & config["HostConfig"].keys()


def test_a_spec_says_on_which_cpus_before_the_kit_does() -> None:
    """A compose file's cpuset is a wish of its own."""
    spec = ContainerSpec(service="s", image="i", command=(), port=1, cpuset="3")
    assert container_config(spec, Place("n", None, {}, cpuset="0-1"))["HostConfig"]["CpusetCpus"] == "3"


@pytest.mark.parametrize(
    ("ncpu", "shares"),
    [
        (1, (None, None)),
        (2, (None, None)),
        (3, (None, None)),
        (4, ("0-2", "3")),
        (7, ("0-5", "6")),
        (8, ("0-5", "6-7")),
        (128, ("0-125", "126-127")),
    ],
)
def test_the_load_generator_has_cpus_of_its_own_where_there_are_enough(
    ncpu: int, shares: tuple[str | None, str | None]
) -> None:
    """One of four, two of eight; together all of them."""
    assert cpu_shares(ncpu) == shares


def test_a_program_of_the_kit_finds_its_files_in_its_volume() -> None:
    """They lie in /cell there, it listens on all addresses, and the engine knows what to bring back."""
    folder = Path("/somewhere/cell")
    command = (sys.executable, "-m", "kit", "reference", "--truth", "/somewhere/cell/truth.jsonl", "--itl-ms", "5")
    arguments, files = inside(command, folder)
    assert arguments == (
        *("-m", "kit", "reference", "--truth", "/cell/truth.jsonl", "--itl-ms", "5"),
        *("--host", "0.0.0.0"),
    )
    assert files == ("truth.jsonl",)


@pytest.mark.parametrize(
    "command", [(), ("/bin/sh",), (sys.executable, "-m", "other"), (sys.executable, "-c", "1")]
)
def test_other_programs_of_this_machine_are_refused(command: tuple[str, ...]) -> None:
    """A container does not have them."""
    with pytest.raises(EngineError, match="engine process"):
        inside(command, Path("/x"))


# --- what is told ---------------------------------------------------------------------------------------

CONTAINER: dict[str, Any] = {
    "Image": "sha256:ab",
    "Created": "2026-11-22T16:11:54.863286797Z",
    "Path": "llama-server",
    "Args": ["--port", "8080"],
    "Config": {"Image": "kit/x:y", "Env": ["B=2=3", "A=1"], "Labels": {"k": "v"}},
    "HostConfig": {"Memory": 7 << 30},
    "State": {
        "Status": "exited",
        "Running": False,
        "ExitCode": 137,
        "OOMKilled": True,
        "StartedAt": "2026-11-22T17:11:55.000000001+01:00",
        "FinishedAt": "2026-11-22T16:12:05.805816462Z",
    },
}
VERSION = {"Version": "28.2.2", "ApiVersion": "1.50", "Components": [{"Name": "Engine"}]}


def test_facts_come_from_the_engines_own_words() -> None:
    """Times of whatever zone in one form, pairs split at the first equals sign."""
    facts = container_facts(CONTAINER, {"RepoDigests": ["b@c", "a@d"], "Architecture": "arm64"}, VERSION, "rocm")
    assert (facts.engine, facts.engine_version, facts.api_version) == ("Docker Engine", "28.2.2", "1.50")
    assert (facts.image, facts.image_id, facts.repo_digests) == ("kit/x:y", "sha256:ab", ("a@d", "b@c"))
    assert (facts.architecture, facts.passthrough) == ("arm64", "rocm")
    assert facts.command == ("llama-server", "--port", "8080")
    assert facts.environment == {"A": "1", "B": "2=3"}
    assert facts.created_utc == "2026-11-22T16:11:54.863286Z"
    assert facts.started_utc == "2026-11-22T16:11:55.000000Z"
    assert facts.finished_utc == "2026-11-22T16:12:05.805816Z"
    assert (facts.exit_code, facts.oom_killed) == (137, True)
    assert facts.memory_bytes == 7 << 30


def test_facts_of_a_container_that_runs_have_no_end() -> None:
    """Nor a code, nor what the engine left out."""
    facts = container_facts({"State": {"Running": True, "ExitCode": 0, "Status": "running"}}, {}, {}, "none")
    assert (facts.finished_utc, facts.exit_code, facts.oom_killed, facts.command) == (None, None, False, ("",))


@pytest.mark.parametrize("host", [None, {}, {"Memory": 0}, {"Memory": None}, {"Memory": "1g"}, []])
def test_without_a_limit_there_is_none(host: object) -> None:
    """Engines write 0."""
    assert container_facts({"HostConfig": host}, {}, {}, "none").memory_bytes is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0001-01-01T00:00:00Z", None),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z"),
        ("2025-12-31T23:00:00.5-01:00", "2026-01-01T00:00:00.500000Z"),
        ("yesterday", None),
        (None, None),
        (5, None),
    ],
)
def test_times_of_engines(text: object, found: str | None) -> None:
    """Docker's, podman's, and none."""
    assert engine_time(text) == found


def test_podman_is_called_podman() -> None:
    """It speaks Docker's language and says who it is."""
    assert engine_name({"Components": [{"Name": "Podman Engine"}]}) == "Podman Engine"
    assert engine_name({}) == "Docker Engine"
    assert exit_code({"State": {"Status": "created", "ExitCode": 0}}) is None


def test_lines_come_whole_whatever_the_pieces() -> None:
    """Also the last one without an end; broken UTF-8 is replaced."""
    assert list(wire.lines([b"a", b"b\nc\n", b"", b"\xff\n\nd"])) == ["ab\n", "c\n", "\ufffd\n", "\n", "d"]
    assert len(next(wire.lines([b"x" * 600_000] * 4))) == 1 << 20


def test_what_containers_print_is_taken_apart() -> None:
    """By stream and length; an end in the middle is an end."""
    data = b"\x01\0\0\0\0\0\0\x02hi" + b"\x02\0\0\0\0\0\0\x03err" + b"\x01\0\0\0\0\0\0\x09cut"
    response: Any = Raw(data)
    assert list(wire.frames(response, "x")) == [(1, b"hi"), (2, b"err"), (1, b"cut")]
    short: Any = Raw(b"\x01\0\0")
    assert list(wire.frames(short, "x")) == []


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (api_error(404), MissingError, "refused to dig: the engine's \ufffd words"),
        (api_error(500), EngineError, "refused to dig: the engine's \ufffd words"),
        (requests.ReadTimeout(), EngineError, "took too long to dig"),
        (urllib3.exceptions.TimeoutError(), EngineError, "took too long to dig"),
        (requests.ConnectionError("gone"), EngineError, "went away while it was to dig: gone"),
        (urllib3.exceptions.ProtocolError("gone"), EngineError, "went away"),
        (OSError("gone"), EngineError, "went away"),
    ],
)
def test_errors_of_the_engine_are_ours(error: Exception, kind: type[EngineError], words: str) -> None:
    """With what it was doing and its own words, made safe."""
    with pytest.raises(kind, match=words), engine_errors("dig"):
        raise error


def test_what_failed_first_is_told() -> None:
    """Not what then failed in cleaning up; but that is told when nothing else did."""

    def fails() -> None:
        raise EngineError("second")

    with pytest.raises(ValueError, match="first"), at_the_end(fails):
        raise ValueError("first")
    with pytest.raises(EngineError, match="second"), at_the_end(fails):
        pass
