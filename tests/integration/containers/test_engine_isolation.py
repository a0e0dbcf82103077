"""Containers of the kit have no rights, no way out, and leave nothing behind, whatever happens."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from kit.documents.container import Tmpfs
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.containers import volume
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.lock import holder, only_kit
from kit.errors import EngineError
from kit.probe import probe_of
from kit.storage.cell_folder import read_facts, read_records
from tests.integration.containers.servers import (
    ANSWERING,
    leftovers,
    models,
    python_server,
    reference,
    write_short_load,
)

pytestmark = pytest.mark.integration


# --- nothing stays --------------------------------------------------------------------------------------


def test_nothing_stays_after_an_error_of_ours(
    engine: DockerEngine, client: docker.DockerClient, folder: Path
) -> None:
    """The error goes on, the log is kept, the containers are gone."""
    seen = []

    def fails() -> None:
        with engine.server(python_server(engine.loadgen_image, ANSWERING), folder / "server.log") as running:
            probe_of(running).wait_ready("/health", 30)
            seen.append((running, len(leftovers(client, engine.run))))
            raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        fails()
    assert leftovers(client, engine.run) == []
    assert seen[0][1] == 3  # server, attendant, network
    assert seen[0][0].exit_code() == 143
    assert (folder / "server.log").read_text() == "up\n"


@pytest.fixture
def sockets_collected() -> Iterator[None]:
    """docker-py, interrupted between the making and the keeping of a socket, leaves it to the collector."""
    yield
    with warnings.catch_warnings():  # now, and not in the midst of a test that has nothing to do with it
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.usefixtures("sockets_collected")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_nothing_stays_after_ctrl_c_at_any_moment_of_the_start(
    engine: DockerEngine, client: docker.DockerClient, folder: Path, after_s: float
) -> None:
    """While the network, the containers, the server come up or wait."""
    timer = threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGINT))

    def interrupted() -> None:
        timer.start()
        with engine.server(python_server(engine.loadgen_image, ANSWERING), folder / "server.log"):
            time.sleep(10)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    timer.join()
    assert leftovers(client, engine.run) == []


@pytest.mark.usefixtures("sockets_collected")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_ctrl_c_in_a_load_keeps_what_was_measured(
    engine: DockerEngine, client: docker.DockerClient, folder: Path
) -> None:
    """The load generator is asked to end and writes its records; then the interrupt goes on."""
    spec, began = reference(engine, folder), time.monotonic()

    def on_line(line: str) -> None:
        if json.loads(line).get("phase") == "window":
            os.kill(os.getpid(), signal.SIGINT)

    def interrupted() -> None:
        with engine.server(spec, folder / "server.log") as running:
            probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
            _, path = write_short_load(folder, running.url, window_s=60)
            engine.run_load(path, folder, on_line)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 40
    assert leftovers(client, engine.run) == []
    assert read_facts(folder).interrupted
    assert list(read_records(folder / "records.jsonl"))


# --- isolation ------------------------------------------------------------------------------------------

LOOK = """
import json, os, socket
def tried(*address):
    try:
        socket.create_connection(address, 3).close()
        return "connected"
    except OSError as error:
        return type(error).__name__
def written(path):
    try:
        open(path, "w").close()
        return True
    except OSError as error:
        return error.strerror
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
gateway = None
for line in open("/proc/net/route").read().splitlines()[1:]:
    fields = line.split()
    if fields[1] == "00000000":
        gateway = socket.inet_ntoa(bytes.fromhex(fields[2])[::-1])
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(),
    "capabilities": [status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")],
    "no_new_privileges": status["NoNewPrivs"],
    "root": written("/x"), "etc": written("/etc/x"), "tmp": written("/tmp/x"), "models": written("/models/x"),
    "world": tried("1.1.1.1", 53), "name": tried("example.com", 80),
    "host": tried(gateway or "192.0.2.1", PORT),
    "init": open("/proc/1/cmdline").read().split("\\0")[0],
    "server": socket.gethostbyname("server") != "",
}))
"""


def test_a_server_has_no_rights_and_no_way_out(
    engine: DockerEngine, folder: Path, client: docker.DockerClient, run: str
) -> None:
    """Nobody's user, no capability, nothing to write on but /tmp, no network but its own, not even its host."""
    with socket.create_server(("0.0.0.0", 0)) as listening, volume(client, f"m-{run}", {RUN_LABEL: run}) as name:
        port = listening.getsockname()[1]
        spec = python_server(engine.loadgen_image, ANSWERING, mounts=models(name))
        with engine.server(spec, folder / "server.log") as running:
            code, text = running.run_inside(("python3", "-c", LOOK.replace("PORT", str(port))))
    assert code == 0, text
    assert json.loads(text) == {
        "uid": 10001,
        "gid": 10001,
        "capabilities": ["0" * 16] * 5,
        "no_new_privileges": "1",
        "root": "Read-only file system",
        "etc": "Read-only file system",
        "tmp": True,
        "models": "Read-only file system",
        "world": json.loads(text)["world"],
        "name": "gaierror",
        "host": json.loads(text)["host"],
        "init": "/sbin/docker-init",
        "server": True,
    }
    assert json.loads(text)["world"] != "connected"
    assert json.loads(text)["host"] != "connected"


