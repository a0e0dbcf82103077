"""The engine `docker` with a real Docker Engine: servers and loads in containers, and nothing left of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import docker
import pytest
from servers import ANSWERING, leftovers, models, python_server, reference, write_short_load

from kit import correctness
from kit.cellfolder import read_facts, read_records
from kit.container import Mount, Tmpfs
from kit.endpoint import EndpointError
from kit.engines.docker.cleaning import clean
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.config import Place, container_config, kit_program
from kit.engines.docker.containers import container, network, new_name, remove_volume, start, volume
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.lock import holder, only_kit
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.docker.volumes import COMPLETE, model_volume, volume_name
from kit.engines.process import ProcessEngine
from kit.errors import EngineError, InternalError, RuntimeNotReadyError, StorageError
from kit.reference.truth import read_truth
from kit.visit import visitor_for

pytestmark = pytest.mark.integration


def until(condition: Callable[[], bool], what: str, limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


def loaded(engine: DockerEngine | ProcessEngine, folder: Path) -> tuple[list[dict[str, Any]], int]:
    """Start the reference endpoint, load it once; the events and the exit code."""
    events: list[str] = []
    spec = reference(engine, folder)
    with engine.server(spec, folder / "server.log") as running:
        visitor_for(running).wait_ready(spec.ready_path, spec.start_budget_s)
        _, path = write_short_load(folder, running.url)
        code = engine.run_load(path, folder, events.append)
    return [json.loads(event) for event in events], code


# --- from start to records ------------------------------------------------------------------------------


def test_a_load_in_containers_leaves_what_a_load_of_processes_leaves(
    engine: DockerEngine, folder: Path, tmp_path: Path
) -> None:
    """The same files, readable by the same readers, the same kinds of events, exit code 0."""
    other = tmp_path / "process"
    other.mkdir()
    events, code = loaded(engine, folder)
    expected, expected_code = loaded(ProcessEngine(), other)
    assert code == expected_code == 0
    assert {path.name for path in folder.iterdir()} == {path.name for path in other.iterdir()}
    kinds = [{(event["event"], event.get("phase")) for event in each} for each in (events, expected)]
    assert kinds[0] == kinds[1]
    facts, known = read_facts(folder), read_facts(other)
    assert facts.stamp_source == known.stamp_source == "kernel"
    assert facts.window is not None
    records = list(read_records(folder / "records.jsonl"))
    assert facts.requests == len(records) > 0
    assert {record.outcome for record in records} <= {"ok", "unfinished"}
    assert sha256((folder / "records.jsonl").read_bytes()).hexdigest() == facts.records_sha256
    truths = {truth.salt for truth in read_truth((folder / "truth.jsonl").read_bytes(), "truth")}
    assert {record.salt for record in records if record.outcome == "ok"} <= truths


def test_the_engine_says_what_it_ran(engine: DockerEngine, folder: Path) -> None:
    """Image, command, environment, versions and times, while it runs and after it."""
    spec = python_server(engine.loadgen_image, ANSWERING)
    with engine.server(spec, folder / "server.log") as running:
        visitor_for(running).wait_ready(spec.ready_path, spec.start_budget_s)
        living = running.facts()
        assert running.exit_code() is None
        assert running.log_tail() == ("up",)
    ended = running.facts()
    assert living is not None
    assert ended is not None
    assert living.image == engine.loadgen_image
    assert living.image_id.startswith("sha256:")
    assert living.command == ("python3", "-c", ANSWERING)
    assert living.labels[RUN_LABEL] == engine.run
    assert living.environment["PYTHONSAFEPATH"] == "1"
    assert (living.passthrough, living.finished_utc, living.exit_code) == ("none", None, None)
    assert living.engine_version
    assert replace(ended, finished_utc=None, exit_code=None) == living
    assert living.created_utc <= living.started_utc < (ended.finished_utc or "")
    assert ended.exit_code == running.exit_code() == 143
    assert (folder / "server.log").read_text() == "up\n"
    assert running.log_tail() == ("up",)


def test_one_server_at_a_time(engine: DockerEngine, folder: Path) -> None:
    """And no load without one."""
    spec = python_server(engine.loadgen_image, ANSWERING)
    with (
        engine.server(spec, folder / "server.log"),
        pytest.raises(InternalError),
        engine.server(spec, folder / "b.log"),
    ):
        pass
    with pytest.raises(EngineError, match="no server"):
        engine.run_load(folder / "load.json", folder, lambda _: None)


def test_what_the_load_generator_refuses_is_told(engine: DockerEngine, folder: Path) -> None:
    """A document that is no load: an error event, exit code 2, no results."""
    (folder / "load.json").write_text("{}")
    lines: list[str] = []
    with engine.server(python_server(engine.loadgen_image, ANSWERING), folder / "server.log"):
        assert engine.run_load(folder / "load.json", folder, lines.append) == 2
    assert json.loads(lines[0])["event"] == "error"
    assert {path.name for path in folder.iterdir()} == {"load.json", "server.log"}


# --- asking beside the server ---------------------------------------------------------------------------

TEST = correctness.Test("sum", "arithmetic", "2 + 2?", 4, (correctness.Check("contains", "4"),))


@pytest.fixture
def answering(engine: DockerEngine, folder: Path) -> Iterator[Any]:
    spec = python_server(engine.loadgen_image, ANSWERING)
    with engine.server(spec, folder / "server.log") as running:
        visitor_for(running).wait_ready(spec.ready_path, spec.start_budget_s)
        yield running


def test_everything_can_be_asked_beside_the_server(answering: Any) -> None:
    """Texts, documents, the model's name, posts, and the errors of all of them."""
    visitor = visitor_for(answering)
    assert visitor.fetch_json("/v1/models") == {"data": [{"id": "tiny"}]}
    assert visitor.fetch_text("/metrics") == '"some text"'
    assert visitor.served_model() == "tiny"
    assert visitor.post("/blob", {"model": "m", "stream": False}, 10) == {
        "bytes": len('{"model": "m", "stream": false}')
    }
    with pytest.raises(EndpointError, match="no such model"):
        visitor.post("/error", {}, 10)
    with pytest.raises(EndpointError, match="HTTP status 500"):
        visitor.post("/elsewhere", {}, 10)
    with pytest.raises(EndpointError, match="404"):
        visitor.fetch_text("/nothing")


