"""Whatever a file, a server or an engine says, no command shows a terminal more than printable characters."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kit.assets import asset
from kit.cli._shared.progress import LoadProgress
from kit.cli.images import lines
from kit.cli.showing.transfers import transfer
from kit.documents import CellFailure, FailureReason, Failures, LogFacts, Plan
from kit.output import checked_output
from tests.support.forge import (
    BATCHED,
    CELL_NAMES,
    Change,
    changed_files,
    document,
    in_cell,
    in_facts,
    in_plan,
    in_server,
    path,
)
from tests.support.terminal import EVIL, shown_by, terminal

REFUSED = CellFailure("window", "EngineError", f"It died.{EVIL}\nError: and this is a lie")
REASONS = Failures(1, (FailureReason("http_status", 500, EVIL, 1),))
COLOURED = ("load", "sweep")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def looked_at(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    """What the command line shows, which is harmless: but for the colours of its own last screen."""
    _, shown = shown_by(*map(str, arguments), monkeypatch=monkeypatch)
    text = COLOURS.sub("", shown.text) if arguments[0] in COLOURED else shown.text
    assert text
    assert {c for c in text if not c.isprintable() and c not in "\n\t"} == set()
    assert not any(line.startswith("Error: and this is a lie") for line in text.splitlines())
    return text


# --- files ------------------------------------------------------------------------------------------------


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """A platform of somebody else."""
    text = asset("compose/platforms/demo.yaml").read_text(encoding="utf-8")
    title = "title: " + json.dumps(f"x{EVIL}\nError: and this is a lie")
    hardware = f"hardware: {{device: {json.dumps(EVIL)}, accelerator: none}}\n"
    file = tmp_path / "evil.yaml"
    file.write_text(text.replace("title: llama.cpp on the CPU, one slot against four", title) + hardware)
    return file


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_a_plan_of_a_platform_file(platform: Path, more: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "llamacpp-serial" in looked_at(monkeypatch, "plan", platform, *more)


def titled(plan: Plan) -> Plan:
    return replace(plan, title=f"{EVIL}\nError: and this is a lie")


def records_say(value: Any) -> None:
    value["metrics"]["errors_by_kind"] = {EVIL: 1}


GPU = {"name": EVIL, "driver": EVIL, "cuda": EVIL}
ENGINE = {"name": EVIL, "version": EVIL, "api_version": EVIL, "system": EVIL, "runtimes": [EVIL]}


def client(host: Any) -> Any:
    """The machine of the command, with a name as bad as the others."""
    names = ("system", "kernel", "architecture", "cpus", "cpus_usable", "memory_bytes", "python", "packages")
    return {**{name: host[name] for name in names}, "cpu_model": EVIL, "kernel": EVIL}


CHANGES: dict[str, Change] = {
    "title": in_plan(titled),
    "failure": in_cell(lambda cell: replace(cell, status="failed", failure=REFUSED)),
    "reasons": in_facts(failures=REASONS),
    "version": in_server(version=EVIL),
    "reported": in_server(reported={"slots": EVIL, EVIL: 1}),
    "command": in_server(command=(EVIL, "x")),
    "unknown key": document(path(BATCHED), lambda cell: cell.update({EVIL: EVIL})),
    "kinds of errors": document(path(BATCHED), records_say),
    "host": document("host.json", lambda host: host.update(cpu_model=EVIL, kernel=EVIL)),
    "machine": document("host.json", lambda host: host.update(gpus=[GPU], engine=ENGINE, client=client(host))),
    "packages": document("host.json", lambda host: host.update(packages={EVIL: EVIL})),
    "prompts": document("plan.json", lambda plan: plan["prompts"].update(name=EVIL)),
    "not JSON": lambda files: files.update({"plan.json": EVIL.encode()}),
    "file name": lambda files: files.update({f"cells/{EVIL}.json": b"{}"}),
}
# What is refused is refused in the same words by every command; the first of these show what is accepted, too.
REFUSING = [
    ["verify"],
    ["verify", "--json"],
    ["table"],
    ["table", "--json"],
    ["bundle", "--list"],
    ["claims", "check", str(asset("results") / "claims.yaml")],
]
ACCEPTING = [
    ["score"],
    ["score", "--json"],
    ["gate", "--min", "C"],
    ["gate", "--min", "C", "--json"],
    ["recommend", "--users", "2"],
    ["recommend", "--users", "2", "--json"],
    ["bundle", "--list", "--json"],
    ["claims", "check", "--json", str(asset("results") / "claims.yaml")],
    ["export", "probador", "--json"],
    ["table", "--format", "csv"],
    ["table", "--format", "csv", "--rows", "requests"],
    ["badge"],
]


def written(tmp_path: Path, *changes: Change) -> Path:
    """A run folder with these changes, of an evil name itself."""
    folder = tmp_path / f"run{EVIL}".replace("/", "")
    for file, data in changed_files(*changes).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)
    return folder


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_of_somebody_else(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted or refused, as text and as JSON."""
    folder = written(tmp_path, CHANGES[name])
    for arguments in REFUSING:
        looked_at(monkeypatch, *arguments, folder)
    looked_at(monkeypatch, "reproduce", "--resume", folder, "-q")


