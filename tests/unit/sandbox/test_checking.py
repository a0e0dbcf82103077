"""Verdicts on programs, with both processes as they are; only that nothing confines the program here.

The programs are our own. How a sandbox holds what is hostile: tests/integration/test_sandbox.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kit.engines.conversation import Conversation
from kit.errors import EngineError, InternalError
from kit.sandbox import Limits, Outcome, Program
from kit.sandbox.checking import judged, refusal
from kit.sandbox.pipes import talking_to
from kit.sandbox.running import found_by
from kit.sandbox.sources import ENVIRONMENT, arguments
from tests.support.hostile_programs import RIGHT, TEST

LIMITS = Limits(memory_bytes=256 << 20)


@contextmanager
def started(limits: Limits = LIMITS) -> Iterator[Conversation]:
    """The program's process, without a sandbox around it."""
    pipe = subprocess.PIPE
    command = [sys.executable, *arguments("inside", limits.memory_bytes)]
    child = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, start_new_session=True
    )
    with talking_to(child) as talk:
        yield talk


def verdict(source: str, test: str = TEST, timeout_s: float = 20.0, *, prelude: str = "") -> Outcome:
    with started() as talk:
        found_by(talk)
        return judged(Program("one", source, "add_one", test, prelude, timeout_s), talk, LIMITS)


def test_a_right_program_passes() -> None:
    found = verdict(RIGHT)
    assert (found.id, found.status, found.detail) == ("one", "passed", "")
    assert 0 < found.seconds < 20


@pytest.mark.parametrize(
    ("source", "status", "detail"),
    [
        ("def add_one(x):\n    return x + 2\n", "failed", "AssertionError: assert candidate(1) == 2"),
        ("def add_one(x):\n    return 1 / 0\n", "failed", "ZeroDivisionError: division by zero"),
        ("def add_one(x)\n", "failed", "SyntaxError: expected ':' (answer, line 1)"),
        ("def other(x): pass\n", "failed", "KeyError: 'add_one'"),
        ("add_one = 5\n", "failed", "TypeError: 'int' object is not callable"),
        ("import numpy\n", "failed", "ModuleNotFoundError: No module named 'numpy'"),
        ("def add_one(x):\n    return input()\n", "failed", "EOFError: EOF when reading a line"),
        ("class Own(Exception): pass\ndef add_one(x):\n    raise Own('no')\n", "failed", "Own: no"),
        ("def add_one(x):\n    raise SystemExit(0)\n", "failed", "SystemExit: 0"),
        (
            "import os\ndef add_one(x):\n    os._exit(3)\n",
            "failed",
            "It ended with exit code 3 before the test did.",
        ),
        ("def add_one(x):\n    return bytearray(1 << 40)\n", "memory", "MemoryError"),
        ("x = bytearray(1 << 40)\n", "memory", "MemoryError"),
        ("def add_one(x):\n    return 'x' * (2 << 20)\n", "failed", "It said more than 1048576 bytes at once."),
    ],
)
def test_a_verdict_says_why_a_program_does_not_pass(source: str, status: str, detail: str) -> None:
    found = verdict(source)
    assert (found.status, found.detail) == (status, detail)


def test_a_program_that_takes_too_long_is_ended() -> None:
    found = verdict("def add_one(x):\n    while True: pass\n", timeout_s=0.3)
    assert (found.status, found.detail) == ("timeout", "No verdict within 0.3 s.")


def test_a_test_that_never_ends_is_ended_as_well() -> None:
    """Where what a program returned leads it astray."""
    assert verdict(RIGHT, "def check(candidate):\n    while candidate(1): pass\n", 0.5).status == "timeout"


def test_a_program_runs_without_being_the_main_one_and_keeps_its_state() -> None:
    source = "calls = []\ndef add_one(x):\n    calls.append(x)\n    return len(calls)\n"
    source += "if __name__ == '__main__':\n    raise ValueError\n"
    assert (
        verdict(source, "def check(candidate):\n    assert [candidate(0), candidate(0)] == [1, 2]\n").status
        == "passed"
    )


def test_dataclasses_work_in_a_program() -> None:
    source = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    source += "@dataclass\nclass At:\n    x: int\n"
    assert verdict(source + "def add_one(x):\n    return At(x).x + 1\n").status == "passed"


def test_a_test_catches_what_a_program_raises() -> None:
    """By the class of Python's own that it is, or is made from."""
    source = "class Own(ValueError): pass\ndef add_one(x):\n    raise Own('no')\n"
    test = (
        "def check(candidate):\n    try: candidate(1)\n    except ValueError as error: assert str(error) == 'no'\n"
    )
    test += "    else: assert False\n"
    assert verdict(source, test).status == "passed"


def test_a_test_has_what_its_prelude_defines_and_the_program_has_not() -> None:
    test = "def check(candidate):\n    assert candidate(1) == two()\n    assert add_one(1) == 2\n"
    prelude = "def two():\n    return 2\n"
    assert verdict(RIGHT, test, prelude=prelude).status == "passed"
    assert verdict("def add_one(x):\n    return two()\n", test, prelude=prelude).detail.startswith("NameError")


def test_a_program_gets_copies_of_the_arguments() -> None:
    test = "def check(candidate):\n    given = [1]\n    candidate(given)\n    assert given == [1]\n"
    assert verdict("def add_one(x):\n    x.append(2)\n", test).status == "passed"


def test_a_test_that_cannot_run_is_our_mistake() -> None:
    with pytest.raises(InternalError, match="The test of one cannot be run"):
        verdict(RIGHT, "def check(candidate)\n")


def test_a_program_may_start_no_process_or_thread_open_no_socket_and_write_nothing(tmp_path: object) -> None:
    """By itself, whatever stands around it; only on kernels whose calls are known."""
    attempts = [
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "threading.Thread(target=print).start()",
        "socket.socket()",
        f"os.write(os.open({str(tmp_path)!r} + '/made', os.O_CREAT | os.O_WRONLY), b'x')",
        "os.memfd_create('x')",
    ]
    source = "import os, socket, threading\ndef add_one(x):\n    refused = []\n"
    for attempt in attempts:
        source += f"    try:\n        {attempt}\n        refused.append({attempt!r})\n"
        source += "    except (OSError, RuntimeError): pass\n"
    source += "    return refused\n"
    assert (
        verdict(source, "def check(candidate):\n    got = candidate(1)\n    assert not got, got\n").status
        == "passed"
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("x" * (300 << 10), "The program has 307200 bytes; at most 262144 are run."),
        ("'\ud800'", "The program is not text."),
    ],
)
def test_a_program_that_is_too_long_or_no_text_is_not_run(source: str, why: str) -> None:
    assert refusal(Program("one", source, "add_one", TEST), Limits()) == why


def test_a_sandbox_in_which_python_does_not_start_is_an_error() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.exit('no room')"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    child.wait()
    with pytest.raises(EngineError) as raised, talking_to(child) as talk:
        found_by(talk)
    assert raised.value.detail == ("no room",)
