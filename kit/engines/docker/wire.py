"""Answers of the engine that are streams: what containers print, what commands in them print, archives.

docker-py reads such streams past what it has buffered already, or without a time-out; this reads them whole.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import create_api_error_from_http_exception

from kit.engines.docker.client import engine_errors
from kit.engines.logtail import TAIL_BYTES, safe_tail
from kit.errors import EngineError, StorageError
from kit.text import plain_text

STDOUT, STDERR = 1, 2
CONNECT_S = 20.0
# From one piece of a log to the next, where nobody waits for new lines.
READ_S = 60.0
BLOCK_BYTES = 1 << 16
# The engine counts a line longer than 16 KiB as several.
TAIL_LINES = 200
MAX_TAIL_BYTES = 4 << 20
MAX_LOG_BYTES = 128 << 20
MAX_LINE_BYTES = 1 << 20
CUT = b"\n[the rest of this log was left out: it is too long]\n"
_HEADER = struct.Struct(">BxxxL")


@contextlib.contextmanager
def answered(
    client: docker.DockerClient, doing: str, method: str, path: str, read_s: float | None, **request: Any
) -> Iterator[requests.Response]:
    """The answer to one request, its body still to be read; `read_s` is the longest pause in it, in seconds."""
    api: Any = client.api
    with engine_errors(doing):
        response: requests.Response = api.request(
            method,
            f"{api.base_url}/v{api.api_version}{path}",
            stream=True,
            timeout=(CONNECT_S, read_s),
            headers={"Accept-Encoding": "identity"},  # what is read here is not unpacked
            **request,
        )
    try:
        with engine_errors(doing):
            try:
                response.raise_for_status()
            except requests.HTTPError as error:
                create_api_error_from_http_exception(error)
        yield response
    finally:
        response.close()


def blocks(response: requests.Response, doing: str) -> Iterator[bytes]:
    """The body of an answer, piece by piece."""
    while True:
        with engine_errors(doing):
            block: bytes = response.raw.read(BLOCK_BYTES)
        if not block:
            return
        yield block


def frames(response: requests.Response, doing: str) -> Iterator[tuple[int, bytes]]:
    """(STDOUT or STDERR, piece) of what a container or a command in it prints, as it comes."""
    while True:
        with engine_errors(doing):
            header: bytes = response.raw.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        kind, left = _HEADER.unpack(header)
        while left:
            with engine_errors(doing):
                piece: bytes = response.raw.read(min(left, BLOCK_BYTES))
            if not piece:
                return
            left -= len(piece)
            yield kind, piece


# --- logs -----------------------------------------------------------------------------------------------


def log_tail(client: docker.DockerClient, container: str, lines: int) -> tuple[str, ...]:
    """The newest lines of a container's log, safe to print."""
    tail = bytearray()
    read = 0
    for piece in _log(client, container, {"tail": str(max(lines, TAIL_LINES))}):
        tail += piece
        read += len(piece)
        del tail[:-TAIL_BYTES]
        if read > MAX_TAIL_BYTES:
            break
    return safe_tail(bytes(tail), lines)


def log_start(client: docker.DockerClient, container: str, limit_bytes: int) -> str:
    """What a container has written so far, from the start on, at most so many bytes; nothing of it was checked."""
    found = bytearray()
    for piece in _log(client, container, {"tail": "all"}):
        found += piece
        if len(found) >= limit_bytes:
            break
    return bytes(found[:limit_bytes]).decode("utf-8", "replace")


def keep_log(client: docker.DockerClient, container: str, path: Path, *, errors_only: bool = False) -> None:
    """Write a container's whole log, or only its standard error, to a file; a note ends one that is too long.

    `StorageError` if it cannot be kept.
    """
    left = MAX_LOG_BYTES
    pieces = _log(client, container, {"tail": "all", "stdout": "0" if errors_only else "1"})
    try:
        with path.open("wb") as out:
            for piece in pieces:
                out.write(piece[:left])
                left -= len(piece)
                if left < 0:
                    out.write(CUT)
                    return
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}.", "Free some space there."
        ) from None


def _log(client: docker.DockerClient, container: str, which: dict[str, str]) -> Iterator[bytes]:
    doing = "give a log"
    path = f"/containers/{container}/logs"
    with answered(client, doing, "GET", path, READ_S, params={"stdout": "1", "stderr": "1", **which}) as response:
        for _, piece in frames(response, doing):
            yield piece


def printed(client: docker.DockerClient, container: str, limit_bytes: int) -> bytes:
    """What a container that ended wrote to its standard output, cut at the limit; nothing of it was checked."""
    found = bytearray()
    for piece in _log(client, container, {"tail": "all", "stderr": "0"}):
        found += piece
        if len(found) > limit_bytes:
            break
    return bytes(found[:limit_bytes])


def follow_lines(client: docker.DockerClient, container: str, doing: str) -> Iterator[str]:
    """What a container writes to its standard output, from its first line until it ends, as it comes."""
    path = f"/containers/{container}/logs"
    with answered(client, doing, "GET", path, None, params={"stdout": 1, "follow": 1}) as response:
        yield from lines(piece for _, piece in frames(response, doing))


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Whole lines out of pieces of text, with their line feed; of one that never ends only the start is kept."""
    held = b""
    for piece in pieces:
        if len(held) == MAX_LINE_BYTES and b"\n" not in piece:
            continue
        *whole, held = (held + piece).split(b"\n")
        yield from (line.decode("utf-8", "replace") + "\n" for line in whole)
        held = held[:MAX_LINE_BYTES]
    if held:
        yield held.decode("utf-8", "replace")


# --- commands in containers -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended and what it printed. Nothing of it was checked."""

    code: int
    stdout: bytes
    stderr: bytes


def execute(
    client: docker.DockerClient, container: str, command: Sequence[str], limit_s: float, limit_bytes: int
) -> Done:
    """Run a command in a running container; `EngineError` if it is too slow or prints too much."""
    name = plain_text(" ".join(command[:3]), 60)
    doing = f"run {name} in a container"
    api: Any = client.api
    with engine_errors(doing):
        number = api.exec_create(container, list(command))["Id"]
    deadline = time.monotonic() + limit_s
    printed = {STDOUT: bytearray(), STDERR: bytearray()}
    body = {"Detach": False, "Tty": False}
    with answered(client, doing, "POST", f"/exec/{number}/start", limit_s, json=body) as response:
        for kind, piece in frames(response, doing):
            printed.setdefault(kind, bytearray()).extend(piece)
            if sum(map(len, printed.values())) > limit_bytes:
                raise EngineError(f"{name} in a container printed more than {limit_bytes} bytes.")
            if time.monotonic() > deadline:
                raise EngineError(f"{name} in a container took more than {limit_s:g} s.")
    with engine_errors(doing):
        code = api.exec_inspect(number)["ExitCode"]
    return Done(code if isinstance(code, int) else -1, bytes(printed[STDOUT]), bytes(printed[STDERR]))
