"""Bytes that come and images that are built: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from kit.cli.showing.bars import bar, remaining_text, watched
from kit.text import bytes_text, plain_text

if TYPE_CHECKING:
    from kit.engines.protocol import OnBytes

LINE_EVERY_S = 10.0
STEP = re.compile(r"Step ([0-9]{1,4})/([0-9]{1,4}) : ?")  # as a builder of images counts its steps

# What a builder says of its own layers, and what takes no time: the words before stay.
BOOKKEEPING = re.compile(
    r"\s*(?:--->|(?:LABEL|ENV|ARG|USER|WORKDIR|ENTRYPOINT|CMD|STOPSIGNAL|EXPOSE)\b"
    r"|Remov(?:ed|ing) intermediate|Successfully (?:built|tagged))"
)


@contextlib.contextmanager
def transfer(what: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A bar for bytes that come; yields the function to call with (bytes so far, bytes in all)."""
    with preparation(what, quiet=quiet) as (on_bytes, _):
        yield on_bytes


@contextlib.contextmanager
def preparation(what: str, *, quiet: bool) -> Iterator[tuple[OnBytes, Callable[[str], None]]]:
    """The same for what has words of its own, too (builds): the functions for bytes and for lines.

    On a terminal the last line stands before the bar; elsewhere all are printed, and the bytes now and then.
    """
    amounts = _Amounts()
    if not watched(quiet=quiet):
        if not quiet:
            click.echo(f"{what} ...", err=True)
        yield (
            _lines_of_bytes(what, amounts, quiet=quiet),
            lambda line: None if quiet else click.echo(line, err=True),
        )
        return
    with bar() as progress:
        task = progress.add_task(plain_text(what), total=None, left="")

        def on_bytes(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total, left=amounts(done, total))

        def on_line(line: str) -> None:
            step = STEP.match(line)
            if step:
                amounts.forget()
                progress.update(
                    task, completed=int(step[1]), total=int(step[2]), left=f"step {step[1]} of {step[2]}"
                )
            words = line[step.end() :] if step else line
            if not BOOKKEEPING.match(words):
                progress.update(task, description=plain_text(words, 60))

        yield on_bytes, on_line


def _lines_of_bytes(what: str, amounts: _Amounts, *, quiet: bool) -> OnBytes:
    """Prints a line of a long transfer every ten seconds."""
    last_s = time.monotonic()

    def on_bytes(done: int, total: int | None) -> None:
        nonlocal last_s
        words = amounts(done, total)
        if not quiet and time.monotonic() - last_s >= LINE_EVERY_S:
            last_s = time.monotonic()
            click.echo(f"{plain_text(what)}: {words}", err=True)

    return on_bytes


class _Amounts:
    """Bytes so far with their rate and the time left, from the bytes that came since the first look."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """What comes next is another transfer."""
        self._began: tuple[float, int] | None = None
        self._last = 0

    def __call__(self, done: int, total: int | None) -> str:
        now_s = time.monotonic()
        if self._began is None or done < self._last:
            self._began = now_s, done
        self._last = done
        began_s, before = self._began
        return amount_text(done, total, done - before, now_s - began_s)


def amount_text(done: int, total: int | None, came: int, seconds: float) -> str:
    """`120.5 MB of 400.0 MB, 4.1 MB/s, 1:08 left`, of which `came` bytes came in so many seconds."""
    parts = [bytes_text(done) if total is None else f"{bytes_text(done)} of {bytes_text(total)}"]
    if seconds >= 1 and came > 0:
        rate = came / seconds
        parts.append(f"{bytes_text(round(rate))}/s")
        parts += [f"{remaining_text((total - done) / rate)} left"] if total is not None else []
    return ", ".join(parts)
