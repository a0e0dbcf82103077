"""Small GGUF files with a header of any kind, and hubs that serve them over real HTTP."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_secret"
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
    "{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TINY: Mapping[str, Any] = {
    "general.architecture": "llama",
    "general.name": "Tiny",
    "general.license": "mit",
    "general.file_type": 1,
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.context_length": 2048,
    "tokenizer.ggml.tokens": ["a", "b", "c"],
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.chat_template": CHATML,
}
UNCHANGED: Mapping[str, Any] = {}
TENSORS = (("token_embd.weight", (32, 4), 1), ("output_norm.weight", (32,), 0))
TYPE_BYTES = {0: 4, 1: 2}


def text(words: str) -> bytes:
    data = words.encode()
    return struct.pack("<Q", len(data)) + data


def value(given: Any) -> bytes:
    """A value with its type: text, whole number, number, truth, or a list of one of these."""
    if isinstance(given, list):
        items = [value(each) for each in given] or [value(0)]
        kind = items[0][:4]
        return (
            struct.pack("<I", 9)
            + kind
            + struct.pack("<Q", len(given))
            + b"".join(i[4:] for i in items[: len(given)])
        )
    if isinstance(given, bool):
        return struct.pack("<I?", 7, given)
    if isinstance(given, int):
        return struct.pack("<Iq", 11, given)
    if isinstance(given, float):
        return struct.pack("<Id", 12, given)
    return struct.pack("<I", 8) + text(given)


def gguf(
    changes: Mapping[str, Any] = UNCHANGED,
    tensors: tuple[tuple[str, tuple[int, ...], int], ...] = TENSORS,
    version: int = 3,
) -> bytes:
    """A whole file: header, list of tensors, and zeros as their data; a change to None takes a key away."""
    keys = {name: each for name, each in {**TINY, **changes}.items() if each is not None}
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    head += b"".join(text(name) + value(each) for name, each in keys.items())
    data = b""
    for name, dimensions, kind in tensors:
        data += bytes(-len(data) % 32)
        head += text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, len(data))
        elements = 1
        for each in dimensions:
            elements *= each
        data += bytes(elements * TYPE_BYTES[kind])
    return head + bytes(-len(head) % 32) + data


@dataclass
class Hub:
    """What a hub has and how it behaves: `files` of the repository Org/Repo at `main`, which is COMMIT.

    `elsewhere` is another server to which downloads are sent; `seen` has (method, path, Authorization, Range).
    """

    files: dict[str, bytes] = field(default_factory=dict)
    gated: bool = False
    lists_hashes: bool = True
    takes_ranges: bool = True
    elsewhere: str | None = None
    seen: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    url: str = ""

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.seen]

    def listing(self) -> dict[str, Any]:
        return {
            "id": "Org/Repo",
            "sha": COMMIT,
            "gated": False,
            "cardData": {"license": "apache-2.0"},
            "siblings": [self._sibling(path, data) for path, data in self.files.items()],
        }

    def _sibling(self, path: str, data: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {"rfilename": path, "blobId": "ab" * 20, "size": len(data)}
        if self.lists_hashes:
            found["lfs"] = {"sha256": sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return found


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub behind a port of this machine, while the block runs."""

    class Handler(_Handler):
        scripted = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    scripted: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub, path = self.scripted, unquote(urlsplit(self.path).path)
        who = self.headers.get("Authorization")
        hub.seen.append(("GET", path, who, self.headers.get("Range")))
        if hub.gated and who != f"Bearer {TOKEN}":
            self._answer(403 if who else 401, b"{}", {"X-Error-Code": "GatedRepo"})
        elif path in ("/api/models/Org/Repo/revision/main", f"/api/models/Org/Repo/revision/{COMMIT}"):
            self._answer(200, json.dumps(hub.listing()).encode())
        elif path.startswith("/api/models/Org/Repo/revision/"):
            self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        else:
            self._file(path)

    def _file(self, path: str) -> None:
        hub = self.scripted
        kind, _, name = path.removeprefix("/Org/Repo/").partition(f"/{COMMIT}/")
        data = hub.files.get(name if kind in ("resolve", "raw") else path.lstrip("/"))
        if data is None:
            self._answer(404, b"not here")
        elif kind == "raw":
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(data).hexdigest()}\n"
            self._answer(200, f"{pointer}size {len(data)}\n".encode())
        elif kind == "resolve" and hub.elsewhere is not None:
            self._answer(302, b"", {"Location": f"{hub.elsewhere}/{name}?signature=key"})
        else:
            self._data(data)

    def _data(self, data: bytes) -> None:
        asked = self.headers.get("Range")
        if asked is None or not self.scripted.takes_ranges:
            self._answer(200, data)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) if last else len(data) - 1, len(data) - 1)
        if start >= len(data):
            self._answer(416, b"")
            return
        self._answer(206, data[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(data)}"})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, each in (headers or {}).items():
            self.send_header(name, each)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests print nothing."""
