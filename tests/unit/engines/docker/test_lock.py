"""Who holds the lock of an engine, and when that process is surely gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.engines.docker.lock import birth, is_gone


@pytest.fixture
def other() -> subprocess.Popen[bytes]:
    """A process that has ended and was waited for."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process


def test_this_process_is_there() -> None:
    assert birth(os.getpid()).count("/") == 1
    assert not is_gone(str(os.getpid()), birth(os.getpid()))


def test_a_process_that_ended_is_gone(other: subprocess.Popen[bytes]) -> None:
    assert birth(other.pid) == ""
    assert is_gone(str(other.pid), "")


def test_a_number_given_again_is_another_process() -> None:
    """After a restart of the machine the number of a killed kit soon belongs to somebody else."""
    boot, started = birth(os.getpid()).split("/")
    assert is_gone(str(os.getpid()), f"{boot}/{int(started) - 1}")
    assert is_gone(str(os.getpid()), f"another-boot/{started}")


@pytest.mark.parametrize("pid", ["", "?", "0", "-1", "1e3", "\u0663", "9" * 40])
def test_what_says_nothing_is_not_called_gone(pid: str) -> None:
    assert not is_gone(pid, "a-boot/1")


def test_without_a_birth_a_living_number_is_not_called_gone() -> None:
    """Locks of older kits, and machines without /proc."""
    assert not is_gone(str(os.getpid()), "")


def test_a_name_with_brackets_and_spaces_is_skipped(tmp_path: Path) -> None:
    """The second field of /proc/PID/stat is chosen by the program."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("b\n")
    (tmp_path / "7").mkdir()
    fields = " ".join(str(number) for number in range(4, 53))
    (tmp_path / "7/stat").write_text(f"7 (a) S 1 (b) S {fields}")
    assert birth(7, tmp_path) == "b/22"
    (tmp_path / "7/stat").write_text("7 (a) S 1")
    assert birth(7, tmp_path) == ""