EXACT = """
import json, os, resource, shutil
print(json.dumps({
    "device": os.path.exists("/dev/kit"),
    "groups": sorted(os.getgroups()),
    "cpus": sorted(os.sched_getaffinity(0)),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "shm": shutil.disk_usage("/dev/shm").total,
    "cache": shutil.disk_usage("/cache").total,
    "variable": os.environ["KIT_X"],
    "folder": os.getcwd(),
}))
"""


def test_what_a_compose_file_asks_for_is_carried_out(engine: DockerEngine, folder: Path) -> None:
    """Devices, groups, CPUs, limits, file systems in memory, environment and working directory."""
    spec = python_server(
        engine.loadgen_image,
        ANSWERING,
        devices=("/dev/null:/dev/kit:rwm",),
        group_add=("1234",),
        cpuset="0",
        nofile=512,
        shm_bytes=1 << 20,
        tmpfs=(Tmpfs("/tmp"), Tmpfs("/cache", 2 << 20)),
        environment={"KIT_X": "a=b c"},
        working_dir="/opt",
    )
    with engine.server(spec, folder / "server.log") as running:
        code, text = running.run_inside(("python3", "-c", EXACT))
    assert code == 0, text
    assert json.loads(text) == {
        "device": True,
        "groups": [1234, 10001],
        "cpus": [0],
        "files": [512, 512],
        "shm": 1 << 20,
        "cache": 2 << 20,
        "variable": "a=b c",
        "folder": "/opt",
    }


def test_the_load_generator_is_as_isolated(
    engine: DockerEngine, client: docker.DockerClient, folder: Path
) -> None:
    """Its containers publish nothing, mount nothing of the host and have no rights."""
    seen: list[dict[str, Any]] = []
    spec = reference(engine, folder)
    with engine.server(spec, folder / "server.log") as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        _, path = write_short_load(folder, running.url)

        def on_line(_: str) -> None:
            if not seen:
                found = client.api.containers(filters={"label": f"{RUN_LABEL}={engine.run}"})
                seen.extend(client.api.inspect_container(row["Id"]) for row in found)

        engine.run_load(path, folder, on_line)
    assert {each["Config"]["Labels"]["org.kit.role"] for each in seen} == {"server", "loadgen"}
    for each in seen:
        host = each["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["Privileged"]
        assert not host["Binds"]
        assert not host["PortBindings"]
        assert {mount["Type"] for mount in each["Mounts"]} <= {"volume", "tmpfs"}
        assert each["Config"]["User"] == "10001:10001"


# --- one kit at a time ----------------------------------------------------------------------------------


def test_a_second_kit_is_told_who_is_there(client: docker.DockerClient, loadgen_image: str, run: str) -> None:
    """Its run, process and machine; and the way is free when the first has ended."""
    lock = f"kit-lock-{run}"
    with only_kit(client, run, loadgen_image, lock):
        found = holder(client, lock)
        assert found is not None
        assert (found.run, found.pid, found.dead) == (run, str(os.getpid()), False)
        with (
            pytest.raises(EngineError, match=f"process {os.getpid()} on .*{run}.*kit clean"),
            only_kit(client, "second", loadgen_image, lock),
        ):
            pass
        assert holder(client, lock) == found
    assert holder(client, lock) is None
