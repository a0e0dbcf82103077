"""A server that stays gets its model where it must be asked to load one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kit.documents import Entry
from kit.errors import RuntimeNotReadyError
from kit.run.containers import load_by_request
from kit.runtimes import ollama
from kit.runtimes.protocol import ServedModel

WEIGHTS = ServedModel("tiny", "tiny.gguf", "a" * 64, "kit-model-a")
OLLAMA = Entry("ollama", "ollama", "cpu", ollama.explicit("cpu", {}, 2))
LLAMACPP = Entry("llamacpp", "llamacpp", "cpu", {})


@contextmanager
def server(refuses: str = "") -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """The URL of a server that takes what Ollama takes, but at the path `refuses`, and what it was sent."""
    got: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def reply(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.reply(200 if self.path == ollama.READY_PATH else 404, {"version": "0.18.3"})

        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            if self.path == refuses:
                self.reply(400, {"error": "unsupported architecture"})
            else:
                self.reply(200, {"status": "success"})

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}", got
        finally:
            listener.shutdown()
            thread.join()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / WEIGHTS.file
    path.write_bytes(b"GGUF...")
    return path


def test_ollama_gets_the_weights_and_loads_them(weights: Path) -> None:
    """The file as it is, a model of it under its own name, and no time after which it is unloaded."""
    with server() as (url, got):
        load_by_request(url, OLLAMA, WEIGHTS, weights)
    assert [path for path, _ in got] == [f"/api/blobs/sha256:{WEIGHTS.sha256}", "/api/create", "/api/generate"]
    assert got[0][1] == b"GGUF..."
    assert json.loads(got[1][1])["model"] == WEIGHTS.name
    assert json.loads(got[2][1])["keep_alive"] == -1


def test_a_runtime_that_loads_at_its_start_is_asked_nothing(weights: Path) -> None:
    with server() as (url, got):
        load_by_request(url, LLAMACPP, WEIGHTS, weights)
    assert got == []


def test_a_model_that_is_refused_is_told_in_the_servers_words(weights: Path) -> None:
    """And what removes the server, which goes on running."""
    with server(refuses="/api/create") as (url, got), pytest.raises(RuntimeNotReadyError) as caught:
        load_by_request(url, OLLAMA, WEIGHTS, weights)
    assert "/api/create" in caught.value.what
    assert "kit down" in caught.value.remedy
    assert [path for path, _ in got][-1] == "/api/create"
