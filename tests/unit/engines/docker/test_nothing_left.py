"""What an engine is asked for around servers, loads and models, and that nothing stays there, whatever happens."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import docker
import pytest

from kit.documents.container import ContainerSpec, Mount
from kit.engines.docker.host import DockerHost
from kit.engines.docker.volumes import volume_name
from kit.engines.docker.wire import MAX_LINE_BYTES
from kit.engines.protocol import Program
from kit.errors import EngineError
from kit.runtimes.protocol import ServerSpec
from tests.support.fake_engine import FakeEngine, RefusalError, fake_engine

CACHE = Mount("cache-of-run", "/cache", read_only=False)
SPEC = ServerSpec(
    "cell-1", (), 8080, "/health", 1.0, ContainerSpec("python", "image", ("-c", "pass"), 8080, mounts=(CACHE,))
)
WEIGHTS = b"weights" * 1000
DIGEST = sha256(WEIGHTS).hexdigest()
MARK = "/models/.kit-complete"


@pytest.fixture
def both() -> Iterator[tuple[FakeEngine, docker.DockerClient]]:
    with fake_engine() as found:
        yield found


@pytest.fixture
def engine(both: tuple[FakeEngine, docker.DockerClient]) -> FakeEngine:
    return both[0]


@pytest.fixture
def host(both: tuple[FakeEngine, docker.DockerClient]) -> DockerHost:
    return DockerHost(both[1], "run")


def interrupt() -> None:
    """Ctrl-C, while the main thread waits for the engine's answer."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


# --- servers --------------------------------------------------------------------------------------------


def test_a_server_is_in_a_network_without_a_way_out(engine: FakeEngine, host: DockerHost, tmp_path: Path) -> None:
    """Internal, without an address on the host's side; and in no other network."""
    with host.engine("image").server(SPEC, tmp_path / "log"):
        (network,) = engine.networks.values()
        assert network.asked["Internal"] is True
        assert network.asked["Options"] == {"com.docker.network.bridge.inhibit_ipv4": "true"}
        assert len(engine.containers) == 2
        assert {each.asked["HostConfig"]["NetworkMode"] for each in engine.containers.values()} == {network.name}
        assert {label for each in engine.made for label in each.labels.items()} >= {("org.kit.run", "run")}
    assert engine.left == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, EngineError])
def test_what_was_started_goes_after_an_error_and_its_log_is_kept(
    engine: FakeEngine, host: DockerHost, tmp_path: Path, error: type[BaseException]
) -> None:
    """The server is asked to end before it is removed."""
    engine.prints = b"the last words\n"
    with pytest.raises(error), host.engine("image").server(SPEC, tmp_path / "log") as running:
        raise error("in the block")
    assert (tmp_path / "log").read_bytes() == b"the last words\n"
    assert running.log_tail() == ("the last words",)
    assert engine.left == []
    assert [asked for asked in engine.asked if re.fullmatch("POST /containers/kit-server-.*/stop", asked)]


@pytest.mark.parametrize(
    "step",
    [
        "POST /networks/create",
        "POST /volumes/create",
        "POST /containers/create",
        "POST /containers/kit-attendant-.*/start",
        "POST /containers/kit-server-.*/start",
    ],
)
@pytest.mark.parametrize("by", ["refusal", "Ctrl-C"])
def test_nothing_stays_of_a_start_that_broke_off(
    engine: FakeEngine, host: DockerHost, tmp_path: Path, step: str, by: str
) -> None:
    """At whatever step: what was made by then goes, also what was just being made."""
    if by == "refusal":
        engine.refuse(step)
    else:
        engine.on[step] = interrupt
    expected = EngineError if by == "refusal" else KeyboardInterrupt
    with pytest.raises(expected), host.engine("image").server(SPEC, tmp_path / "log"):
        pass
    assert any(re.fullmatch(step, asked) for asked in engine.asked)
    assert engine.left == []


