"""An OCI registry in memory, with what Debian's lacks: a referrers API, logins, redirects, and lies on demand."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"
USER, PASSWORD, TOKEN = "ann", "secret", "a-token"


@dataclass
class Scripted:
    """What the registry has and how it behaves; `answers` replaces what a method and path would get."""

    referrers_api: bool = True
    login: str | None = None  # "basic" or "bearer"
    realm: str | None = None  # of tokens; its own address if None
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    answers: dict[tuple[str, str], tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)
    host: str = ""

    def paths(self, method: str) -> list[str]:
        return [path for each, path, _ in self.seen if each == method]


@contextmanager
def serving(registry: Scripted) -> Iterator[Scripted]:
    """The registry behind a port of this machine, while the block runs."""

    class Handler(_Handler):
        scripted = registry

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    scripted: Scripted
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.scripted.seen.append((self.command, self.path, self.headers.get("Authorization")))
        status, headers, answer = self._answer(parts.path, parse_qs(parts.query), body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def _answer(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, dict[str, str], bytes]:
        kit = self.scripted
        if (self.command, path) in kit.answers:
            return kit.answers[self.command, path]
        if path == "/token":
            return self._token(body)
        if (refused := self._refusal()) is not None:
            return refused
        kind, _, rest = path.removeprefix("/v2/a/results/").partition("/")
        if kind == "blobs":
            return self._blob(rest, query, body)
        if kind == "manifests":
            return self._manifest(rest, body)
        if kind == "referrers" and kit.referrers_api:
            return 200, {"Content-Type": INDEX}, self._referrers(rest)
        return 404, {}, b'{"errors":[{"code":"NOT_FOUND","message":"no \\u001b[31msuch thing"}]}'

    def _token(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        refreshed = b"refresh_token=a-refresh-token" in body
        known = refreshed or self.headers.get("Authorization") == f"Basic {basic}"
        return (200, {}, json.dumps({"token": TOKEN}).encode()) if known else (401, {}, b"{}")

    def _refusal(self) -> tuple[int, dict[str, str], bytes] | None:
        kit = self.scripted
        said = self.headers.get("Authorization")
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if kit.login == "basic" and said != basic:
            return 401, {"WWW-Authenticate": 'Basic realm="here"'}, b""
        if kit.login == "bearer" and said != f"Bearer {TOKEN}":
            realm = kit.realm or f"http://{kit.host}/token"
            words = f'Bearer realm="{realm}",service="it",scope="repository:a/results:pull,push"'
            return 401, {"WWW-Authenticate": words}, b""
        return None

    def _blob(self, rest: str, query: dict[str, list[str]], body: bytes) -> tuple[int, dict[str, str], bytes]:
        kit = self.scripted
        if self.command == "POST":
            return 202, {"Location": "/v2/a/results/blobs/uploads/1?state=x"}, b""
        if self.command == "PUT":
            wanted = query["digest"][0]
            if digest(body) != wanted:
                return 400, {}, b""
            kit.blobs[wanted] = body
            return 201, {}, b""
        return (200, {}, kit.blobs[rest]) if rest in kit.blobs else (404, {}, b"")

    def _manifest(self, rest: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        kit = self.scripted
        if self.command == "PUT":
            kind = self.headers["Content-Type"]
            kit.manifests[rest] = kit.manifests[digest(body)] = (kind, body)
            subject = json.loads(body).get("subject")
            seen = {"OCI-Subject": subject["digest"]} if subject and kit.referrers_api else {}
            return 201, {"Docker-Content-Digest": digest(body), **seen}, b""
        if rest not in kit.manifests:
            return 404, {}, b""
        kind, found = kit.manifests[rest]
        return 200, {"Content-Type": kind}, found

    def _referrers(self, subject: str) -> bytes:
        listed = [
            {
                "mediaType": kind,
                "digest": digest(body),
                "size": len(body),
                "artifactType": json.loads(body)["artifactType"],
            }
            for name, (kind, body) in self.scripted.manifests.items()
            if name == digest(body) and json.loads(body).get("subject", {}).get("digest") == subject
        ]
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
