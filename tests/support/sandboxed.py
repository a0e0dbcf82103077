"""What every sandbox must hold: hostile programs between honest ones, on a machine that watches itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from kit.documents.quality.suite import SuiteTask
from kit.sandbox import Outcome, Program, Sandbox
from kit.supply.suites import suite_here
from tests.support.hostile_programs import HOSTILE, LONG, RIGHT, TEST, hostile
from tests.support.human_eval import almost_right, plainly_passing, program, right


@dataclass(frozen=True, slots=True)
class Watched:
    """A file that nobody may read or write, and a port at which nobody may knock."""

    canary: Path
    listener: socket.socket

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def untouched(self) -> bool:
        """Whether the file is as it was and nobody has come."""
        self.listener.settimeout(0)
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return self.canary.read_text() == "canary" and list(self.canary.parent.iterdir()) == [self.canary]
        return False


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    canary = folder / "canary"
    canary.write_text("canary")
    folder.chmod(0o777)
    canary.chmod(0o666)  # as open as it can be: only the sandbox keeps it
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Watched(canary, listener)


def honest(name: str) -> Program:
    return Program(name, RIGHT, "add_one", TEST, timeout_s=LONG)


def verdicts_on_all(sandbox: Sandbox, watch: Watched) -> tuple[dict[str, Outcome], list[Outcome]]:
    """The verdicts on every hostile program, and on the honest ones, of which one runs before and after each."""
    bad = [hostile(name, port=watch.port, canary=str(watch.canary)) for name in HOSTILE]
    good = [honest(f"honest {number}") for number in range(len(bad))]
    outcomes = list(sandbox.run(chain.from_iterable(zip(good, bad, strict=True))))
    assert [each.id for each in outcomes] == [each.id for pair in zip(good, bad, strict=True) for each in pair]
    return {each.id: each for each in outcomes[1::2]}, outcomes[::2]


def wrong_verdicts(found: dict[str, Outcome]) -> dict[str, Outcome]:
    """Those that are none that its program deserves."""
    return {name: each for name, each in found.items() if each.status not in HOSTILE[name][0].split()}


def human_eval() -> Sequence[SuiteTask]:
    """The 164 tasks, fetched once for all tests of a machine."""
    tasks = suite_here("humaneval", lambda _: None).tasks
    assert len(tasks) == 164
    return tasks


def wrong_about_right_programs(sandbox: Sandbox) -> list[Outcome]:
    """The verdicts on HumanEval's own solutions that are not "passed"."""
    outcomes = sandbox.run(program(task, right(task)) for task in human_eval())
    return [each for each in outcomes if each.status != "passed"]


def wrong_about_almost_right_programs(sandbox: Sandbox, every: int = 1) -> dict[str, str]:
    """Where a sandbox says another thing of a solution with one changed operator than a plain run of the test.

    Of `every` third, for instance: the tests run outside either sandbox, so that one of them sees all.
    """
    mutants = [(task, source) for task in human_eval() if (source := almost_right(task)) is not None]
    assert len(mutants) > 140
    plain = plainly_passing(mutants)
    assert 5 < sum(plain.values()) < 80
    mutants = mutants[::every]
    outcomes = sandbox.run(program(task, source) for task, source in mutants)
    wrong = [each for each in outcomes if (each.status == "passed") != plain[each.id]]
    return {each.id: f"{each.status}: {each.detail}" for each in wrong}
