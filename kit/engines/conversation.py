"""A program that nobody trusts, and the talk with it: what an engine gives a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Confined:
    """What runs in a container that has nothing: no network, no file to write, no user's rights, few of anything.

    `arguments` are those of the image's `python3`.
    """

    image: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended: its exit code, or minus the signal; None where nobody knows, or while it runs."""

    exit_code: int | None
    out_of_memory: bool = False


class Conversation(Protocol):
    """A program that is talked to through its standard input and output; nothing that it says was checked.

    Deadlines are on `time.monotonic`; `TimeoutError` where one passes.
    """

    def send(self, data: bytes, deadline: float) -> None:
        """Give it all of this; `ConnectionError` if it takes nothing any more."""

    def receive(self, deadline: float) -> bytes:
        """The next piece of what it says; empty if it says nothing any more."""

    def ending(self, deadline: float) -> Ending:
        """How it ended, if it does by the deadline."""

    def last_words(self) -> tuple[str, ...]:
        """The last lines of its standard error that were seen, safe to print."""