def test_correctness_is_asked_beside_the_server(answering: Any) -> None:
    """One by one and many at once, also where the tests are too long for a command line."""
    visitor = visitor_for(answering)
    long = replace(TEST, name="long", prompt="x" * 200_000)
    level = correctness.SuiteLevel("correctness", "tiny", (TEST, long), "0" * 64)
    single = visitor.examine(level, "tiny", 1)
    many = visitor.examine(level, "tiny", 5)
    assert [(check.test, check.round, check.copy, check.passed) for check in single] == [
        ("sum", "single", 0, True),
        ("long", "single", 0, True),
    ]
    assert [(check.test, check.copy) for check in many] == [
        ("sum", 0), ("long", 0), ("sum", 1), ("long", 1), ("sum", 2)
    ]  # fmt: skip
    assert all(check.passed for check in many)


# --- failures -------------------------------------------------------------------------------------------


def test_a_server_that_ends_at_once_is_told_with_its_last_words(engine: DockerEngine, folder: Path) -> None:
    """Exit code and log, made safe; no waiting for the budget."""
    code = "import sys; print('cannot \\x1b[31mload'); sys.exit(3)"
    began = time.monotonic()
    with (
        pytest.raises(RuntimeNotReadyError, match="exit code 3") as caught,
        engine.server(python_server(engine.loadgen_image, code), folder / "server.log") as running,
    ):
        visitor_for(running).wait_ready("/health", 60)
    assert caught.value.detail == ("cannot \ufffd[31mload",)
    assert time.monotonic() - began < 20
    assert running.exit_code() == 3


def test_a_server_that_never_gets_ready_is_told_with_its_last_answer(engine: DockerEngine, folder: Path) -> None:
    """The budget, why it was not ready, and the log."""
    with (
        pytest.raises(RuntimeNotReadyError, match=r"within 2 s .*ConnectError") as caught,
        engine.server(
            python_server(engine.loadgen_image, "print('slow', flush=True); import time; time.sleep(99)"),
            folder / "server.log",
        ) as running,
    ):
        visitor_for(running).wait_ready("/health", 2)
    assert caught.value.detail == ("slow",)


def test_a_server_that_takes_too_much_memory_is_seen_to_be_killed(engine: DockerEngine, folder: Path) -> None:
    """Exit code 137 and the engine's word that it was the memory."""
    greedy = "import time; time.sleep(0.5); held = [bytearray(1 << 20) for _ in range(200)]; time.sleep(99)"
    spec = python_server(engine.loadgen_image, greedy, memory_bytes=32 << 20)
    with engine.server(spec, folder / "server.log") as running:
        until(lambda: running.exit_code() is not None, "the end of the greedy server")
        living = running.facts()
    ended = running.facts()
    assert running.exit_code() == 137
    assert living is not None
    assert ended is not None
    assert living.oom_killed
    assert ended.oom_killed