def test_a_run_of_somebody_else_that_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every command that reads runs."""
    # one in all cells of an entry
    versions = [in_server(cell, version=EVIL, log=LogFacts((EVIL,))) for cell in CELL_NAMES]
    folder = written(tmp_path, CHANGES["title"], *versions)
    assert looked_at(monkeypatch, "verify", folder, "-q") == "consistent\n"
    for arguments in ACCEPTING:
        looked_at(monkeypatch, *arguments, folder)
    looked_at(monkeypatch, "runs", folder.parent)
    looked_at(monkeypatch, "runs", "--json", folder.parent)
    looked_at(monkeypatch, "compare", folder, folder)
    looked_at(monkeypatch, "compare", "--json", folder, folder)
    looked_at(monkeypatch, "report", folder, "-o", tmp_path / f"r{EVIL}")


@pytest.mark.parametrize("key", ["runtime_name", "timestamp", "model", EVIL])
def test_results_of_another_tool(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[2] / "support" / "probador"
    found = json.loads((folder / "micro-load.json").read_bytes())
    file = tmp_path / f"{EVIL}.json".replace("/", "")
    file.write_text(json.dumps({**found, key: f"{EVIL}\nError: and this is a lie"}))
    study = tmp_path / "evil.study.json"
    looked_at(monkeypatch, "import", "probador", file, "-o", study)
    looked_at(monkeypatch, "import", "probador", file, "--json")
    if study.exists():
        looked_at(monkeypatch, "score", study, "--contract", "probador-2.0")
        looked_at(monkeypatch, "score", study, "--contract", "probador-2.0", "--json")
        looked_at(monkeypatch, "report", study, "-o", tmp_path / "report")


@pytest.mark.parametrize(
    "arguments",
    [
        [EVIL],
        ["table", EVIL],
        ["verify", f"{EVIL}\nError: and this is a lie"],
        ["plan", EVIL],
        ["plan", "demo", "--only", EVIL],
        ["plan", "demo", EVIL],
        ["plan", "demo", f"--{EVIL}"],
        ["score", str(asset("results")), "--contract", EVIL],
        ["models", "fetch", EVIL],
        ["claims", "check", EVIL, EVIL],
        ["load", "--url", EVIL, "-q"],
        ["load", "--url", f"http://127.0.0.1:9/{EVIL}", "--model", EVIL, "--prompts", EVIL, "-q"],
        ["load", "--url", "http://127.0.0.1:9", "--model", "m", "--slo", EVIL, "-q"],
        ["load", "--url", "http://127.0.0.1:9", "--model", "m", "--validate", f"regex:({EVIL}", "-q"],
        ["sweep", "--url", "http://127.0.0.1:9", "--concurrency", EVIL],
        ["test", "--url", EVIL],
        ["images", "build", EVIL],
        ["completion", EVIL],
    ],
    ids=lambda arguments: arguments[0][:9].strip("\x1b["),
)
def test_words_of_a_command_line(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script may have put them together from anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    looked_at(monkeypatch, *arguments)


# --- servers ----------------------------------------------------------------------------------------------

Answer = Callable[[str], tuple[int, bytes]]


@pytest.fixture
def server() -> Iterator[Callable[[Answer], str]]:
    """Serves what it is given by path; returns its URL."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for each in servers:
        each.shutdown()
        each.server_close()


