"""The sampler beside processes, a real one: it sees the server, the load generator and what else takes a CPU."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.engines.process import ProcessEngine
from kit.run.telemetry import sampled
from kit.runtimes.protocol import ServerSpec
from kit.storage.telemetry_file import read_samples
from kit.strict import plain, write_jsonl_line
from kit.telemetry.watching import Watch

BURNS = (
    "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', 'while True: pass']); "
    "sys.stdin.read(); c.kill()"
)


def spec(code: str) -> ServerSpec:
    return ServerSpec("s", (sys.executable, "-c", code), ProcessEngine().free_port(), "/", 5.0)


def children(name: str) -> list[int]:
    """The children of this process whose command has `name`."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", name], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def until(path: Path, lines: int) -> None:
    deadline = time.monotonic() + 20
    while (path.read_bytes().count(b"\n") if path.exists() else 0) < lines:
        assert time.monotonic() < deadline, "the sampler wrote nothing"
        time.sleep(0.02)


def test_a_server_is_seen_with_what_it_starts(tmp_path: Path) -> None:
    """Its child burns; ten samples a second, in the form of the house, and the last one has everything."""
    engine = ProcessEngine()
    with engine.server(spec(BURNS), tmp_path / "log"), sampled(engine, tmp_path) as found:
        until(tmp_path / "telemetry.jsonl", 15)
    assert found.ended == "stopped"
    samples = read_samples(tmp_path / "telemetry.jsonl")
    assert samples == found.samples
    assert b"".join(write_jsonl_line(plain(s)) for s in samples) == (tmp_path / "telemetry.jsonl").read_bytes()
    last = samples[-1]
    assert last.server_ns is not None
    assert last.server_ns > 100_000_000
    assert last.own_ns is not None
    assert last.busy_ns is not None
    assert last.server_memory_bytes is not None
    assert {"cpu": "proc", "own": "processes", "server": "processes"}.items() <= found.sources.items()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "telemetry.jsonl"]


def test_a_load_generator_counts_as_one(tmp_path: Path) -> None:
    """From its start on; its time stays when it is gone."""
    (tmp_path / "load.json").write_text("{}")
    engine = ProcessEngine()
    with sampled(engine, tmp_path) as found:
        until(tmp_path / "telemetry.jsonl", 1)
        assert engine.run_load(tmp_path / "load.json", tmp_path, lambda _: None) == 2
    assert any(each.loadgen_ns for each in found.samples)
    assert found.samples[-1].loadgen_ns


def test_a_killed_sampler_leaves_what_it_had(tmp_path: Path) -> None:
    """Nothing else notices."""
    engine = ProcessEngine()
    with sampled(engine, tmp_path) as found:
        until(tmp_path / "telemetry.jsonl", 3)
        (pid,) = children("kit.telemetry")
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert found.ended == "the sampler ended with exit code -9"
    assert len(found.samples) >= 3


def test_a_sampler_that_cannot_write_says_so(tmp_path: Path) -> None:
    """The folder is a file by then: it is told why, in a line."""
    (tmp_path / "telemetry.jsonl").mkdir()
    with sampled(ProcessEngine(), tmp_path) as found:
        (pid,) = children("kit.telemetry")
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert found.ended.startswith("the sampler ended with exit code 5: no sample can be written")


def test_a_sampler_leaves_with_the_kit(tmp_path: Path) -> None:
    """However the kit ended: its input closes."""
    code = (
        "import sys, time; from pathlib import Path; from kit.engines.process import ProcessEngine\n"
        "context = ProcessEngine().telemetry(Path(sys.argv[1])); context.__enter__()\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE) as kit:
        until(tmp_path / "telemetry.jsonl", 2)
        kit.kill()
    size, deadline = -1, time.monotonic() + 20
    while size != (tmp_path / "telemetry.jsonl").stat().st_size:
        assert time.monotonic() < deadline
        size = (tmp_path / "telemetry.jsonl").stat().st_size
        time.sleep(0.3)


def test_a_program_without_a_document_ends_with_2(tmp_path: Path) -> None:
    """As with one that is none."""
    for arguments in ([], [str(tmp_path / "none")]):
        done = subprocess.run(
            [sys.executable, "-m", "kit.telemetry", *arguments], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "does not say what to watch" in done.stderr


@pytest.mark.parametrize("more", ["tree:x", "what:1", "container:"])
def test_a_word_that_nobody_knows_is_refused(more: str, tmp_path: Path) -> None:
    """Before anything is sampled."""
    watch = Watch(100_000_000, until_input_closes=False, roles={"own": [more]})
    (tmp_path / "watch.json").write_bytes(watch.document())
    done = subprocess.run(
        [sys.executable, "-m", "kit.telemetry", str(tmp_path / "watch.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