def test_what_cannot_be_removed_keeps_nothing_else(engine: FakeEngine, host: DockerHost, tmp_path: Path) -> None:
    """And is told, as nothing else went wrong."""
    engine.refuse("DELETE /containers/kit-server-.*")
    with (
        pytest.raises(EngineError, match="refused to remove a container"),
        host.engine("image").server(SPEC, tmp_path / "log"),
    ):
        pass
    assert [name.rpartition("-")[0] for name in engine.left] == ["kit-server"]


# --- loads ----------------------------------------------------------------------------------------------


def interrupted_load(host: DockerHost, folder: Path, on_line_raises: type[BaseException]) -> Path:
    out = folder / "out"
    out.mkdir()
    (folder / "load.json").write_text("{}")

    def raises(_: str) -> None:
        raise on_line_raises

    measuring = host.engine("image")
    with measuring.server(SPEC, folder / "log"), pytest.raises(on_line_raises):
        measuring.run_load(folder / "load.json", out, raises)
    return out


def test_an_interrupted_load_generator_is_asked_to_end_and_leaves_what_it_has(
    engine: FakeEngine, host: DockerHost, tmp_path: Path
) -> None:
    """It writes its records when it is told to end; then the interrupt goes on and nothing stays."""
    engine.prints = b'{"event": "start"}\n'
    engine.leaves = {"/cell/out/records.jsonl": b"record\n", "/cell/out/other": b"x"}
    out = interrupted_load(host, tmp_path, KeyboardInterrupt)
    assert (out / "records.jsonl").read_bytes() == b"record\n"
    assert [path.name for path in out.iterdir()] == ["records.jsonl"]
    assert [asked for asked in engine.asked if re.fullmatch("POST /containers/kit-loadgen-.*/kill", asked)]
    assert engine.left == []


def test_a_second_interrupt_does_not_wait(engine: FakeEngine, host: DockerHost, tmp_path: Path) -> None:
    """What the load generator still has is given up; it goes all the same."""
    engine.prints = b'{"event": "start"}\n'
    engine.leaves = {"/cell/out/records.jsonl": b"record\n"}
    engine.on["POST /containers/kit-loadgen-.*/wait"] = interrupt
    out = interrupted_load(host, tmp_path, KeyboardInterrupt)
    assert list(out.iterdir()) == []
    assert engine.left == []


# --- cleaning -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["containers", "networks", "volumes"])
def test_cleaning_goes_on_after_a_refusal(engine: FakeEngine, host: DockerHost, kind: str) -> None:
    """Whichever the engine refuses, all else goes; the refusal is told."""
    for each in ("containers", "networks", "volumes"):
        for number in range(3):
            name = f"{each}-{number}"
            engine.answer("POST", f"/{each}/create?name={name}", b'{"Labels": {"org.kit.run": "run"}}')
    engine.refuse(f"DELETE /{kind}/{kind}-0")
    removed = host.clean("run")
    counts = {"containers": removed.containers, "networks": removed.networks, "volumes": removed.volumes}
    assert counts == {"containers": 3, "networks": 3, "volumes": 3} | {kind: 2}
    assert len(removed.problems) == 1
    assert engine.left == [f"{kind}-0"]


# --- caches ---------------------------------------------------------------------------------------------


def test_what_servers_compile_outlives_them_and_not_their_run(
    engine: FakeEngine, host: DockerHost, tmp_path: Path
) -> None:
    """One volume for all servers of the run, with its label; it goes with the run."""
    with host.cache_volumes([CACHE.volume]):
        for number in range(2):
            with host.engine("image").server(SPEC, tmp_path / f"log{number}"):
                pass
        assert [(each.name, each.labels["org.kit.run"]) for each in engine.volumes.values()] == [
            (CACHE.volume, "run")
        ]
    assert engine.asked.count("POST /volumes/create") == 1
    assert engine.left == []


@pytest.mark.parametrize("error", [EngineError("No."), KeyboardInterrupt()])
def test_caches_go_after_an_error(engine: FakeEngine, host: DockerHost, error: BaseException) -> None:
    """Also one that was made before another could not be."""
    with pytest.raises(type(error)), host.cache_volumes(["one", "two"]):
        raise error
    assert engine.left == []
    engine.refuse("POST /volumes/create")
    with pytest.raises(EngineError, match="make the volume"), host.cache_volumes(["one"]):
        pass
    assert engine.left == []


