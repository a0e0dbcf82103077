"""Programs one after the other or some at once, and what a place must say of itself before one is given to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kit.engines.conversation import Conversation
from kit.errors import EngineError
from kit.sandbox import Limits, Program, SandboxFacts, process
from kit.sandbox.pipes import talking_to
from kit.sandbox.running import Found, RunningSandbox
from kit.sandbox.sources import ENVIRONMENT, arguments
from tests.support.hostile_programs import RIGHT, TEST

FACTS = SandboxFacts("process", "test", "3")
HOLDS = Found("3.11.2", (), 0, True)


@contextmanager
def unconfined() -> Iterator[Conversation]:
    """A place that confines nothing, and says so."""
    pipe = subprocess.PIPE
    command = [sys.executable, *arguments("inside", 1 << 28)]
    child = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, start_new_session=True
    )
    with talking_to(child) as talk:
        yield talk


@contextmanager
def saying_that_it_holds() -> Iterator[Conversation]:
    """The same, with the lie that nothing can be written: our own programs need no more."""
    with unconfined() as talk:
        yield _Lying(talk)


class _Lying:
    def __init__(self, talk: Conversation) -> None:
        self._talk, self._said = talk, False
        self.send, self.ending, self.last_words = talk.send, talk.ending, talk.last_words

    def receive(self, deadline: float) -> bytes:
        piece = self._talk.receive(deadline)
        if self._said:
            return piece
        self._said = True
        return b'{"python": "3", "writable": [], "capabilities": 0, "refuses": true}\n'


def test_a_place_that_does_not_hold_is_given_no_program() -> None:
    sandbox = RunningSandbox(FACTS, unconfined, Limits(), 1)
    with pytest.raises(EngineError, match="The sandbox would not hold: a program could write to /"):
        list(sandbox.run([Program("one", RIGHT, "add_one", TEST)]))


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (HOLDS, ""),
        (Found("3", ("/usr",), 0, True), "a program could write to /usr"),
        (Found("3", (), 1 << 21, True), "a program would keep capabilities"),
        (Found("3", (), -1, True), "a program would keep capabilities"),
        (Found("3", (), 0, False), "its kernel refuses no calls to a program (seccomp)"),
    ],
)
def test_a_place_holds_if_nothing_is_missing(found: Found, missing: str) -> None:
    assert found.missing() == missing


@pytest.mark.parametrize("workers", [1, 3])
def test_verdicts_come_in_the_order_of_the_programs(workers: int) -> None:
    """Also where a later program is done earlier."""
    slow = "import time\ndef add_one(x):\n    time.sleep(0.3)\n    return x + 1\n"
    sources = [slow, RIGHT, "x" * (1 << 20), "def add_one(x):\n    return x\n", RIGHT]
    programs = [
        Program(str(number), source, "add_one", TEST, timeout_s=20) for number, source in enumerate(sources)
    ]
    outcomes = list(RunningSandbox(FACTS, saying_that_it_holds, Limits(), workers).run(iter(programs)))
    assert [(each.id, each.status) for each in outcomes] == [
        ("0", "passed"), ("1", "passed"), ("2", "refused"), ("3", "failed"), ("4", "passed"),
    ]  # fmt: skip


def test_no_place_of_python_is_seen_twice() -> None:
    found = process.places()
    assert "/usr" in found or sys.platform != "linux"
    assert not [a for a in found for b in found if a != b and a.startswith(f"{b}/") and not b.startswith("/lib")]
