"""The engine `docker` with a real Docker Engine: servers and loads in containers, and nothing left of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import docker
import pytest

from kit.documents.container import Mount
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.config import AHEAD, KIT_MEMORY_BYTES, LOAD_MEMORY_BYTES
from kit.engines.docker.engine import ROLE_LABEL, DockerEngine
from kit.engines.process import ProcessEngine
from kit.errors import EngineError, InternalError, RuntimeNotReadyError
from kit.plan import correctness
from kit.probe import probe_of
from kit.probe.http import EndpointError
from kit.reference.truth import read_truth
from kit.storage.cell_folder import read_facts, read_records
from tests.integration.containers.servers import (
    ANSWERING,
    leftovers,
    models,
    python_server,
    reference,
    until,
    write_short_load,
)

pytestmark = pytest.mark.integration


def loaded(engine: DockerEngine | ProcessEngine, folder: Path) -> tuple[list[dict[str, Any]], int]:
    """Start the reference endpoint, load it once; the events and the exit code."""
    events: list[str] = []
    spec = reference(engine, folder)
    with engine.server(spec, folder / "server.log") as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
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


def test_the_load_generator_has_more_weight_than_the_server(
    client: docker.DockerClient, engine: DockerEngine, folder: Path
) -> None:
    """As the engine holds it while the load goes on: threads that spin must not hold requests back."""
    weights: dict[str, int] = {}

    def look(_: str) -> None:
        for container in client.containers.list(filters={"label": f"{RUN_LABEL}={engine.run}"}):
            weights[container.labels[ROLE_LABEL]] = container.attrs["HostConfig"]["CpuShares"]

    spec = reference(engine, folder)
    with engine.server(spec, folder / "server.log") as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        _, path = write_short_load(folder, running.url)
        assert engine.run_load(path, folder, look) == 0
    assert weights.pop("loadgen") == AHEAD
    assert set(weights.values()) == {0}


def test_every_container_has_a_limit_of_memory(
    client: docker.DockerClient, engine: DockerEngine, folder: Path
) -> None:
    """As the engine holds it: an image that grows without end takes itself down, and not the machine."""
    if engine.server_memory_bytes is None:
        pytest.skip("this engine cannot limit memory")
    limits: dict[str, tuple[int, int]] = {}

    def look(_: str = "") -> None:
        for container in client.containers.list(filters={"label": f"{RUN_LABEL}={engine.run}"}):
            host = container.attrs["HostConfig"]
            limits[container.labels[ROLE_LABEL]] = host["Memory"], host["MemorySwap"]

    spec = reference(engine, folder)
    with engine.server(spec, folder / "server.log") as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        _, path = write_short_load(folder, running.url)
        assert engine.run_load(path, folder, look) == 0
    mine = python_server(engine.loadgen_image, ANSWERING, memory_bytes=256 << 20)
    with engine.server(mine, folder / "server.log") as running:
        probe_of(running).wait_ready(mine.ready_path, mine.start_budget_s)
        facts = running.facts()
        look()
    assert facts is not None
    assert facts.memory_bytes == 256 << 20
    assert limits == {
        "server": (256 << 20, 256 << 20),
        "attendant": (KIT_MEMORY_BYTES, KIT_MEMORY_BYTES),
        "loadgen": (LOAD_MEMORY_BYTES, LOAD_MEMORY_BYTES),
    }


def test_the_engine_says_what_it_ran(engine: DockerEngine, folder: Path) -> None:
    """Image, command, environment, versions and times, while it runs and after it."""
    spec = python_server(engine.loadgen_image, ANSWERING)
    with engine.server(spec, folder / "server.log") as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
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
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        yield running


def test_everything_can_be_asked_beside_the_server(answering: Any) -> None:
    """Texts, documents, the model's name, posts, and the errors of all of them."""
    probe = probe_of(answering)
    assert probe.fetch_json("/v1/models") == {"data": [{"id": "tiny"}]}
    assert probe.fetch_text("/metrics") == '"some text"'
    assert probe.served_model() == "tiny"
    assert probe.post("/blob", {"model": "m", "stream": False}, 10) == {
        "bytes": len('{"model": "m", "stream": false}')
    }
    with pytest.raises(EndpointError, match="no such model"):
        probe.post("/error", {}, 10)
    with pytest.raises(EndpointError, match="HTTP status 500"):
        probe.post("/elsewhere", {}, 10)
    with pytest.raises(EndpointError, match="404"):
        probe.fetch_text("/nothing")


def test_correctness_is_asked_beside_the_server(answering: Any) -> None:
    """One by one and many at once, also where the tests are too long for a command line."""
    probe = probe_of(answering)
    long = replace(TEST, name="long", prompt="x" * 200_000)
    level = correctness.SuiteLevel("correctness", "tiny", (TEST, long), "0" * 64)
    single = probe.examine(level, "tiny", 1)
    many = probe.examine(level, "tiny", 5)
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
        probe_of(running).wait_ready("/health", 60)
    assert caught.value.detail == ("cannot \ufffd[31mload",)
    assert time.monotonic() - began < 20
    assert running.exit_code() == 3


def test_a_server_that_never_gets_ready_is_told_with_its_last_answer(engine: DockerEngine, folder: Path) -> None:
    """The budget, why it was not ready, and the log."""
    with (
        pytest.raises(RuntimeNotReadyError, match=r"within 2 s .*refused") as caught,
        engine.server(
            python_server(engine.loadgen_image, "print('slow', flush=True); import time; time.sleep(99)"),
            folder / "server.log",
        ) as running,
    ):
        probe_of(running).wait_ready("/health", 2)
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
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        _, path = write_short_load(folder, running.url)

        def on_line(line: str) -> None:
            if json.loads(line).get("phase") == "window" and running.exit_code() is None:
                running.run_inside(("python3", "-c", "import os, signal; os.kill(-1, signal.SIGKILL)"))

        assert engine.run_load(path, folder, on_line) == 0
        assert running.exit_code() == 137
    records = list(read_records(folder / "records.jsonl"))
    assert "failed" in {record.outcome for record in records}


def test_a_load_generator_that_is_killed_in_a_load_is_told_and_leaves_nothing(
    engine: DockerEngine, client: docker.DockerClient, folder: Path, run: str
) -> None:
    """Its exit code; the server goes on and is stopped as ever."""
    api: Any = client.api
    spec = reference(engine, folder)
    with engine.server(spec, folder / "server.log") as running:
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        _, path = write_short_load(folder, running.url, 5.0)
        killed: list[str] = []

        def on_line(line: str) -> None:
            if json.loads(line).get("phase") == "window" and not killed:
                rows = api.containers(filters={"label": f"{RUN_LABEL}={run}"})
                killed.extend(row["Id"] for row in rows if "kit.loadgen" in row["Command"])
                api.kill(killed[0], "SIGKILL")

        assert engine.run_load(path, folder, on_line) == 137
        assert len(killed) == 1
        assert running.exit_code() is None
    assert leftovers(client, run) == []


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