def test_a_server_that_dies_in_a_load_is_seen(engine: DockerEngine, folder: Path) -> None:
    """The load runs on to its end and keeps what it has; the server's exit code is known."""
    spec = reference(engine, folder)
    with engine.server(spec, folder / "server.log") as running:
        visitor_for(running).wait_ready(spec.ready_path, spec.start_budget_s)
        _, path = write_short_load(folder, running.url)

        def on_line(line: str) -> None:
            if json.loads(line).get("phase") == "window" and running.exit_code() is None:
                running.run_inside(("python3", "-c", "import os, signal; os.kill(-1, signal.SIGKILL)"))

        assert engine.run_load(path, folder, on_line) == 0
        assert running.exit_code() == 137
    records = list(read_records(folder / "records.jsonl"))
    assert "failed" in {record.outcome for record in records}


def test_an_image_or_a_volume_that_is_missing_is_named(engine: DockerEngine, folder: Path, run: str) -> None:
    """With what to do; nothing was started."""
    spec = python_server("kit/none:such", ANSWERING)
    with pytest.raises(EngineError, match=r"kit/none:such.*kit images build"), engine.server(spec, folder / "log"):
        pass
    spec = python_server(engine.loadgen_image, ANSWERING, mounts=models(f"none-{run}"))
    with pytest.raises(EngineError, match=f"no volume none-{run}"), engine.server(spec, folder / "log"):
        pass
    spec = python_server(engine.loadgen_image, ANSWERING, entrypoint=("/no/such/program",), init=False)
    with pytest.raises(EngineError, match="no such file"), engine.server(spec, folder / "log"):
        pass


def test_a_volume_that_only_the_server_writes_goes_with_it(
    engine: DockerEngine, client: docker.DockerClient, folder: Path, run: str
) -> None:
    """A cache that is not there yet is made for the run; one that is there stays."""
    cache = Mount(f"cache-{run}", "/cell", read_only=False)
    spec = python_server(engine.loadgen_image, "open('/cell/x', 'w').write('x')", mounts=(cache,))
    with engine.server(spec, folder / "log") as running:
        until(lambda: running.exit_code() is not None, "the end")
        assert leftovers(client, run) != []
    assert running.exit_code() == 0
    assert leftovers(client, run) == []


def test_a_program_of_this_machine_is_no_container(engine: DockerEngine, folder: Path) -> None:
    """Only the kit's own programs run in the kit's image."""
    spec = replace(reference(engine, folder), command=("/bin/true",))
    with pytest.raises(EngineError, match="engine process"), engine.server(spec, folder / "log"):
        pass


# --- nothing stays --------------------------------------------------------------------------------------


def test_nothing_stays_after_an_error_of_ours(
    engine: DockerEngine, client: docker.DockerClient, folder: Path
) -> None:
    """The error goes on, the log is kept, the containers are gone."""
    seen = []

    def fails() -> None:
        with engine.server(python_server(engine.loadgen_image, ANSWERING), folder / "server.log") as running:
            visitor_for(running).wait_ready("/health", 30)
            seen.append((running, len(leftovers(client, engine.run))))
            raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        fails()
    assert leftovers(client, engine.run) == []
    assert seen[0][1] == 3  # server, attendant, network
    assert seen[0][0].exit_code() == 143
    assert (folder / "server.log").read_text() == "up\n"


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
            visitor_for(running).wait_ready(spec.ready_path, spec.start_budget_s)
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
        visitor_for(running).wait_ready(spec.ready_path, spec.start_budget_s)
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


# --- files in and out -----------------------------------------------------------------------------------

TRAPS = """
import os
os.chdir("/cell")
open("good", "w").write("good")
os.symlink("/etc/passwd", "link")
os.mkdir("folder"); open("folder/x", "w").close()
os.mkfifo("pipe")
os.link("good", "hard")
"""


def test_only_plain_files_come_out_of_a_container(
    client: docker.DockerClient, loadgen_image: str, run: str, tmp_path: Path
) -> None:
    """Links, folders, pipes and files that are too large are refused, and nothing of them is kept."""
    config = container_config(
        kit_program(loadgen_image, ("-c", TRAPS)), Place("none", None, {RUN_LABEL: run}, work=True)
    )
    with container(client, config, new_name("trap")) as made:
        start(client, made, "a test")
        client.api.wait(made)
        assert fetch_file(client, made, "/cell/good", tmp_path / "good")
        assert fetch_file(client, made, "/cell/hard", tmp_path / "hard")
        assert not fetch_file(client, made, "/cell/none", tmp_path / "none")
        for name in ("link", "folder", "pipe"):
            with pytest.raises(EngineError, match="not one plain file"):
                fetch_file(client, made, f"/cell/{name}", tmp_path / name)
        with pytest.raises(EngineError, match="more than the 3 allowed"):
            fetch_file(client, made, "/cell/good", tmp_path / "large", limit_bytes=3)
        with pytest.raises(StorageError):
            fetch_file(client, made, "/cell/good", tmp_path / "no-such-folder" / "good")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "hard"]
    assert (tmp_path / "good").read_text() == "good"


