"""Finished exchanges go to disk at once, so that memory does not grow with the tokens of a load.

One exchange is one `marshal` dump: private to the process that wrote it, never read by another, gone after
the parse. What stays in memory is 24 bytes for each request.
"""

from __future__ import annotations

import io
import marshal
import os
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import IO

from kit.model import Exchange

# Large enough that a write is rare, small enough that it does not hold up the loop for long (about 20 us).
BUFFER_BYTES = 64 * 1024

_FIELDS = tuple(field.name for field in fields(Exchange))


class Spool:
    """Takes exchanges as they end, gives them back in the order of their ids. Without a path: in memory."""

    def __init__(self, path: Path | None = None) -> None:
        self._file: IO[bytes] = io.BytesIO() if path is None else path.open("w+b", buffering=BUFFER_BYTES)
        self._on_disk = path is not None
        self._places: dict[int, tuple[int, int]] = {}
        self._end = 0

    def add(self, exchange: Exchange) -> None:
        data = marshal.dumps(tuple([getattr(exchange, name) for name in _FIELDS]))
        self._file.write(data)
        self._places[exchange.id] = (self._end, len(data))
        self._end += len(data)

    @property
    def size_bytes(self) -> int:
        return self._end

    def flush(self) -> None:
        """Everything added so far can be read, by forked children too."""
        self._file.flush()

    def ids(self) -> list[int]:
        """The ids of all exchanges, ascending."""
        return sorted(self._places)

    def read(self, ids: Sequence[int]) -> Iterator[Exchange]:
        """These exchanges, one at a time. Several processes may read a spool on disk at once."""
        self.flush()
        for id_ in ids:
            yield Exchange(*marshal.loads(self._at(*self._places[id_])))

    def _at(self, place: int, size: int) -> bytes:
        if self._on_disk:
            # Not seek and read: forked children share the position of the file.
            return os.pread(self._file.fileno(), size, place)
        assert isinstance(self._file, io.BytesIO)
        return bytes(self._file.getbuffer()[place : place + size])

    def __iter__(self) -> Iterator[Exchange]:
        return self.read(self.ids())

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        self._file.close()
