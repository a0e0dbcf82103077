"""Verification under seal: while it runs, a socket, a process or a write to disk ends the test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kit.documents import Verdict
from kit.storage.run_folder import FolderFiles
from kit.verify import verify_bundle, verify_run
from tests.support.good_bundle import good_bundle

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "shutil.", "ctypes.")
_CHANGES = frozenset(
    f"os.{name}"
    for name in ("remove", "rename", "mkdir", "rmdir", "link", "symlink", "truncate", "chmod", "utime")
)


class WorldTouchedError(BaseException):
    """Not an `Exception`: no rule's crash handler may swallow it."""


class _Seal:
    on = False
    warm = False


def _watch(what: str, arguments: tuple[object, ...]) -> None:
    if not _Seal.on:
        return
    writes = what == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
    if writes or what.startswith(_FORBIDDEN) or what in _CHANGES:
        raise WorldTouchedError(f"verification called {what} {arguments!r}")


sys.addaudithook(_watch)  # it cannot be taken away again, so it is idle without the seal


@contextmanager
def sealed() -> Iterator[None]:
    if not _Seal.warm:
        verify_bundle(good_bundle())  # whatever is imported late is imported now
        _Seal.warm = True
    before, sys.dont_write_bytecode, _Seal.on = sys.dont_write_bytecode, True, True
    try:
        yield
    finally:
        sys.dont_write_bytecode, _Seal.on = before, False


def bundle_verdict(data: bytes) -> Verdict:
    """`verify_bundle` under seal."""
    with sealed():
        return verify_bundle(data)


def run_verdict(files: FolderFiles | Mapping[str, bytes]) -> Verdict:
    """`verify_run` under seal."""
    with sealed():
        return verify_run(files)
