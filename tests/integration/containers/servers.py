"""Servers for containers that need no model: the reference endpoint, and Python programs given as text."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker

from kit.documents import Load
from kit.documents.container import ContainerSpec, Mount, Tmpfs
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.engine import DockerEngine
from kit.engines.process import ProcessEngine
from kit.plan.calibration_load import calibration_load
from kit.plan.prompts import load_prompts
from kit.run.calibrate import reference_spec
from kit.runtimes.protocol import ServerSpec
from kit.storage.cell_folder import write_load

PACE = 100.0  # tokens a second of one stream

# Answers right, wrong or not at all by path, and says what it was sent.
ANSWERING = """
import hashlib, http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def reply(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        pages = {"/health": {}, "/v1/models": {"data": [{"id": "tiny"}]}, "/metrics": "some text"}
        self.reply(200 if self.path in pages else 404, pages.get(self.path))
    def do_POST(self):
        digest, size = hashlib.sha256(), 0
        left = int(self.headers["Content-Length"])
        while left:
            block = self.rfile.read(min(left, 65536))
            digest.update(block); size += len(block); left -= len(block)
        if self.path == "/v1/chat/completions":
            return self.reply(200, {"choices": [{"message": {"content": "4"}}]})
        if self.path == "/error":
            return self.reply(200, {"error": "no such model"})
        print("got", size, digest.hexdigest(), flush=True)
        self.reply(201 if self.path == "/blob" else 500, {"bytes": size})
print("up", flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


def python_server(image: str, code: str, budget_s: float = 30.0, **more: Any) -> ServerSpec:
    """A server in a container of the load generator's image, as isolated as the kit's compose files ask for."""
    values: Mapping[str, Any] = {
        "entrypoint": ("python3",),
        "user": "10001:10001",
        "tmpfs": (Tmpfs("/tmp"),),
        "pids_limit": 256,
        "stop_grace_s": 1.0,
        **more,
    }
    spec = ContainerSpec(service="python", image=image, command=("-c", code), port=8080, **values)
    return ServerSpec("cell-1", (), 8080, "/health", budget_s, spec)


def models(volume: str) -> tuple[Mount, ...]:
    return (Mount(volume, "/models", read_only=True),)


def reference(engine: DockerEngine | ProcessEngine, folder: Path) -> ServerSpec:
    """The reference endpoint; its truth log goes into the folder."""
    return reference_spec(engine.free_port(), PACE, folder / "truth.jsonl")


def write_short_load(folder: Path, url: str, window_s: float = 1.0, warmup_s: float = 0.2) -> tuple[Load, Path]:
    """A load of two users, and where it lies."""
    load = calibration_load(url, 2, PACE, round(warmup_s * 1e9), round(window_s * 1e9))
    return load, write_load(folder, load, load_prompts("micro"))


def leftovers(client: docker.DockerClient, run: str) -> list[str]:
    """Containers, networks and volumes of a run that are still there."""
    api: Any = client.api
    filters = {"label": f"{RUN_LABEL}={run}"}
    containers = [row["Names"][0] for row in api.containers(all=True, filters=filters)]
    networks = [row["Name"] for row in api.networks(filters=filters)]
    volumes = [row["Name"] for row in api.volumes(filters=filters).get("Volumes") or ()]
    return [*containers, *networks, *volumes]


def until(condition: Callable[[], bool], what: str, limit_s: float = 60) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)
