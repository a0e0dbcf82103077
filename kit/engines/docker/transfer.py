"""Files into containers and out of them, as tar through the engine: no path of this machine is ever mounted."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import docker
import requests

from kit.engines.docker.client import MissingError, engine_errors
from kit.engines.docker.wire import BLOCK_BYTES, READ_S, answered, blocks
from kit.engines.protocol import OnBytes
from kit.errors import EngineError, StorageError
from kit.text import plain_text

FILE_MODE, FOLDER_MODE = 0o644, 0o755
UPLOAD_BLOCK_BYTES = 1 << 20
# Records of a hundred million chunks; more is no result of ours.
MAX_FETCHED_BYTES = 16 << 30


@dataclass(frozen=True, slots=True)
class Member:
    """A file for a container: its path below where it goes, and a file here or bytes. None: it is a folder."""

    name: str
    source: Path | bytes | None


def put_files(
    client: docker.DockerClient,
    container: str,
    folder: str,
    members: Sequence[Member],
    owner: int,
    on_bytes: OnBytes | None = None,
) -> None:
    """Put files into a folder of a container that exists, running or not; streamed, whatever their size.

    `EngineError` if the engine refuses; `StorageError` if a file of this machine cannot be read.
    """
    api: Any = client.api
    doing = f"take {plain_text(members[0].name, 60)} into a container"
    data = _tar(members, owner, on_bytes or (lambda *_: None))
    try:
        with engine_errors(doing):
            try:
                api.put_archive(container, folder, data)
            except requests.ConnectionError:
                # An engine that can write no more hangs up before we are done, and has no chance to say why.
                api.ping()
                raise EngineError(
                    f"The engine stopped in the middle when it was to {doing}.",
                    "Its disk may be full: docker system df",
                ) from None
    finally:
        data.close()


def _tar(members: Sequence[Member], owner: int, on_bytes: OnBytes) -> Generator[bytes]:
    total = sum(_size(member) for member in members)
    done = 0
    for member in members:
        info = tarfile.TarInfo(member.name)
        info.uid = info.gid = owner
        info.type = tarfile.DIRTYPE if member.source is None else tarfile.REGTYPE
        info.mode = FOLDER_MODE if member.source is None else FILE_MODE
        info.size = _size(member)
        yield info.tobuf(tarfile.PAX_FORMAT)
        for block in _content(member, info.size):
            yield block
            done += len(block)
            on_bytes(done, total)
        yield bytes(-info.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _size(member: Member) -> int:
    if isinstance(member.source, Path):
        with _readable(member.source):
            return member.source.stat().st_size
    return len(member.source or b"")


def _content(member: Member, size: int) -> Iterator[bytes]:
    if not isinstance(member.source, Path):
        yield member.source or b""
        return
    left = size
    with _readable(member.source):
        data = member.source.open("rb")
    with data:
        while left:
            with _readable(member.source):
                block = data.read(min(UPLOAD_BLOCK_BYTES, left))
            if not block:
                raise StorageError(
                    f"{member.source} became shorter while it was read.", "Let it alone and try again."
                )
            left -= len(block)
            yield block


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}.", "Check the file.") from None


# --- out of containers ----------------------------------------------------------------------------------


class _Stream(io.RawIOBase):
    """Pieces of bytes as a file to be read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._held = self._held or next(self._pieces, b"")
        size = min(len(buffer), len(self._held))
        buffer[:size] = self._held[:size]
        self._held = self._held[size:]
        return size


def fetch_file(
    client: docker.DockerClient, container: str, path: str, target: Path, limit_bytes: int = MAX_FETCHED_BYTES
) -> bool:
    """Get one plain file out of a container, running or not; False if there is none of that path.

    What is there was written by others: `EngineError` for anything but one plain file of that name and of at most
    so many bytes. `StorageError` if it cannot be kept here.
    """
    name = PurePosixPath(path).name
    doing = f"give {name} out of a container"
    partial = target.with_name(target.name + ".partial")
    request = answered(client, doing, "GET", f"/containers/{container}/archive", READ_S, params={"path": path})
    try:
        with request as response, _kept(target):
            with partial.open("wb") as out:
                _only_member(io.BufferedReader(_Stream(blocks(response, doing))), name, limit_bytes, out)
            partial.replace(target)
    except MissingError:
        return False
    except tarfile.TarError as error:
        raise EngineError(f"The engine gave {name} as no archive: {plain_text(str(error))}.") from None
    finally:
        partial.unlink(missing_ok=True)
    return True


def _only_member(stream: io.BufferedReader, name: str, limit_bytes: int, out: IO[bytes]) -> None:
    found = False
    with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK_BYTES) as tar:
        for member in tar:
            data = tar.extractfile(member) if member.isreg() and not member.issparse() else None
            if found or member.name != name or data is None:
                raise EngineError(f"{name} in a container is not one plain file.", "Do not trust this image.")
            if member.size > limit_bytes:
                raise EngineError(
                    f"{name} in a container has {member.size} bytes, more than the {limit_bytes} allowed."
                )
            found = True
            while block := data.read(UPLOAD_BLOCK_BYTES):
                out.write(block)
    if not found:
        raise EngineError(f"The engine gave an empty archive for {name}.")


@contextlib.contextmanager
def _kept(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{target.name} cannot be written to {target.parent}: {error.strerror or error}.",
            "Free some space there.",
        ) from None
