"""A terminal that keeps what it is sent: command lines of the kit with a pseudo-terminal as output and error."""

from __future__ import annotations

import contextlib
import os
import pty
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from kit import cli

# Clears the screen, sets the title, rings, goes back, turns the direction, hides, and is CSI in one character.
EVIL = "\x1b[2J\x1b]0;owned\x07\x08\x7f\x9b31m\u202e\u2066\u200b\u200f\ufeff\u2028evil"


@dataclass
class Terminal:
    """What was shown on it."""

    data: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        """Line ends as programs write them: a terminal turns each line feed into CR LF."""
        return self.data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")

    @property
    def harmful(self) -> set[str]:
        """The characters that no text of ours has."""
        return {c for c in self.text if not c.isprintable() and c not in "\n\t"}


@contextlib.contextmanager
def terminal() -> Iterator[tuple[Terminal, int]]:
    """A terminal and the descriptor to write to; all of it is there after the block."""
    shown = Terminal()
    master, slave = pty.openpty()

    def read() -> None:
        # Linux ends a terminal that nobody holds with an error.
        with contextlib.suppress(OSError):
            while data := os.read(master, 65536):
                shown.data += data

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield shown, slave
    finally:
        os.close(slave)
        reader.join(20)
        os.close(master)


def shown_by(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Terminal]:
    """The exit code of a command line, and what it showed on a terminal."""
    with terminal() as (shown, slave), monkeypatch.context() as patch:
        stream = os.fdopen(os.dup(slave), "w", encoding="utf-8")
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        try:
            code = cli.run(list(arguments))
        finally:
            stream.close()
    return code, shown
