"""Programs under measurement: their whole tree is waited for and counted, whatever they do."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from benchmarks.children import BenchmarkError, Ended, busy_core, run_counted, wanted

PYTHON = (sys.executable, "-I", "-S", "-c")


def test_work_that_outlives_its_parent_is_counted(tmp_path: Path) -> None:
    """A tool that leaves its work to a daemon: its own exit code, the CPU and the time of both."""
    program = """if True:
        import os, sys, time
        print("words", file=sys.stderr, flush=True)
        if os.fork():
            os._exit(3)
        os.setsid()
        while time.process_time() < 0.1:
            pass
    """
    ended = run_counted([*PYTHON, program], tmp_path / "tool")
    assert ended.code == 3
    assert ended.cpu_s >= 0.1
    assert ended.wall_s >= 0.05
    assert (ended.output, ended.peak_bytes) == ("words\n", None)


def test_a_tree_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """With code 124, and nobody is left to be waited for."""
    program = "import os, time; os.fork(); os.setsid(); time.sleep(60)"
    ended = run_counted([*PYTHON, program], tmp_path / "tool", limit_s=0.1, memory=True)
    assert ended.code == 124
    assert 0.1 <= ended.wall_s < 30


def test_the_memory_of_a_tree_is_added_up(tmp_path: Path) -> None:
    """Parent and child hold 24 MiB each of their own at one time."""
    program = """if True:
        import os, signal, time
        ready, done = os.pipe()
        child = os.fork()
        kept = bytearray(b"x") * (24 << 20)
        if not child:
            os.write(done, b"1")
            time.sleep(60)
        os.read(ready, 1)
        time.sleep(0.2)
        os.kill(child, signal.SIGKILL)
    """
    ended = run_counted([*PYTHON, program], tmp_path / "tool", memory=True)
    assert ended.code == 0
    assert ended.peak_bytes is not None
    assert 48 << 20 < ended.peak_bytes < 96 << 20


def test_a_program_sees_the_environment_it_is_given(tmp_path: Path) -> None:
    """Beside that of the benchmark itself; its standard input is empty."""
    program = "import os, sys; print(os.environ['TOLD'], 'PATH' in os.environ, sys.stdin.read() == '')"
    ended = run_counted([*PYTHON, program], tmp_path / "tool", environment={"TOLD": "so"})
    assert (ended.code, ended.output) == (0, "so True True\n")


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With its name and the reason."""
    with pytest.raises(BenchmarkError, match=r"(?s)no-such-tool could not be run: .*FileNotFoundError"):
        run_counted([str(tmp_path / "no-such-tool")], tmp_path / "tool")


def test_only_a_program_that_ended_well_is_wanted() -> None:
    """Else its code and its last words, no more than 600 of them, are the reason."""
    well = Ended(0, 1.0, 2.0, None, "words")
    assert wanted(well, "it") is well
    with pytest.raises(BenchmarkError) as error:
        wanted(Ended(-9, 1.0, 2.0, None, "x" * 9999 + "end\n"), "it")
    assert str(error.value) == "it ended with code -9: " + "x" * 597 + "end"


class Kept(subprocess.Popen[bytes]):
    """Each process that was started, in order."""

    started: ClassVar[list[Kept]] = []

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.started.append(self)


def test_a_busy_neighbour_lasts_as_long_as_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes too where the block fails."""
    monkeypatch.setattr(Kept, "started", [])
    monkeypatch.setattr(subprocess, "Popen", Kept)
    with contextlib.suppress(BenchmarkError), busy_core():
        (neighbour,) = Kept.started
        assert neighbour.poll() is None
        raise BenchmarkError("the load failed")
    assert [each.returncode for each in Kept.started] == [-signal.SIGKILL]
