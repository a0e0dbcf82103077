"""Finished exchanges go to disk at once, so that memory does not grow with the tokens of a load.

One exchange is one `marshal` dump: private to the program that wrote it, never read by another, gone after
the parse. What stays in memory is 24 bytes for each request. Where several processes carry a load out, each has a
spool, and `Spools` reads them as one.
"""

from __future__ import annotations

import io
import marshal
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import IO, Protocol

from kit.documents import Exchange

# Large enough that a write is rare, small enough that it does not hold up the loop for long (about 20 us).
BUFFER_BYTES = 64 * 1024

_FIELDS = tuple(field.name for field in fields(Exchange))


class Exchanges(Protocol):
    """Finished exchanges, to be read as often as wanted."""

    @property
    def size_bytes(self) -> int: ...

    def flush(self) -> None:
        """Everything added so far can be read, by forked children too."""

    def ids(self) -> list[int]:
        """The ids of all exchanges, ascending."""

    def read(self, ids: Sequence[int]) -> Iterator[Exchange]:
        """These exchanges, one at a time. Several processes may read a spool on disk at once."""

    def __iter__(self) -> Iterator[Exchange]: ...

    def __len__(self) -> int: ...

    def close(self) -> None: ...


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
        self._file.flush()

    def index(self) -> bytes:
        """Where each exchange lies, for `adopt`."""
        return array("q", [number for id_, place in self._places.items() for number in (id_, *place)]).tobytes()

    def adopt(self, index: bytes) -> None:
        """Know what a forked child has added and flushed, by its `index`."""
        numbers = array("q", index)
        places = zip(numbers[1::3], numbers[2::3], strict=True)
        self._places.update(zip(numbers[::3], places, strict=True))
        self._end = sum(numbers[2::3])

    def ids(self) -> list[int]:
        return sorted(self._places)

    def read(self, ids: Sequence[int]) -> Iterator[Exchange]:
        self.flush()
        return map(self.get, ids)

    def get(self, id_: int) -> Exchange:
        """One exchange, if it was there at the last `flush`."""
        return Exchange(*marshal.loads(self._at(*self._places[id_])))

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


class Spools:
    """The spools of several processes as one; no two have the same id."""

    def __init__(self, parts: Sequence[Spool]) -> None:
        self._parts = parts
        self._of = {id_: part for part in parts for id_ in part.ids()}

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self._parts)

    def flush(self) -> None:
        for part in self._parts:
            part.flush()

    def ids(self) -> list[int]:
        return sorted(self._of)

    def read(self, ids: Sequence[int]) -> Iterator[Exchange]:
        self.flush()
        return (self._of[id_].get(id_) for id_ in ids)

    def __iter__(self) -> Iterator[Exchange]:
        return self.read(self.ids())

    def __len__(self) -> int:
        return len(self._of)

    def close(self) -> None:
        for part in self._parts:
            part.close()
