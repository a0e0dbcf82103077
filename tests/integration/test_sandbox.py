"""The sandbox of a machine without containers, with programs that want out of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.errors import EngineError
from kit.sandbox import Limits, Program, Sandbox, open_sandbox, process
from tests.support.hostile_programs import LONG, TEST
from tests.support.not_tested import not_tested
from tests.support.sandboxed import (
    honest,
    verdicts_on_all,
    watched,
    wrong_about_almost_right_programs,
    wrong_about_right_programs,
    wrong_verdicts,
)

pytestmark = pytest.mark.integration

LIMITS = Limits(memory_bytes=256 << 20)
ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="this system has no namespaces")


@pytest.fixture(scope="module")
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    if sys.platform != "linux":
        pytest.skip("this system has no namespaces")
    try:
        opened = open_sandbox("process", limits=LIMITS, workers=2)
        with opened as found:
            yield found
    except EngineError as error:
        not_tested(request, f"{error} {error.detail}")


def test_no_hostile_program_gets_a_verdict_it_did_not_earn_and_none_gets_out(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Fork and memory bombs, forged verdicts, other processes, files, sockets; honest ones beside them pass."""
    with watched(tmp_path) as watch:
        found, good = verdicts_on_all(sandbox, watch)
        assert wrong_verdicts(found) == {}
        assert [each for each in good if each.status != "passed"] == []
        assert watch.untouched()


def test_every_solution_of_humaneval_passes(sandbox: Sandbox) -> None:
    assert wrong_about_right_programs(sandbox) == []


def test_solutions_with_one_changed_operator_get_the_verdict_of_a_plain_run(sandbox: Sandbox) -> None:
    """Where program and test share a process."""
    assert wrong_about_almost_right_programs(sandbox) == {}


def test_a_program_sees_neither_processes_nor_files_of_the_machine(sandbox: Sandbox) -> None:
    """Only Python and the libraries of the system."""
    source = (
        "import os\ndef add_one(x):\n    return sorted(os.listdir('/')), os.getuid(), os.environ.get('HOME')\n"
    )
    allowed = sorted({Path(place).parts[1] for place in (*process.places(), *process.DEVICES)} | {".old", "proc"})
    test = "def check(candidate):\n    names, user, home = candidate(1)\n"
    test += f"    assert set(names) <= set({allowed!r}), names\n    assert user in (0, 64017) and home is None\n"
    (outcome,) = sandbox.run([Program("look", source, "add_one", test, timeout_s=LONG)])
    assert (outcome.status, outcome.detail) == ("passed", "")


def test_the_facts_say_what_confines_and_which_python_runs(sandbox: Sandbox) -> None:
    assert (sandbox.facts.kind, sandbox.facts.image_id) == ("process", "")
    assert sandbox.facts.how in ("bubblewrap", "namespaces")
    assert sandbox.facts.python == ".".join(map(str, sys.version_info[:3]))


def test_whoever_stops_asking_leaves_no_program_behind(sandbox: Sandbox) -> None:
    outcomes = sandbox.run(honest(str(number)) for number in range(50))
    assert next(outcomes).status == "passed"
    outcomes.close()  # type: ignore[attr-defined]  # a generator
    assert _children() == []


def _children() -> list[str]:
    out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return [line for line in out.stdout.splitlines() if "kit-sandbox" in line or "bwrap" in line]


@ONLY_LINUX
def test_programs_end_with_a_kit_that_is_killed(sandbox: Sandbox, tmp_path: Path) -> None:  # noqa: ARG001
    """Also one that sleeps for ever."""
    mark = "add_one_that_sleeps_for_ever"
    script = tmp_path / "asks.py"
    script.write_text(
        "from kit.sandbox import *\n"
        f"source = 'import time\\ndef add_one(x):\\n    time.sleep(1e6)  # {mark}\\n'\n"
        "with open_sandbox('process') as sandbox:\n    print('open', flush=True)\n"
        f"    list(sandbox.run([Program('one', source, 'add_one', {TEST!r}, timeout_s=60)]))\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "open\n"
        deadline = time.monotonic() + 30
        while not _descendants(asking.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        started = _descendants(asking.pid)
        asking.kill()
    assert started
    deadline = time.monotonic() + 10
    while any(map(_alive, started)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in started if _alive(pid)] == []


def _descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", ["bubblewrap", "namespaces"])
def test_either_way_holds_by_itself(
    sandbox: Sandbox, how: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the machine's other one does; bubblewrap also for root, who would not be given it."""
    needs, _ = process.WAYS[how]
    if shutil.which(needs, path=process.PROGRAMS_AT) is None:
        not_tested(request, f"{needs} is not installed")
    if how == "bubblewrap":
        monkeypatch.setattr(os, "geteuid", lambda: 1)
    monkeypatch.setattr(process, "WAYS", {how: process.WAYS[how]})
    with open_sandbox("process", limits=LIMITS) as opened:
        assert (opened.facts.how, opened.facts.python) == (how, sandbox.facts.python)
        assert [each.status for each in opened.run([honest("one")])] == ["passed"]


def test_where_nothing_confines_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PROGRAMS_AT", "/nowhere")
    with pytest.raises(EngineError) as raised, open_sandbox("process") as opened:
        list(opened.run([honest("one")]))
    assert raised.value.what == "Nothing here confines what a model wrote, so it is not run."
    assert "take an engine with containers" in raised.value.remedy


def test_a_way_that_lets_a_program_write_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process in a sandbox says what it could do; a mere child process could write everywhere."""
    monkeypatch.setattr(process, "WAYS", {"namespaces": ("sh", lambda _: ["env"])})
    with pytest.raises(EngineError) as raised, open_sandbox("process") as opened:
        list(opened.run([honest("one")]))
    assert raised.value.detail[0].startswith("namespaces: a program could write to")
