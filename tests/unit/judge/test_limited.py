"""The judge in a process with limits: it says what `kit.verify` says, or which limit was reached."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from kit.errors import InputError, InternalError
from kit.judge.limited import DEFAULT, MIB, LimitedJudge, judge_limited
from kit.storage.archive import pack
from kit.storage.bundle import make_manifest, read_archive
from kit.storage.names import MANIFEST
from kit.storage.run_folder import read_folder
from kit.strict import plain, write_json
from kit.verify import verify_bundle, verify_run
from tests.support.good_bundle import good_bundle, good_files
from tests.support.remembered import judges_of_their_own

__all__ = ["judges_of_their_own"]
pytestmark = pytest.mark.usefixtures("judges_of_their_own")

# A judge whose work is another one for each question: `work` runs in the limited copy.
PROGRAM = """
import json, os, sys
from pathlib import Path
from kit.judge import child
for line in iter(sys.stdin.buffer.readline, b""):
    question = json.loads(line)
    exec(question["work"], globals())
    child._answer = work
    asked = child.Question(Path("x"), question["memory"] << 20, question["cpu"], question["wall"])
    verdict = json.loads(child.answered(asked))
    if isinstance(verdict, dict):
        verdict = [each["rule"] + ": " + each["message"] for each in verdict["findings"]]
    print(json.dumps(verdict), flush=True)
"""


@cache
def program() -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    """The program ends with the tests."""
    yield
    if program.cache_info().currsize:
        with program():
            program.cache_clear()


def said_of(work: str, *, memory: int = 2048, cpu: int = 60, wall: int = 60) -> list[str]:
    """The findings, where this is what judging does."""
    process = program()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"work": work, "memory": memory, "cpu": cpu, "wall": wall}) + "\n")
    process.stdin.flush()
    found = json.loads(process.stdout.readline())
    assert isinstance(found, list)
    return found


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("limited") / "good.tar.gz"
    path.write_bytes(good_bundle())
    return path


def test_verdicts_are_those_of_verification(bundle: Path, tmp_path: Path) -> None:
    """On a good bundle, a bad one, bytes that are none, and a folder; one after the other, by one judge."""
    bad, none, folder = tmp_path / "bad.tar.gz", tmp_path / "none.tar.gz", tmp_path / "run"
    files = {**good_files(), "host.json": b"{}\n"}
    bad.write_bytes(pack({**files, MANIFEST: write_json(plain(make_manifest(files)))}))
    none.write_bytes(b"no bundle")
    for name, data in good_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    with LimitedJudge() as judge:
        for path in (bundle, bad, none, bundle):
            assert judge.verdict(path) == verify_bundle(read_archive(path))
        assert judge.verdict(folder) == verify_run(read_folder(folder))


def test_a_name_in_any_encoding_can_be_judged(bundle: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"b\xff\n.tar.gz")
    odd.write_bytes(bundle.read_bytes())
    assert judge_limited(odd).label == "consistent"


def test_what_cannot_be_read_is_told_and_ends_no_judge(bundle: Path, tmp_path: Path) -> None:
    with LimitedJudge() as judge:
        with pytest.raises(InputError, match="cannot be read: No such file") as raised:
            judge.verdict(tmp_path / "nowhere")
        assert raised.value.remedy == "Check the path."
        assert judge.verdict(bundle).label == "consistent"


def test_too_little_memory_is_a_rejection_that_says_so(bundle: Path) -> None:
    """The limit is of address space, of which the program itself takes a part."""
    with LimitedJudge(replace(DEFAULT, memory_bytes=16 * MIB)) as judge:
        for _ in range(2):
            verdict = judge.verdict(bundle)
            assert (verdict.label, verdict.identity, verdict.checked) == ("rejected", None, {})
            (finding,) = verdict.findings
            assert finding.rule == "verifier.limit"
            assert finding.message == "Judging it needs more than 16 MiB of memory."


def test_a_judge_that_dies_is_our_fault_and_another_takes_its_place(bundle: Path) -> None:
    with LimitedJudge() as judge:
        process = judge._start()
        process.kill()
        process.wait()
        with pytest.raises(InternalError, match="ended without a verdict"):
            judge.verdict(bundle)
        assert judge.verdict(bundle).label == "consistent"


def test_no_process_is_left_behind(bundle: Path) -> None:
    with LimitedJudge() as judge:
        assert judge.verdict(bundle).label == "consistent"
        process = judge._start()
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


# --- each limit, where judging does the worst -------------------------------------------------------------


def test_memory_has_a_limit() -> None:
    found = said_of("def work(asked): return bytes(300 << 20)", memory=256)
    assert found == ["verifier.limit: Judging it needs more than 256 MiB of memory."]


def test_processor_time_has_a_limit() -> None:
    found = said_of("def work(asked):\n    while True: pass", cpu=1)
    assert found == ["verifier.limit: Judging it needs more than 1 s of processor time."]


def test_time_has_a_limit() -> None:
    found = said_of("import time\ndef work(asked): time.sleep(60)", wall=1)
    assert found == ["verifier.limit: Judging it needs more than 1 s."]


def test_nothing_can_be_written(tmp_path: Path) -> None:
    work = f"def work(asked):\n    try: Path({str(tmp_path / 'a')!r}).write_bytes(b'x' * 4096)\n"
    found = said_of(work + "    except OSError as error: return json.dumps([str(error.errno)]).encode()")
    assert found == ["27"]  # EFBIG
    assert (tmp_path / "a").stat().st_size == 0


def test_it_holds_no_descriptor_but_its_pipe() -> None:
    """And none of its standard ones is the asker's. The fifth is that of the list itself."""
    work = "def work(asked):\n    names = os.listdir('/proc/self/fd' if sys.platform == 'linux' else '/dev/fd')\n"
    found = said_of(work + "    return json.dumps(sorted(names) + [os.readlink('/proc/self/fd/1')]).encode()")
    assert found == ["0", "1", "2", "3", "4", "/dev/null"]


def test_an_end_by_a_signal_is_a_rejection() -> None:
    """As a fault of the interpreter would be."""
    found = said_of("def work(asked): os.kill(os.getpid(), 11)")
    assert found == ["verifier.crashed: The process that judged it was ended by signal 11."]


def test_an_exception_is_a_rejection_and_no_traceback() -> None:
    found = said_of("def work(asked): raise SystemError")
    assert found == ["verifier.crashed: The process that judged it was ended with exit code 1."]


def test_where_the_system_keeps_no_limit_of_memory_it_is_watched() -> None:
    """The way for macOS, tried here."""
    work = "def work(asked):\n    child.watch_memory(200 << 20)\n    held = []\n"
    found = said_of(work + "    while True: held.append([0] * 1000)", memory=1024)
    assert found == ["verifier.limit: Judging it needs more than 1024 MiB of memory."]
