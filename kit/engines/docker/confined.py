"""A program that nobody trusts, in a container that has nothing, talked to through its input and output."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import docker

from kit.documents.container import ContainerSpec
from kit.engines.conversation import Confined, Conversation, Ending
from kit.engines.docker.client import RUN_LABEL, engine_errors
from kit.engines.docker.config import Place, container_config
from kit.engines.docker.containers import container, inspect, new_name, start
from kit.engines.docker.facts import exit_code
from kit.engines.docker.wire import STDOUT
from kit.engines.logtail import TAIL_BYTES, safe_tail
from kit.errors import EngineError

USER = 64017  # nobody's: not the kit's own in its image, nor one that a distribution gives
PIDS = 32  # what starts a container needs some; the program itself refuses to start any
OPEN_FILES = 256
NANO_CPUS = 1_000_000_000
PIECE_BYTES = 1 << 16
LOOK_S = 0.05
_HEADER = struct.Struct(">BxxxL")
# Nothing of it is kept by the engine, and it shares no memory with anybody, itself included.
ALONE = {"LogConfig": {"Type": "none"}, "IpcMode": "none"}


@contextlib.contextmanager
def confined(client: docker.DockerClient, run: str, program: Confined) -> Iterator[Conversation]:
    """See `ContainerHost.confined`."""
    with engine_errors("describe itself"):
        info = client.info()
    if not (info.get("MemoryLimit", True) and info.get("PidsLimit", True)):
        raise EngineError(
            "This engine can limit neither memory nor processes, so programs of a model are not run on it.",
            "Let it use cgroups (docker info names what is missing), or take another engine.",
        )
    config = _config(program, run, cpus=info.get("CpuCfsQuota", True) and (info.get("NCPU") or 1) > 1)
    with (
        container(client, config, new_name("sandbox")) as made,
        _attached(client, made) as connection,
    ):
        start(client, made, "a sandbox")
        yield DockerConversation(client, made, connection)


def _config(program: Confined, run: str, *, cpus: bool) -> dict[str, Any]:
    spec = ContainerSpec(
        service="sandbox",
        image=program.image,
        command=program.arguments,
        port=0,
        entrypoint=("python3",),
        environment=program.environment,
        user=f"{USER}:{USER}",
        working_dir="/",
        init=False,  # no process beside the program's, which runs as the same user
        memory_bytes=program.memory_bytes,
        pids_limit=PIDS,
        nofile=OPEN_FILES,
    )
    config = container_config(spec, Place("none", alias=None, labels={RUN_LABEL: run}, stdin=True))
    config |= {"StdinOnce": True, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
    config["HostConfig"] |= ALONE | ({"NanoCpus": NANO_CPUS} if cpus else {})
    return config


@contextlib.contextmanager
def _attached(client: docker.DockerClient, made: str) -> Iterator[socket.socket]:
    """The connection to a container's input and output. Before its start, so that nothing of it is missed."""
    api: Any = client.api
    with engine_errors("talk to a container"):
        found = api.attach_socket(made, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    connection: socket.socket = getattr(found, "_sock", found)
    try:
        yield connection
    finally:
        # To close it is not enough while the answer to the request has it too: and as long as the engine waits for
        # somebody to read what was said, it does not remove the container.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        for each in (getattr(found, "_response", None), found, connection):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.close()


class DockerConversation:
    """See `kit.engines.conversation.Conversation`."""

    def __init__(self, client: docker.DockerClient, container: str, connection: socket.socket) -> None:
        self._client = client
        self._container = container
        self._connection = connection
        self._held = b""
        self._errors = b""

    def send(self, data: bytes, deadline: float) -> None:
        self._connection.settimeout(_left(deadline))
        self._connection.sendall(data)

    def receive(self, deadline: float) -> bytes:
        while True:
            while len(self._held) < _HEADER.size:
                if not self._more(deadline):
                    return b""
            kind, length = _HEADER.unpack_from(self._held)
            if length > len(self._held) - _HEADER.size:
                if not self._more(deadline):
                    return b""
                continue
            piece = self._held[_HEADER.size : _HEADER.size + length]
            self._held = self._held[_HEADER.size + length :]
            if kind == STDOUT and piece:
                return piece
            self._errors = (self._errors + piece)[-TAIL_BYTES:]

    def _more(self, deadline: float) -> bool:
        self._connection.settimeout(_left(deadline))
        piece = self._connection.recv(PIECE_BYTES)
        self._held += piece
        return bool(piece)

    def ending(self, deadline: float) -> Ending:
        while True:
            found = inspect(self._client, self._container)
            code = exit_code(found)
            if code is not None:
                killed = bool((found.get("State") or {}).get("OOMKilled"))
                return Ending(128 - code if code > 128 else code, killed)
            if time.monotonic() > deadline:
                return Ending(None)
            time.sleep(LOOK_S)

    def last_words(self) -> tuple[str, ...]:
        return safe_tail(self._errors, 3)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
