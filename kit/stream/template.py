"""A short cut for the usual event: a server's text events differ in nothing but their text.

After one event was read in full, its bytes before and after the text are a template. An event with the same
bytes around a plain string (printable ASCII, no quote, no backslash) means the same, whatever the text: JSON's
grammar leaves no other reading. A template is believed only after an event made from it was read in full too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kit.stream.sse import PLAIN

# What holds the text in chunks of a chat, and in those of the older completions.
_KEYS = tuple((b'"%b"' % name, re.compile(rb'"%b"\s*:\s*"' % name)) for name in (b"content", b"text"))
PROBE = b"kit probe 0123456789"


@dataclass(frozen=True, slots=True)
class Template:
    """The bytes of an event before and after its text."""

    before: bytes
    after: bytes

    def text(self, data: bytes) -> str | None:
        """The text of an event of this form; None if it is of another form and must be read in full."""
        if not (data.startswith(self.before) and data.endswith(self.after)):
            return None
        inner = data[len(self.before) : len(data) - len(self.after)]
        return inner.decode("ascii") if PLAIN.fullmatch(inner) else None

    def probe(self) -> bytes:
        """An event of this form with a text that no server sends."""
        return self.before + PROBE + self.after


def template_of(data: bytes, text: str) -> Template | None:
    """The template of an event whose only text is `text`; None where the text does not stand there plainly."""
    raw = text.encode()
    for name, key in _KEYS:
        found = key.search(data) if data.count(name) == 1 else None
        if found is not None:
            if not PLAIN.fullmatch(raw) or not data.startswith(raw + b'"', found.end()):
                return None
            return Template(data[: found.end()], data[found.end() + len(raw) :])
    return None
