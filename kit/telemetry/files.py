"""Files of /proc, /sys and cgroups, kept open: to read one again costs little beside the kernel's own work."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

BLOCK_BYTES = 4096


class KeptFile:
    """A file that is read again and again. What cannot be opened or read is None, and is tried again next time."""

    def __init__(self, path: Path, limit_bytes: int = BLOCK_BYTES) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._fd: int | None = None

    def read(self) -> bytes | None:
        """What it says now, at most so many bytes of it."""
        try:
            if self._fd is None:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._fd, self._limit_bytes, 0)
        except OSError:
            self.close()
            return None

    def number(self) -> int | None:
        """The one integer that it holds."""
        data = self.read()
        return None if data is None else integer(data)

    def close(self) -> None:
        """Let go of it; it may be opened again."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = None


def integer(data: bytes) -> int | None:
    """A whole number as the kernel writes it; None for anything else ("max")."""
    text = data.strip()
    return int(text) if text.isdigit() and len(text) < 20 else None


def keyed(data: bytes) -> dict[bytes, int]:
    """The lines "name number" of a file, by name; a colon or a unit after the number does not matter."""
    found = {}
    for line in data.splitlines():
        words = line.split()
        if len(words) >= 2 and (value := integer(words[1])) is not None:
            found[words[0].rstrip(b":")] = value
    return found
