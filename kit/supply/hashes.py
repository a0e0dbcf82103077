"""The sha256 of large files of this machine, remembered: a model of 40 GB is not read again for every command.

What is remembered counts as long as path, size, times and inode of the file are what they were.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.documents.pins import Sparse
from kit.errors import InputError
from kit.storage.marks import mark_of
from kit.strict import plain, read_json, typed
from kit.supply.download import cache_folder, file_sha256

MAX_REMEMBERED = 1000
# A file that was written this short a time ago can be written again without a trace in its times.
SETTLED_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file as it was when it was hashed; `settled` if nobody can have written to it since without a trace."""

    path: str
    mark: str
    sha256: str
    settled: bool


@dataclass(frozen=True, slots=True)
class Remembered(Sparse):
    """All of them, the newest last."""

    schema: Literal["kit/hashes/1"]
    files: tuple[Hashed, ...] = ()


def known_sha256(path: Path) -> str:
    """The sha256 of a file: remembered, or measured and remembered. `OSError` if it cannot be read."""
    place, mark = str(path.resolve()), mark_of(path)
    kept = _read()
    for each in kept:
        if each.path == place and each.mark == mark and each.settled:
            return each.sha256
    begun = time.time_ns()
    found = file_sha256(path)
    if mark_of(path) != mark:
        raise OSError(f"{path.name} was written to while it was read")
    settled = begun - path.stat().st_mtime_ns > SETTLED_NS
    _write([*(each for each in kept if each.path != place), Hashed(place, mark, found, settled)])
    return found


def file_with(sha256: str) -> Path | None:
    """A file of this machine that has this sha256, of those that were hashed before."""
    for each in reversed(_read()):
        if each.sha256 == sha256:
            with contextlib.suppress(OSError):
                if known_sha256(Path(each.path)) == sha256:
                    return Path(each.path)
    return None


def _place() -> Path:
    return cache_folder() / "hashes.json"


def _read() -> tuple[Hashed, ...]:
    # A file of the cache: what is wrong with it costs no more than hashing again.
    with contextlib.suppress(OSError, InputError):
        return typed(Remembered, read_json(_place().read_bytes(), "hashes.json"), "hashes.json").files
    return ()


def _write(files: list[Hashed]) -> None:
    with contextlib.suppress(OSError), _replaced(_place()) as partial:
        document = Remembered("kit/hashes/1", tuple(files[-MAX_REMEMBERED:]))
        partial.write_text(json.dumps(plain(document)), encoding="utf-8")


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{time.monotonic_ns()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
