"""Files that are read within a bound, and written whole or not at all, however the writing ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_IMODE

from kit.errors import InputError
from kit.storage.names import part_of
from kit.text import plain_text


def read_bounded(path: Path, max_bytes: int, remedy: str) -> bytes:
    """The bytes of a file, of a larger one a byte more than `max_bytes`; `InputError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        where = plain_text(str(path), 200)
        raise InputError(f"{where} cannot be read: {error.strerror or error}.", remedy) from None


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole: who looks finds the old one, the new one or none, also when this process is killed."""
    part = path.with_name(part_of(path.name))
    with _gone_if_failed(part):
        part.write_bytes(data)
        part.replace(path)


def write_new(path: Path, data: bytes) -> bool:
    """Write a file that is not there yet, whole; False if there is one, which stays as it is."""
    if path.exists() or path.is_symlink():
        return False
    part = _part_beside(path)
    with _gone_if_failed(part):
        _write(part, data)
        try:
            os.link(part, path)  # never over another, as a rename would
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            part.rename(path)
            return True
        finally:
            part.unlink(missing_ok=True)
    return True


def write_whole(path: Path, data: bytes) -> None:
    """Write a file over what is there: it has these bytes afterwards, or what it had.

    A device, a pipe, a link, and a file in a folder that takes no other, are written to as they are.
    """
    old = path.stat() if path.exists() else None
    if path.is_symlink() or (old is not None and not path.is_file()):
        path.write_bytes(data)
        return
    if old is not None and not os.access(path, os.W_OK):
        raise PermissionError(13, os.strerror(13), str(path))
    part = _part_beside(path)
    try:
        part.open("xb").close()
    except PermissionError:
        if old is None:
            raise
        path.write_bytes(data)
        return
    with _gone_if_failed(part):
        if old is not None:
            part.chmod(S_IMODE(old.st_mode))
        part.write_bytes(data)
        part.replace(path)


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder for the time of a block; gone afterwards, also where a Ctrl-C comes while it is removed."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        try:
            shutil.rmtree(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _part_beside(path: Path) -> Path:
    """Where it is written first: litter by its name, and nobody's backup."""
    part = path.with_name(part_of(f".kit-{os.getpid()}"))
    part.unlink(missing_ok=True)
    return part


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _gone_if_failed(part: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
