"""Stand-ins with scripted behaviour: an HTTP server that answers like a tiny runtime, and an engine around it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kit.catalogue import model
from kit.documents import Cell, LoadFacts, Plan, Window
from kit.documents.container import Accelerator, ContainerFacts
from kit.documents.telemetry import TelemetrySample
from kit.engines.protocol import SAMPLED, OnLine, RunProbe
from kit.errors import EngineError
from kit.machine.here import look_here
from kit.machine.look import Look
from kit.plan.correctness import Check, SuiteLevel, Test, load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.runtimes.protocol import ServerSpec
from kit.storage.names import FACTS, RECORDS, SAMPLER, TELEMETRY, TEXTS
from kit.storage.telemetry_file import write_samples
from kit.strict import plain, write_json, write_jsonl_line
from tests.support.records import MS, make_record
from tests.support.telemetry import Machine, samples_of

FIRST_SECOND = Window(0, 1000 * MS)
SUITE = SuiteLevel(
    "correctness", "tiny", (Test("sum", "arithmetic", "2 + 2?", 4, (Check("contains", "4"),)),), "0" * 64
)


def demo_plan() -> Plan:
    """A plan like that of the platform `demo` on two CPUs: two replicates, 2 s warm-up, 8 s window."""
    demo = load_platform("demo")
    platform = replace(demo, workload=replace(demo.workload, replicates=2, warmup_s=2.0, window_s=8.0))
    suite = load_suite("correctness", "tiny")
    return make_plan(platform, model(platform.model), load_prompts("short"), suite, cpus=2, seed=None)


class TinyServer:
    """Answers as llama.cpp does at the paths the kit asks; `answers` scripts status and text of completions."""

    def __init__(self, slots: int = 1, answer: str = "4", health: int = 200, chat_status: int = 200) -> None:
        outer = self
        self.paths: list[str] = []
        self.health, self.chat_status, self.answer, self.slots = health, chat_status, answer, slots

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                outer.paths.append(self.path)
                pages = {
                    "/health": (outer.health, b"{}"),
                    "/props": (200, outer._props()),
                    "/metrics": (200, b"llamacpp:prompt_tokens_total 10\nllamacpp:tokens_predicted_total 20\n"),
                    "/v1/models": (200, b'{"data": [{"id": "tiny"}]}'),
                }
                self._send(*pages.get(self.path, (404, b"{}")))

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.paths.append(self.path)
                document = {"choices": [{"message": {"content": outer.answer}}]}
                self._send(outer.chat_status, json.dumps(document).encode())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def _props(self) -> bytes:
        return json.dumps(
            {
                "build_info": "b1-tiny",
                "total_slots": self.slots,
                "default_generation_settings": {"n_ctx": 768},
            }
        ).encode()

    def __enter__(self) -> TinyServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class FakeRunning:
    def __init__(self, url: str) -> None:
        self.url = url
        self.started_utc = "2026-01-01T00:00:00.000000Z"
        self.code: int | None = None
        self.run_probe: RunProbe | None = None
        self.contained: ContainerFacts | None = None
        self.printed: str | None = None

    def log_start(self) -> str:
        return "first words of the server"

    def run_inside(self, command: tuple[str, ...]) -> tuple[int, str]:
        if self.printed is None:
            raise EngineError(f"{command[0]} was not run.")
        return 0, self.printed

    def facts(self) -> ContainerFacts | None:
        return self.contained

    def exit_code(self) -> int | None:
        return self.code

    def log_tail(self, lines: int = 15) -> tuple[str, ...]:
        return ("last words of the server",)[:lines]


class FakeSampling:
    """A sampler that `leaves` samples of two seconds, or nothing; of these machines in turn, the last for ever."""

    def __init__(self) -> None:
        self.ended = SAMPLED
        self.leaves = True
        self.machines = [Machine()]

    def samples(self, *, idle: bool) -> tuple[TelemetrySample, ...]:
        machine = self.machines.pop(0) if len(self.machines) > 1 else self.machines[0]
        if idle:
            machine = replace(machine, server=Fraction(0), loadgen=Fraction(0))
        return tuple(samples_of(0, 2000 * MS, machine))


class FakeEngine:
    """Keeps a log of what it was asked; fails where it is told to."""

    def __init__(self, url: str) -> None:
        self.log: list[str] = []
        self.running = FakeRunning(url)
        self.on_start: Callable[[], None] = lambda: None
        self.on_load: Callable[[], None] = lambda: None
        self.on_window: Callable[[], None] = lambda: None
        self.on_stop: Callable[[], None] = lambda: None
        self.window = FIRST_SECOND
        self.load_code = 0
        self.sampling = FakeSampling()
        self.seen: Look | None = None  # None: the machine of the tests
        self.log_of_looks: list[tuple[Accelerator, ...]] = []
        self.events = ('{"event": "progress", "phase": "warm-up"}', '{"event": "progress", "phase": "window"}')

    def look(self, accelerators: Iterable[Accelerator]) -> Look:
        self.log_of_looks.append(tuple(accelerators))
        return self.seen or look_here()

    def free_port(self) -> int:
        return 1

    @contextlib.contextmanager
    def server(self, spec: ServerSpec, log: Path) -> Iterator[FakeRunning]:  # noqa: ARG002
        self.on_start()
        if "stop" in self.log:
            self.running = FakeRunning(self.running.url)
        self.log.append("start")
        try:
            yield self.running
        finally:
            self.log.append("stop")
            if self.running.code is None:
                self.running.code = 0
            self.on_stop()

    @contextlib.contextmanager
    def telemetry(self, out: Path, accelerator: Accelerator = "none") -> Iterator[FakeSampling]:
        self.log.append(f"telemetry {accelerator}")
        try:
            yield self.sampling
        finally:
            self.log.append("telemetry ended")
            if self.sampling.leaves:
                write_samples(
                    out / TELEMETRY, self.sampling.samples(idle=self.log.count("start") == self.log.count("stop"))
                )
                said = {"cpus": 2, "interval_ns": 100 * MS, "sources": {"cpu": "proc"}}
                (out / SAMPLER).write_text(json.dumps(said))

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        assert load.is_file()
        self.log.append("load")
        on_line(self.events[0])
        self.on_load()
        on_line(self.events[1])
        self.on_window()
        write_load_files(out, self.window)
        return self.load_code


def write_load_files(out: Path, window: Window = FIRST_SECOND) -> None:
    """What a load generator leaves: two good requests in the first second."""
    records = [make_record(0, done_ms=1000), make_record(1, sent_ms=100, chunks_ms=(150, 160))]
    (out / RECORDS).write_bytes(b"".join(write_jsonl_line(plain(record)) for record in records))
    (out / TEXTS).write_bytes(
        b"".join(write_jsonl_line({"id": r.id, "text": "x" * r.text_chars}) for r in records)
    )
    facts = LoadFacts(
        origin_utc="2026-01-01T00:00:01.000000Z",
        origin_ns=12_345,
        ended_utc="2026-01-01T00:00:02.000000Z",
        duration_ns=1000 * MS,
        window=window,
        stamp_source="kernel",
        clock="CLOCK_MONOTONIC",
        clock_resolution_ns=1,
        cpu_ns=1,
        interrupted=False,
        stale_retries=0,
        requests=2,
        records_sha256="0" * 64,
        texts_sha256="0" * 64,
    )
    (out / FACTS).write_bytes(write_json(plain(facts)))


class Silent:
    """An observer that keeps what it was told."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.steps: list[object] = []
        self.compiled: list[str] = []
        self.waits: list[tuple[tuple[str, ...], tuple[str, ...], float]] = []
        self.retaken: list[tuple[str, tuple[str, ...], bool]] = []

    def phase(self, cell: str, name: str) -> None:  # noqa: ARG002
        self.phases.append(name)

    def progress(self, cell: str, event: object) -> None: ...

    def calibrating(self, step: object) -> None:
        self.steps.append(step)

    def compiling(self, entry: str) -> None:
        self.compiled.append(entry)

    def evaluating(self, words: str, *, again: bool = False) -> None: ...

    def ahead(self, done: object, cells: object) -> None: ...

    def cell_started(self, cell: object) -> None: ...

    def cell_ended(self, cell: object) -> None: ...

    def looking(self) -> None: ...

    def busy(self, reasons: tuple[str, ...], programs: tuple[str, ...], left_s: float) -> None:
        self.waits.append((reasons, programs, left_s))

    def disturbed(self, cell: Cell, reasons: tuple[str, ...], *, again: bool) -> None:
        self.retaken.append((cell.id, reasons, again))


def raising(error: BaseException) -> Callable[[], None]:
    """A function that raises."""

    def fail() -> None:
        raise error

    return fail


__all__ = ["SUITE", "FakeEngine", "FakeRunning", "Silent", "TinyServer", "demo_plan", "raising"]
