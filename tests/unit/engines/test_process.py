"""The engine `process`, with real child processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kit.engines import process
from kit.engines.logtail import read_tail
from kit.engines.process import ProcessEngine
from kit.errors import EngineError, PortInUseError
from kit.runtimes.protocol import ServerSpec

OBEDIENT = "import sys; print('up', flush=True); sys.stdin.read(); print('bye')"
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def spec(code: str, port: int | None = None) -> ServerSpec:
    number = ProcessEngine().free_port() if port is None else port
    return ServerSpec("s", (sys.executable, "-c", code), number, "/health", 5.0)


def wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in (log.read_text() if log.exists() else ""):
        assert time.monotonic() < deadline, "the child said nothing"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_ends_politely_when_its_input_closes(tmp_path: Path) -> None:
    """Exit code 0, its last words in the log."""
    log = tmp_path / "log"
    with ProcessEngine().server(spec(OBEDIENT), log) as running:
        wait_for(log, "up")
        assert running.exit_code() is None
    assert running.exit_code() == 0
    assert running.log_tail() == ("up", "bye")


def test_a_server_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """End of input, SIGTERM, SIGKILL: gone when the context ends."""
    monkeypatch.setattr(process, "POLITE_S", 0.1)
    log = tmp_path / "log"
    with ProcessEngine().server(spec(DEAF), log) as running:
        wait_for(log, "up")
    assert running.exit_code() == -signal.SIGKILL


def test_a_server_is_gone_after_an_error_in_the_kit(tmp_path: Path) -> None:
    """Whatever happens inside the context."""
    engine, log = ProcessEngine(), tmp_path / "log"
    with pytest.raises(RuntimeError), engine.server(spec(OBEDIENT), log) as running:
        raise RuntimeError
    assert running.exit_code() is not None


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    """Exit code 9, the port and how to find who has it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(PortInUseError, match=str(port)) as caught,
            ProcessEngine().server(spec(OBEDIENT, port), tmp_path / "log"),
        ):
            pass
    assert caught.value.exit_code == 9
    assert not (tmp_path / "log").exists()


def test_a_program_that_does_not_exist_is_an_engine_error(tmp_path: Path) -> None:
    """Not a traceback."""
    nowhere = ServerSpec("s", (str(tmp_path / "no-such-program"),), ProcessEngine().free_port(), "/", 1.0)
    with pytest.raises(EngineError, match="no-such-program"), ProcessEngine().server(nowhere, tmp_path / "log"):
        pass


def test_a_server_ends_when_the_kit_is_killed(tmp_path: Path) -> None:
    """kill -9 of the parent closes the pipe, and the child leaves."""
    log, pid_file = tmp_path / "log", tmp_path / "pid"
    child = f"import os,sys; open({str(pid_file)!r},'w').write(str(os.getpid())); " + OBEDIENT
    parent = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from kit.engines.process import ProcessEngine\n"
        "from kit.runtimes.protocol import ServerSpec\n"
        "command = (sys.executable, '-c', sys.argv[2])\n"
        "spec = ServerSpec('s', command, ProcessEngine().free_port(), '/', 5.0)\n"
        "context = ProcessEngine().server(spec, Path(sys.argv[3]))\n"
        "context.__enter__(); sys.stdin.read()"
    )
    root = str(Path(process.__file__).parents[2])
    with subprocess.Popen([sys.executable, "-c", parent, root, child, str(log)], stdin=subprocess.PIPE) as kit:
        wait_for(log, "up")
        pid = int(pid_file.read_text())
        kit.kill()
        kit.wait()
    wait_for(log, "bye")
    deadline = time.monotonic() + 20
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def test_a_child_gets_no_secrets_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the names on the list."""
    monkeypatch.setenv("HF_TOKEN", "secret")
    log = tmp_path / "log"
    with ProcessEngine().server(spec("import os; print(sorted(os.environ)); print('up', flush=True)"), log):
        wait_for(log, "up")
    assert "HF_TOKEN" not in log.read_text()
    assert "PATH" in log.read_text()


def test_the_tail_of_a_log_is_safe_to_print(tmp_path: Path) -> None:
    """Control characters and broken UTF-8 are replaced, blank lines dropped, a missing log is no error."""
    log = tmp_path / "log"
    log.write_bytes(b"one\n\n\x1b[2Jtwo\n\xff three\n")
    assert read_tail(log, 2) == ("\ufffd[2Jtwo", "\ufffd three")
    assert read_tail(tmp_path / "none", 5) == ()


def test_the_load_generator_is_a_program_of_its_own(tmp_path: Path) -> None:
    """A load document that is none comes back as an error event and exit code 2."""
    load = tmp_path / "load.json"
    load.write_text("{}")
    lines: list[str] = []
    assert ProcessEngine().run_load(load, tmp_path, lines.append) == 2
    assert '"event": "error"' in lines[0]
    assert not (tmp_path / "loadgen.log").exists()


def interrupted_at_birth(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Ctrl-C between the start of a child and its handing over; the children that were started."""
    started: list[subprocess.Popen[bytes]] = []
    spawn = ProcessEngine._spawn

    def interrupted(
        engine: ProcessEngine, command: list[str], stdout: int, stderr: int, **more: Any
    ) -> subprocess.Popen[bytes]:
        started.append(spawn(engine, command, stdout, stderr, **more))
        os.kill(os.getpid(), signal.SIGINT)
        return started[0]

    monkeypatch.setattr(ProcessEngine, "_spawn", interrupted)
    return started


def test_an_interrupt_while_a_server_starts_still_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No child outlives the context."""
    started = interrupted_at_birth(monkeypatch)
    with pytest.raises(KeyboardInterrupt), ProcessEngine().server(spec(OBEDIENT), tmp_path / "log"):
        pass
    assert started[0].poll() is not None


def test_an_interrupt_while_the_load_generator_starts_still_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go on loading a server that is about to be stopped."""
    started = interrupted_at_birth(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        ProcessEngine().run_load(tmp_path / "load.json", tmp_path, lambda _: None)
    assert started[0].poll() is not None


def test_a_child_is_let_in_where_its_parent_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine is given stands for what our own environment says."""
    monkeypatch.setenv("KIT_API_KEY", "ours")
    log, more = tmp_path / "log", {"KIT_API_KEY": "", "KIT_HEADERS": '{"X": "y"}'}
    code = "import os; print([os.environ[n] for n in ('KIT_API_KEY', 'KIT_HEADERS')]); print('up', flush=True)"
    with ProcessEngine(more).server(spec(code), log):
        wait_for(log, "up")
    assert """['', '{"X": "y"}']""" in log.read_text()