def listed(body: bytes) -> Answer:
    """A list with an evil name, and this body for everything else."""
    models = json.dumps({"data": [{"id": EVIL}]}).encode()
    return lambda path: (200, models) if path.endswith("/models") else (503, body)


STREAM = "".join(
    f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
    for event in (
        {"model": EVIL, "choices": [{"delta": {"content": EVIL}}]},
        {"choices": [{"delta": {}, "finish_reason": EVIL}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
    )
).encode()
ANSWERS: dict[str, Answer] = {
    "refuses": listed(json.dumps({"error": {"message": EVIL}}).encode()),
    "refuses in plain text": listed(EVIL.encode()),
    "refuses in HTML": listed(f"<h1>{EVIL}</h1>".encode()),
    "answers": lambda _: (200, STREAM + b"data: [DONE]\n\n"),
    "sends an error event": lambda _: (200, b"data: " + json.dumps({"error": EVIL}).encode() + b"\n\n"),
    "sends garbage": lambda _: (200, b"data: {" + EVIL.encode() + b"\n\n"),
    "sends bytes": lambda _: (200, b"\x9b\xff\x1b[2J"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_server_says(
    name: str, server: Callable[[Answer], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its list of models, its answers and its errors, as text and as JSON."""
    asked = ["--url", server(ANSWERS[name]), "-q", "--output-tokens", "2", "--requests", "1"]
    looked_at(monkeypatch, "load", *asked, "--model", "m", "--out", tmp_path / "a")
    looked_at(monkeypatch, "load", *asked, "--json", "--out", tmp_path / "c")
    looked_at(monkeypatch, "load", *asked, "--model", EVIL, "--json", "--out", tmp_path / "b")


def test_what_a_server_says_in_other_commands(
    server: Callable[[Answer], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That have the same words of it."""
    url = server(ANSWERS["refuses"])
    span = ["--model", "m", "--concurrency", "1", "--duration", "0.5", "--out", tmp_path / "c"]
    shown = looked_at(monkeypatch, "sweep", "--url", url, "-q", *span)
    assert "HTTP 503" in shown
    assert "evil" in shown
    looked_at(monkeypatch, "test", "--url", url, "--level", "tiny", "-q")
    looked_at(monkeypatch, "test", "--url", url, "--level", "tiny", "--json")


# --- lines and bars ---------------------------------------------------------------------------------------

LINES = ["[1/5] RUN make", "[/] [/bold] [red", "[link=file:///etc/passwd]x[/link]", EVIL, f"a{EVIL}" * 100, ""]


def drawn(draw: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a library that draws shows on a terminal."""
    with terminal() as (shown, slave), monkeypatch.context() as patch:
        stream = os.fdopen(os.dup(slave), "w", encoding="utf-8")
        patch.setattr(sys, "stderr", stream)
        patch.setenv("TERM", "xterm-256color")
        with checked_output():
            draw()
        stream.close()
    return shown.text


def only_drawing(text: str) -> bool:
    """Whether there is nothing but words, and what moves a cursor, hides it, or sets a colour."""
    rest = re.sub(r"\x1b\[(?:\?25[lh]|[0-9;]*m|[0-9]*[A-K])|\r", "", text)
    return all(c.isprintable() or c in "\n\t" for c in rest)


def test_lines_of_a_build_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brackets are no markup, and nothing in them sets a title or a link; on a terminal as elsewhere."""

    def draw() -> None:
        with lines("building", quiet=False) as on_line:
            for line in LINES:
                on_line(line)
                time.sleep(0.1)  # a picture is drawn a few times a second

    text = drawn(draw, monkeypatch)
    assert only_drawing(text)
    assert "[1/5] RUN make" in text
    assert "\x1b]" not in text


def test_bars_are_drawn_of_harmless_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a load generator says of itself."""

    def draw() -> None:
        with transfer(LINES[1], quiet=False) as on_bytes:
            on_bytes(1, 2)
        with LoadProgress(1.0, quiet=False) as progress:
            for line in LINES:
                progress({"event": "progress", "phase": line, "at_ns": 10**8, "pieces": 1, "ok": 1, "failed": 0})
                time.sleep(0.1)

    text = drawn(draw, monkeypatch)
    assert only_drawing(text)
    assert "\x1b]" not in text
