"""What every sandbox must hold: hostile programs between honest ones, on a machine that watches itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from kit.sandbox import Outcome, Program, Sandbox
from tests.support.hostile_programs import HOSTILE, LONG, RIGHT, TEST, hostile


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
