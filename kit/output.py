"""What leaves through standard output and error: harmless to a terminal, in any encoding, with a reader or none.

Whatever a command prints passes here last, so that nothing read from a file, a server, a bundle or an image moves
a cursor, colours a line or turns the direction of what follows. Texts are made safe where they are put together
as well (`kit.text.plain_text`), which also keeps them on their line.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import TextIO, cast

from kit.text import UNPRINTABLE

NOBODY_READS = 141  # how a program ends that is of no use without a reader: 128 + SIGPIPE, as shells have it
STAND_IN = "kit.stand-in"  # the name of the error handler below
_STAND_INS = {
    "–": "-", "—": "-", "−": "-", "─": "-", "━": "-", "…": "...", "·": "-", "•": "*", "×": "x", "†": "+",  # noqa: RUF001
    "≤": "<=", "≥": ">=", "≈": "~", "→": "->", "‘": "'", "’": "'", "“": '"', "”": '"',  # noqa: RUF001
}  # fmt: skip
_BEYOND_BMP = 0x10000


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    """What is printed for characters that an encoding has not; "?" where nothing looks alike."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_alike, error.object[error.start : error.end])), error.end


def _alike(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return _STAND_INS.get(character) or plain or "?"


codecs.register_error(STAND_IN, _stand_in)


def harmless(text: str) -> str:
    """`text` with everything but printable characters, tabs and line feeds as U+FFFD."""
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else UNPRINTABLE for c in text)


def printable_json(text: str, encoding: str = "utf-8") -> str:
    """The same JSON with escapes for what must not reach a terminal or is not in `encoding`.

    Outside of its strings JSON has nothing but ASCII, so an escape is always in a string and means the same.
    """
    try:
        text.encode(encoding)
    except UnicodeError:
        return "".join(c if c == "\n" or " " <= c <= "~" else _escape(c) for c in text)
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if code < _BEYOND_BMP:
        return f"\\u{code:04x}"
    code -= _BEYOND_BMP
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


class Outlet:
    """A stream of text in front of a real one; `trusted` is for who draws with control characters itself.

    Once nobody reads any more (`| head`) the rest is dropped: a measurement goes on, and a verdict
    keeps its exit code. It has no `buffer`, past which bytes could go.
    """

    def __init__(self, raw: TextIO, *, trusted: bool = False) -> None:
        self.raw = raw
        self._trusted = trusted

    @property
    def encoding(self) -> str:
        return self.raw.encoding or "utf-8"

    @property
    def errors(self) -> str | None:
        return self.raw.errors

    @property
    def closed(self) -> bool:
        return self.raw.closed

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError("Only text is printed.")
        with self._until_nobody_reads():
            self.raw.write(text if self._trusted else harmless(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._until_nobody_reads():
            self.raw.flush()

    def isatty(self) -> bool:
        return self.raw.isatty()

    def fileno(self) -> int:
        return self.raw.fileno()

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    @contextlib.contextmanager
    def _until_nobody_reads(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            drop_the_rest(self.raw)


def drop_the_rest(stream: TextIO) -> None:
    """Let what is still printed, now and when the interpreter ends, go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def checked_output() -> Iterator[None]:
    """Standard output and error through an `Outlet` while the block runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_outlet, before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, Outlet):
                stream.flush()
        sys.stdout, sys.stderr = before


def _outlet(stream: TextIO) -> TextIO:
    if stream is None or isinstance(stream, Outlet):  # None: there is no standard output
        return stream
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=STAND_IN)
    return cast(TextIO, Outlet(stream))


def drawing_error() -> TextIO:
    """Standard error for a library that draws bars with control characters and is given only safe words."""
    return _trusted(sys.stderr)


def drawing_output() -> TextIO:
    """Standard output for a library that colours what it prints and is given only safe words."""
    return _trusted(sys.stdout)


def _trusted(stream: object) -> TextIO:
    return cast(TextIO, Outlet(stream.raw, trusted=True) if isinstance(stream, Outlet) else stream)
