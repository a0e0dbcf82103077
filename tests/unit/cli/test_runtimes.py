"""kit runtimes: what there is, what it takes, and whether a folder is one; with a server that is scripted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.cli import cli
from kit.runtimes.outside import search
from tests.support.outside_bundles import DECLARATION
from tests.support.runtimes import FOLDER


@pytest.fixture(autouse=True)
def paths(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the commands set goes with the test."""
    monkeypatch.setenv(search.VARIABLE, "")
    search._found.cache_clear()
    yield
    search._found.cache_clear()


def asked(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["runtimes", *words], prog_name="kit", standalone_mode=False)
    assert done.exception is None, done.exception
    return int(done.return_value or 0), done.output


def test_the_list_has_those_of_the_kit_and_those_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each is from; as JSON with the hash of its folder."""
    _, text = asked("list", "--runtime-path", str(FOLDER))
    rows = {line.split()[0]: line for line in text.splitlines()}
    assert rows.keys() == {"llamacpp", "ollama", "realizar", "vllm", "sglang", "transformers"}
    assert rows["vllm"].endswith("the kit")
    assert rows["sglang"].endswith("runtimes/sglang")
    monkeypatch.setenv(search.VARIABLE, "")
    _, text = asked("list", "--json", "--runtime-path", str(FOLDER / "sglang"))
    assert [row["name"] for row in json.loads(text)["runtimes"] if row["sha256"]] == ["sglang"]


def test_a_runtime_is_shown_with_all_that_it_takes() -> None:
    """Ranges, defaults, what is optional, and whether flags and GPUs may be chosen."""
    _, text = asked("show", "vllm")
    assert "cuda (container, also flags and gpus)" in text
    assert "tensor_parallel" in text
    assert "optional" in text
    _, text = asked("show", "sglang", "--json", "--runtime-path", str(FOLDER))
    shown = json.loads(text)["variants"]["cuda"]
    assert shown["settings"]["kv_type"]["choices"] == ["auto", "fp8_e5m2", "fp8_e4m3"]
    assert shown["settings"]["radix_cache"]["default"] == 0


def test_a_check_names_each_point_and_ends_with_1_if_one_does_not_hold(tmp_path: Path) -> None:
    """Its words are for who writes the folder."""
    code, text = asked("check", str(FOLDER / "transformers"))
    assert code == 0
    assert "transformers: 9 points, all hold" in text
    (tmp_path / "runtime.yaml").write_text(DECLARATION.replace('"--host", "${host}", ', ""))
    code, text = asked("check", str(tmp_path))
    assert code == 1
    assert "FAIL" in text
    assert "name ${host}" in text
    code, text = asked("check", str(tmp_path), "--json")
    assert code == 1
    assert [point["holds"] for point in json.loads(text)["points"]].count(False) == 1


# --- SGLang against a scripted server ---------------------------------------------------------------------

INFO = {
    "model_path": "/models/model",
    "device": "cuda",
    "context_length": 4096,
    "max_running_requests": 128,
    "version": "0.5.18",
    "internal_states": [{}],
}
METRICS = (
    'sglang:prompt_tokens_total{model_name="model"} 12.0\nsglang:generation_tokens_total{model_name="model"} 3.0\n'
)


class Scripted(BaseHTTPRequestHandler):
    """SGLang's pages as its sources at v0.5.18 have them; `info` is what /get_server_info says."""

    info = INFO

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        pages = {
            "/health": b"",
            "/get_server_info": json.dumps(self.info).encode(),
            "/metrics": METRICS.encode(),
            "/v1/models": b'{"object": "list", "data": [{"id": "model"}]}',
        }
        self._send(pages.get(self.path, b""), 200 if self.path in pages else 404)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert asked["model"] == "model"
        choice = {"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 5}
        self._send(json.dumps({"id": "1", "model": "model", "choices": [choice], "usage": usage}).encode())


@pytest.mark.parametrize(
    ("info", "failed"),
    [
        (INFO, []),
        ({**INFO, "context_length": 2048}, ["tells the default settings"]),
        ({**INFO, "device": "cpu"}, ["computes on its device: unknown"]),
        ({**INFO, "version": None}, ["tells its version at /get_server_info"]),
    ],
)
def test_sglang_keeps_the_contract_on_a_scripted_server(info: dict[str, object], failed: list[str]) -> None:
    """Readiness, version, settings, device, an answer, counters; what differs is the one point that fails."""
    handler = type("Handler", (Scripted,), {"info": info})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        code, text = asked("check", str(FOLDER / "sglang"), "--url", url, "--json")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    points = json.loads(text)["points"]
    assert [point["what"] for point in points if not point["holds"]] == failed
    assert code == bool(failed)
    assert {"answers 200 at /health", "counts tokens at /metrics"} <= {point["what"] for point in points}
