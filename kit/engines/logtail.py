"""A server's log: its last lines, made safe for a terminal, and its start as it came.

A log is whatever a server chose to write.
"""

from __future__ import annotations

import os
from pathlib import Path

from kit.text import plain_text

TAIL_BYTES = 16_384
LINE_CHARS = 200


def safe_tail(data: bytes, lines: int) -> tuple[str, ...]:
    """The last lines of these bytes, blank ones left out."""
    text = data[-TAIL_BYTES:].decode("utf-8", "replace")
    return tuple(plain_text(line, LINE_CHARS) for line in text.splitlines() if line.strip())[-lines:]


def read_tail(path: Path, lines: int) -> tuple[str, ...]:
    """The last lines of a log file; none if there is no such file."""
    try:
        with path.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - TAIL_BYTES))
            return safe_tail(log.read(), lines)
    except OSError:
        return ()


def read_start(path: Path, limit_bytes: int) -> str:
    """The first bytes of a log file as text; empty if there is no such file."""
    try:
        with path.open("rb") as log:
            return log.read(limit_bytes).decode("utf-8", "replace")
    except OSError:
        return ""