def test_what_a_standing_server_writes_goes_with_it(engine: FakeEngine, host: DockerHost) -> None:
    """`kit down` finds the volume by the label of the run."""
    container = SPEC.container
    assert container is not None
    host.stand_up(container, 8080)
    assert engine.volumes[CACHE.volume].labels == {"org.kit.run": "run"}
    host.clean("run")
    assert engine.left == []


# --- models ---------------------------------------------------------------------------------------------


def filled(host: DockerHost, folder: Path) -> str:
    (folder / "m").write_bytes(WEIGHTS)
    return host.model_volume("image", DIGEST, folder / "m", "m.gguf", lambda *_: None)


def uploads(engine: FakeEngine) -> int:
    return sum(asked.startswith("PUT ") for asked in engine.asked)


def test_a_volume_that_was_filled_is_not_filled_again(
    engine: FakeEngine, host: DockerHost, tmp_path: Path
) -> None:
    """Its mark says whose it is; the container that filled it is gone."""
    name = filled(host, tmp_path)
    assert engine.volumes[name].files == {"/models/m.gguf": WEIGHTS, MARK: DIGEST.encode()}
    before = uploads(engine)
    assert filled(host, tmp_path) == name
    assert uploads(engine) == before
    assert engine.left == []


@pytest.mark.parametrize("mark", [{}, {MARK: b"0" * 64}, {MARK: b""}, {MARK: DIGEST[:-1].encode()}])
def test_a_volume_that_was_half_filled_is_filled_again(
    engine: FakeEngine, host: DockerHost, tmp_path: Path, mark: dict[str, bytes]
) -> None:
    """By a kit that was killed: without a mark, or with one that does not say this hash."""
    engine.answer("POST", "/volumes/create", b'{"Name": "%s"}' % volume_name(DIGEST).encode())
    engine.volumes[volume_name(DIGEST)].files |= {"/models/m.gguf": WEIGHTS[:9], **mark}
    name = filled(host, tmp_path)
    assert engine.volumes[name].files == {"/models/m.gguf": WEIGHTS, MARK: DIGEST.encode()}


@pytest.mark.parametrize("upload", [1, 2])
@pytest.mark.parametrize("by", ["refusal", "Ctrl-C"])
def test_a_volume_that_could_not_be_filled_is_removed(
    engine: FakeEngine, host: DockerHost, tmp_path: Path, upload: int, by: str
) -> None:
    """Whether the weights or their mark did not come; and while weights come, there is no mark yet."""
    marked: list[bool] = []

    def breaks() -> None:
        marked.append(MARK in engine.volumes[volume_name(DIGEST)].files)
        if len(marked) == upload and by == "refusal":
            raise RefusalError
        if len(marked) == upload:
            interrupt()

    engine.on["PUT .*"] = breaks
    with pytest.raises(EngineError if by == "refusal" else KeyboardInterrupt):
        filled(host, tmp_path)
    assert marked == [False] * upload
    assert engine.volumes == engine.containers == {}


# --- programs -------------------------------------------------------------------------------------------


def test_a_program_that_never_ends_its_line_is_not_kept_in_memory(
    engine: FakeEngine, host: DockerHost, tmp_path: Path
) -> None:
    """The start of its line is; and what it announced on the next one is fetched."""
    engine.prints = b"x" * (5 << 20) + b"\na.bin 7\n"
    engine.on["POST .*/start"] = lambda: engine.containers[list(engine.containers)[-1]].files.update(
        {"/cell/out/a.bin": b"content"}
    )
    lines: list[str] = []
    program = Program("image", b"pass", (), (), {}, lambda line: "a.bin" if line == "a.bin 7" else None)
    host.run_program(program, tmp_path, lines.append)
    assert lines[-1] == "a.bin 7"
    assert MAX_LINE_BYTES <= max(map(len, lines)) <= MAX_LINE_BYTES + (1 << 16)
    assert (tmp_path / "a.bin").read_bytes() == b"content"
    assert engine.left == []
