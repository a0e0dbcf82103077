"""A container engine that only keeps books: the Engine's HTTP API on a Unix socket, for docker-py as it is.

It has no processes. A container has files and what it printed; a volume's files are seen in every container that
mounts it. What a test wants to go wrong, it says in `on`.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import struct
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import docker

IMAGE = {"Id": "sha256:im", "RepoTags": ["image"], "Config": {}}


class RefusalError(Exception):
    """The engine answers with this code and these words."""

    def __init__(self, code: int = 500, words: str = "no") -> None:
        super().__init__(code, words)


@dataclass
class Thing:
    """A container, network or volume: what it was made of, and its files by their whole path."""

    asked: dict[str, Any]
    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    printed: bytes = b""
    state: str = "created"

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.asked.get("Labels") or {}
        return labels


class FakeEngine:
    """`on` maps a regular expression of "METHOD /path" to what happens before the engine does as it is told."""

    def __init__(self) -> None:
        self.containers: dict[str, Thing] = {}
        self.networks: dict[str, Thing] = {}
        self.volumes: dict[str, Thing] = {}
        self.on: dict[str, Callable[[], object]] = {}
        self.asked: list[str] = []
        self.made: list[Thing] = []
        # What a container has printed when it was started, and the files it leaves when it is asked to end.
        self.prints = b""
        self.leaves: dict[str, bytes] = {}

    @property
    def left(self) -> list[str]:
        """What is still there, but for volumes with models."""
        things = [*self.containers.values(), *self.networks.values(), *self.volumes.values()]
        return [thing.name for thing in things if "org.kit.model" not in thing.labels]

    def refuse(self, pattern: str, code: int = 500) -> None:
        """From now on."""

        def refused() -> None:
            raise RefusalError(code)

        self.on[pattern] = refused

    def answer(self, method: str, target: str, body: bytes) -> bytes:
        """The body of the answer; `RefusalError` with a code."""
        url = urlsplit(target)
        path = re.sub(r"^/v[0-9.]+", "", url.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.asked.append(f"{method} {path}")
        for pattern, action in tuple(self.on.items()):
            if re.fullmatch(pattern, self.asked[-1]):
                action()
        kind, _, rest = path[1:].partition("/")
        if kind in ("version", "info", "images"):
            info = {"Version": "28", "ApiVersion": "1.41", "NCPU": 4, "Components": [{"Name": "Engine"}]}
            return json.dumps(IMAGE if kind == "images" else info).encode()
        things: dict[str, Thing] = getattr(self, kind)
        if rest == "create":
            return json.dumps(self._create(things, kind, json.loads(body), query)).encode()
        if method == "GET" and rest in ("", "json"):
            return json.dumps(self._listed(things, kind, query)).encode()
        name, _, action_name = rest.partition("/")
        if name not in things:
            raise RefusalError(404, f"no such thing: {name}")
        if method == "DELETE":
            del things[name]
            return b""
        return self._container(things[name], f"{method} {action_name}", body, query)

    def _create(self, things: dict[str, Thing], kind: str, asked: dict[str, Any], query: dict[str, str]) -> object:
        name = query.get("name") or asked["Name"]
        if kind != "volumes" or name not in things:
            things[name] = Thing(asked, name)
            self.made.append(things[name])
        return {"Id": name, "Name": name}

    def _listed(self, things: dict[str, Thing], kind: str, query: dict[str, str]) -> object:
        (wanted,) = json.loads(query["filters"])["label"]
        label, _, value = wanted.partition("=")
        names = [
            thing.name for thing in things.values() if label in thing.labels and value in ("", thing.labels[label])
        ]
        rows = [{"Id": name, "Name": name} for name in names]
        return {"Volumes": rows} if kind == "volumes" else rows

    def _container(self, it: Thing, what: str, body: bytes, query: dict[str, str]) -> bytes:
        if what == "POST start":
            it.state, it.printed = "running", self.prints
        elif what in ("POST stop", "POST kill"):
            it.state = "exited"
            it.files |= self.leaves
        elif what == "POST wait":
            return b'{"StatusCode": 0}'
        elif what == "GET json":
            return json.dumps(
                {"Id": it.name, "State": {"Status": it.state, "ExitCode": 0}, "Image": "im"}
            ).encode()
        elif what == "GET logs":
            return (struct.pack(">BxxxL", 1, len(it.printed)) + it.printed) if query.get("stdout") == "1" else b""
        elif what == "PUT archive":
            with tarfile.open(fileobj=io.BytesIO(body)) as tar:
                for info in tar:
                    data = tar.extractfile(info)
                    path = f"{query['path']}/{info.name}"
                    self._files(it, path)[path] = data.read() if data else b""
        elif what == "GET archive":
            return _packed(query["path"], self._files(it, query["path"]))
        return b"{}"

    def _files(self, it: Thing, path: str) -> dict[str, bytes]:
        """The files among which that path is: a volume's, or the container's own."""
        for mount in it.asked["HostConfig"].get("Mounts", ()):
            if "Source" in mount and path.startswith(mount["Target"]):
                return self.volumes[mount["Source"]].files
        return it.files


def _packed(path: str, files: dict[str, bytes]) -> bytes:
    if path not in files:
        raise RefusalError(404, "no such file")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(path.rpartition("/")[2])
        info.size = len(files[path])
        tar.addfile(info, io.BytesIO(files[path]))
    return out.getvalue()


@contextlib.contextmanager
def fake_engine() -> Iterator[tuple[FakeEngine, docker.DockerClient]]:
    """The engine, and docker-py connected with it."""
    engine = FakeEngine()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def address_string(self) -> str:
            return ""

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def do_GET(self) -> None:
            body = self._body()
            try:
                code, answer = 200, engine.answer(self.command, self.path, body)
            except RefusalError as refusal:
                code, answer = refusal.args[0], json.dumps({"message": refusal.args[1]}).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    folder = tempfile.mkdtemp(prefix="kit-fake-")  # a socket's path must be short
    address = str(Path(folder) / "s")
    server = ThreadingUnixStreamServer(address, Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        with contextlib.closing(docker.DockerClient(f"unix://{address}", version="1.41", timeout=10)) as client:
            yield engine, client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        shutil.rmtree(folder)