@pytest.fixture
def model(client: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    """A model file of 3 MB whose volume goes after the test."""
    path = tmp_path / "model.bin"
    path.write_bytes(os.urandom(3_000_001))
    yield path
    remove_volume(client, volume_name(sha256(path.read_bytes()).hexdigest()))


def test_a_model_comes_into_a_volume_once(
    engine: DockerEngine, client: docker.DockerClient, folder: Path, model: Path, run: str
) -> None:
    """Whole, hashed in its mount, uploaded from there; the second time nothing is sent; kept by a clean."""
    digest = sha256(model.read_bytes()).hexdigest()
    sent: list[tuple[int, int | None]] = []
    args = (client, run, engine.loadgen_image, digest, model, "m.gguf")
    name = model_volume(*args, on_bytes=lambda *done: sent.append(done))
    assert sent[-1] == (3_000_001, 3_000_001)
    sent.clear()
    assert model_volume(*args, on_bytes=lambda *done: sent.append(done)) == name == f"kit-model-{digest[:16]}"
    assert sent == []
    with engine.server(
        python_server(engine.loadgen_image, ANSWERING, mounts=models(name)), folder / "server.log"
    ) as running:
        visitor = visitor_for(running)
        visitor.wait_ready("/health", 30)
        assert visitor.sha256("/models/m.gguf") == digest
        visitor.upload("/blob", "/models/m.gguf", 30)
        assert f"got 3000001 {digest}" in running.log_tail()
        with pytest.raises(EndpointError, match="No such file"):
            visitor.sha256("/models/other")
    clean(client, run)
    assert client.api.inspect_volume(name)["Labels"]["org.kit.model"] == digest


def test_a_model_that_is_a_folder_keeps_its_shape(
    engine: DockerEngine, client: docker.DockerClient, folder: Path, model: Path, run: str
) -> None:
    """Files in folders, by the name it was given."""
    (model.parent / "dir" / "sub").mkdir(parents=True)
    (model.parent / "dir" / "config.json").write_text("{}")
    (model.parent / "dir" / "sub" / "weights").symlink_to(model)
    digest = sha256(model.read_bytes()).hexdigest()
    name = model_volume(client, run, engine.loadgen_image, digest, model.parent / "dir", "m")
    with engine.server(
        python_server(engine.loadgen_image, ANSWERING, mounts=models(name)), folder / "server.log"
    ) as running:
        visitor = visitor_for(running)
        assert visitor.sha256("/models/m/sub/weights") == digest
        lines = f"{sha256(b'{}').hexdigest()}  config.json\n{digest}  sub/weights\n"
        assert visitor.sha256("/models/m") == sha256(lines.encode()).hexdigest()


def test_a_volume_that_was_not_filled_to_its_end_is_filled_again(
    client: docker.DockerClient, loadgen_image: str, model: Path, run: str, tmp_path: Path
) -> None:
    """An interrupt in the middle takes the volume away; one without its mark counts for nothing."""
    digest = sha256(model.read_bytes()).hexdigest()
    args = (client, run, loadgen_image, digest, model, "m")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_volume(*args, on_bytes=interrupted)
    with pytest.raises(docker.errors.NotFound):
        client.api.inspect_volume(volume_name(digest))
    client.api.create_volume(name=volume_name(digest))
    name = model_volume(*args)
    spec = kit_program(loadgen_image, ("-c", "pass"), mounts=models(name))
    with container(
        client, container_config(spec, Place("none", None, {RUN_LABEL: run})), new_name("look")
    ) as made:
        assert fetch_file(client, made, f"/models/{COMPLETE}", tmp_path / "mark")
        assert fetch_file(client, made, "/models/m", tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == model.read_bytes()


def test_a_full_disk_of_the_engine_is_told(
    client: docker.DockerClient, loadgen_image: str, model: Path, run: str
) -> None:
    """Not as an engine that went away."""
    name, options = f"small-{run}", {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    with network(client, {RUN_LABEL: run}), volume(client, name, {RUN_LABEL: run}):
        remove_volume(client, name)
        client.api.create_volume(name=name, driver_opts=options, labels={RUN_LABEL: run})
        spec = kit_program(loadgen_image, ("-c", "pass"), mounts=(Mount(name, "/models", read_only=False),))
        config = container_config(spec, Place("none", None, {RUN_LABEL: run}))
        with (
            container(client, config, new_name("fill")) as made,
            pytest.raises(EngineError, match=r"no space left|may be full") as caught,
        ):
            put_files(client, made, "/models", [Member("m", model)], 0)
    assert "went away" not in caught.value.what


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
