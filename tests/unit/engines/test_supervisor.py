"""kit.engines.supervisor: a program that knows nothing of the kit ends with it, and all that it started."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.engines.process import ProcessEngine
from kit.runtimes.protocol import ServerSpec

SLEEPS = "sleep 60 & echo $$ $! > {file}; wait"
STUBBORN = "trap '' TERM; echo $$ $$ > {file}; while :; do sleep 1; done"


@contextlib.contextmanager
def supervised(text: str) -> Iterator[subprocess.Popen[bytes]]:
    """A shell under supervision, gone at the end of the block."""
    command = [sys.executable, "-m", "kit.engines.supervisor", "/bin/sh", "-c", text]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        yield child


def pids_in(file: Path) -> list[int]:
    deadline = time.monotonic() + 20
    while not (file.is_file() and file.read_text().split()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return [int(word) for word in file.read_text().split()]


def is_gone(pid: int) -> bool:
    """Within a moment: who was killed may still be waited for by its new parent."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (OSError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("text", [SLEEPS, STUBBORN], ids=["polite", "stubborn"])
@pytest.mark.parametrize("how", ["input", "signal"])
def test_a_program_ends_with_the_input_or_the_signal(text: str, how: str, tmp_path: Path) -> None:
    """With what it started; one that will not is killed."""
    with supervised(text.format(file=tmp_path / "pids")) as child:
        pids = pids_in(tmp_path / "pids")
        if how == "signal":
            child.terminate()
        elif child.stdin is not None:
            child.stdin.close()
        assert child.wait(timeout=10) in (143, 137)
    assert all(map(is_gone, pids))


@pytest.mark.parametrize(("text", "code"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_the_exit_code_is_that_of_the_program(text: str, code: int) -> None:
    """As a shell tells it."""
    with supervised(text) as child:
        assert child.wait(timeout=20) == code


def test_a_program_that_cannot_be_started_is_told_in_the_log(tmp_path: Path) -> None:
    """With the exit code that a shell has for that."""
    command = [sys.executable, "-m", "kit.engines.supervisor", str(tmp_path / "nothing")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert done.stderr == "nothing cannot be started: No such file or directory\n"


def test_a_program_has_its_environment_and_folders_of_its_own_while_it_runs(tmp_path: Path) -> None:
    """They are gone with it."""
    text = f'touch "$OWN/x"; echo "$SAID $OWN" > {tmp_path}/told; exec sleep 60'
    spec = ServerSpec(
        "x",
        ("sh", "-c", text),
        0,
        "/",
        1.0,
        program="/bin/sh",
        environment={"SAID": "hello"},
        own_folders=("OWN",),
    )
    engine = ProcessEngine()
    with engine.server(spec, tmp_path / "log") as server:
        deadline = time.monotonic() + 20
        while not ((tmp_path / "told").is_file() and (tmp_path / "told").read_text().endswith("\n")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        said, folder = (tmp_path / "told").read_text().split()
        assert said == "hello"
        assert (Path(folder) / "x").is_file()
    assert server.exit_code() == 143
    assert not Path(folder).exists()
