"""Open files: raised where they may be, refused before a load where they may not, never a fault of the server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kit.documents import Load, Loop
from kit.errors import InputError
from kit.strict import plain, write_json
from tests.support.openai_server import OpenAiServer
from tests.unit.loadgen.test_program import pinned

ASK = (
    "import sys; from kit.loadgen.descriptors import need_descriptors; import resource\n"
    "wanted = None if sys.argv[1] == 'all' else int(sys.argv[1])\n"
    "print(need_descriptors(wanted), *resource.getrlimit(resource.RLIMIT_NOFILE))"
)


def limited(soft: int, hard: int, *command: str) -> subprocess.CompletedProcess[str]:
    """The command with these limits of open files."""
    words = ["bash", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "x", sys.executable, *command]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def carried_out_with(soft: int, hard: int, load: Load, folder: Path) -> subprocess.CompletedProcess[str]:
    """The load generator's program on this load, with these limits."""
    (folder / "load.json").write_bytes(write_json(plain(load)))
    (folder / "out").mkdir()
    return limited(soft, hard, "-m", "kit.loadgen", str(folder / "load.json"), str(folder / "out"))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("100", "None 256 1024"),
        ("192", "None 256 1024"),
        ("193", "(256, 257) 257 1024"),
        ("960", "(256, 1024) 1024 1024"),
        ("all", "(256, 1024) 1024 1024"),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_need_be(wanted: str, words: str) -> None:
    """Not further, and not where it is high enough."""
    done = limited(256, 1024, "-c", ASK, wanted)
    assert done.stdout.strip() == words, done.stderr


def test_more_than_the_hard_limit_is_refused_with_both_numbers() -> None:
    """Before anything is sent."""
    done = limited(256, 1024, "-c", ASK, "961")
    assert "961 connections at once need 1025 open files, and this process may have 1024" in done.stderr


@pytest.mark.parametrize(("hard", "ok"), [(1024, True), (160, False)])
def test_a_load_is_served_or_refused_but_never_short_of_files(hard: int, ok: bool, tmp_path: Path) -> None:
    """120 users, and 128 open files to begin with."""
    with OpenAiServer(tokens=1) as server:
        load = pinned(server.url, requests=120, concurrency=120)
        done = carried_out_with(128, hard, load, tmp_path)
    if not ok:
        assert done.returncode == InputError.exit_code
        assert "open files" in done.stdout
        assert list((tmp_path / "out").iterdir()) == []
        return
    assert done.returncode == 0, done.stdout + done.stderr
    records = [json.loads(line) for line in (tmp_path / "out" / "records.jsonl").read_bytes().splitlines()]
    assert {record["outcome"] for record in records} == {"ok"}


def test_our_own_shortage_ends_a_load_of_unknown_size(tmp_path: Path) -> None:
    """An open loop that piles up: what this process cannot open says nothing about the server."""
    with OpenAiServer(tokens=4, gap_s=0.3) as server:
        load = pinned(server.url, requests=200, loop=Loop("open", None, "constant", 400_000))
        done = carried_out_with(48, 48, load, tmp_path)
    assert done.returncode == InputError.exit_code, done.stdout
    assert "open files" in done.stdout
    assert not (tmp_path / "out" / "records.jsonl").exists()
