"""Calibration with a scripted endpoint: the order of its loads, second tries, the search, and what goes wrong."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.documents import Calibration, LoadFacts, Window
from kit.documents.container import Accelerator
from kit.engines.protocol import OnLine
from kit.errors import EngineError, InputError
from kit.metrics.accuracy import calibration_point
from kit.plan.calibration_load import calibration_load, output_tokens, run_window, stream_s
from kit.reference.truth import Truth, truth_line
from kit.run.calibrate import Effort, Step, calibrate, reference_spec
from kit.runtimes.protocol import ServerSpec
from kit.storage.calibration_file import calibration_record_from
from kit.storage.names import FACTS, RECORDS
from kit.strict import plain, read_jsonl, write_json, write_jsonl_line
from kit.strict.schema import problems
from tests.support.fakes import FakeRunning, FakeSampling, TinyServer
from tests.support.records import MS, make_record

ORIGIN_NS = 10**15
WINDOW = Window(0, 1000 * MS)


class ReferenceEngine:
    """Stands for the reference endpoint and the load generator: each load is late by the next of `late_ms`."""

    def __init__(self, url: str, late_ms: Sequence[float] = ()) -> None:
        self._url = url
        self._late_ms = list(late_ms)
        self._truth = Path()
        self.specs: list[ServerSpec] = []
        self.loads: list[dict[str, object]] = []
        self.window: Window | None = WINDOW
        self.error: dict[str, object] | None = None
        self.keeps_truth = True

    def free_port(self) -> int:
        return 1

    @contextlib.contextmanager
    def server(self, spec: ServerSpec, log: Path) -> Iterator[FakeRunning]:  # noqa: ARG002
        self.specs.append(spec)
        self._truth = Path(spec.command[spec.command.index("--truth") + 1])
        yield FakeRunning(self._url)

    @contextlib.contextmanager
    def telemetry(self, out: Path, accelerator: Accelerator = "none") -> Iterator[FakeSampling]:  # noqa: ARG002
        yield FakeSampling()

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        self.loads.append(json.loads(load.read_text()))
        if self.error:
            on_line(json.dumps({"event": "error", **self.error}))
            return 2
        late_ms = self._late_ms.pop(0) if self._late_ms else 0.0
        self._write(out, late_ms)
        return 0

    def _rate(self) -> float:
        command = self.specs[-1].command
        return 1000 / float(command[command.index("--itl-ms") + 1])

    def _write(self, out: Path, late_ms: float) -> None:
        times = tuple(50 + at * 1000 / self._rate() for at in range(4))
        record = make_record(chunks_ms=tuple(at + late_ms for at in times))
        (out / RECORDS).write_bytes(write_jsonl_line(plain(record)))
        (out / FACTS).write_bytes(write_json(plain(facts(self.window))))
        sent = tuple((ORIGIN_NS + round(at * MS), 1) for at in times)
        truth = Truth(1, record.salt, ORIGIN_NS, None, sent[0][0], sent, sent[-1][0], 4)
        if self.keeps_truth:
            self._truth.write_bytes(truth_line(truth))


def facts(window: Window | None) -> LoadFacts:
    return LoadFacts(
        origin_utc="2026-01-01T00:00:01.000000Z",
        ended_utc="2026-01-01T00:00:02.000000Z",
        origin_ns=ORIGIN_NS,
        duration_ns=1000 * MS,
        window=window,
        stamp_source="kernel",
        clock="CLOCK_MONOTONIC",
        clock_resolution_ns=1,
        cpu_ns=1,
        interrupted=window is None,
        stale_retries=0,
        requests=1,
        records_sha256="0" * 64,
        texts_sha256="0" * 64,
    )


@pytest.fixture
def url() -> Iterator[str]:
    with TinyServer() as server:
        yield server.url


def done(
    engine: ReferenceEngine, folder: Path, steps: int = 2, levels: tuple[int, ...] = (1,), **effort: int
) -> tuple[Calibration, list[Step]]:
    seen: list[Step] = []
    found = calibrate(levels, 200.0, engine, folder, seen.append, Effort(max_steps=steps, **effort))
    return found, seen


def test_each_concurrency_is_measured_and_then_the_pace_doubled(url: str, tmp_path: Path) -> None:
    """Ascending concurrencies at the asked pace, then steps at the largest; all of it a valid document."""
    engine = ReferenceEngine(url)
    found, seen = done(engine, tmp_path, levels=(4, 1))
    assert seen == [
        Step("point", 1, 200.0),
        Step("point", 4, 200.0),
        Step("ceiling", 4, 400.0),
        Step("ceiling", 4, 800.0),
    ]
    loops = [load["loop"] for load in engine.loads]
    assert [loop["concurrency"] for loop in loops if isinstance(loop, dict)] == [1, 4, 4, 4]
    assert (found.ended_by, found.ceiling and found.ceiling.streams) == ("steps", 4)
    assert found.stamp_source == "kernel"
    assert problems(plain(found), "calibration") == []


def test_what_did_not_hold_is_tried_again_after_a_wait(url: str, tmp_path: Path) -> None:
    """Each time before it is tried again, and never before or after; all tries are kept."""
    engine, waits = ReferenceEngine(url, late_ms=(5, 5, 0)), list[int]()
    found = calibrate(
        (1,), 200.0, engine, tmp_path, lambda _: None, Effort(max_steps=0),
        before_retry=lambda: waits.append(len(engine.loads)),
    )  # fmt: skip
    assert [point.ok for point in found.points] == [False, False, True]
    assert waits == [1, 2]


def test_the_search_for_the_ceiling_waits_for_nobody(url: str, tmp_path: Path) -> None:
    """It has a time, and ends where something does not hold."""
    engine, waits = ReferenceEngine(url, late_ms=(0, 5, 5)), list[int]()
    found = calibrate(
        (1,), 200.0, engine, tmp_path, lambda _: None, Effort(max_steps=3), before_retry=lambda: waits.append(1)
    )
    assert [point.ok for point in found.steps] == [False, False]
    assert waits == []


def test_every_load_is_of_as_many_processes_as_asked_for(url: str, tmp_path: Path) -> None:
    """Points and steps alike; one, unless somebody says otherwise."""
    for asked, folder in ((None, tmp_path / "one"), (2, tmp_path / "two")):
        folder.mkdir()
        engine = ReferenceEngine(url)
        calibrate((1,), 200.0, engine, folder, lambda _: None, Effort(max_steps=1), processes=asked)
        assert [load.get("processes") for load in engine.loads] == [asked, asked]


def test_a_point_that_does_not_hold_is_tried_again(url: str, tmp_path: Path) -> None:
    """2 ms late three times, then right: all are kept, and the search goes on from the last."""
    found, seen = done(ReferenceEngine(url, [2.0, 2.0, 2.0, 0.0]), tmp_path, steps=1)
    assert [point.faults for point in found.points] == [("ttft_error",)] * 3 + [()]
    assert [step.kind for step in seen] == ["point", "ceiling"]


def test_a_largest_concurrency_that_fails_each_time_ends_it(url: str, tmp_path: Path) -> None:
    """No search; what smaller ones proved stays."""
    found, _ = done(ReferenceEngine(url, [0.0, 2.0, 2.0, 2.0, 2.0]), tmp_path, levels=(1, 4))
    assert (found.ended_by, found.steps) == ("largest_point", ())
    assert found.ceiling
    assert found.ceiling.streams == 1


def test_the_search_ends_with_a_step_that_fails_twice(url: str, tmp_path: Path) -> None:
    """The first step holds, the second is late twice: the ceiling is the first."""
    found, _ = done(ReferenceEngine(url, [0.0, 0.0, 3.0, 3.0]), tmp_path, steps=5)
    assert [(step.rate_tok_s, step.ok) for step in found.steps] == [(400.0, True), (800.0, False), (800.0, False)]
    assert found.ended_by == "ttft_error"


def test_the_search_ends_when_its_time_is_over(url: str, tmp_path: Path) -> None:
    """No time at all: not one step."""
    found, _ = done(ReferenceEngine(url), tmp_path, search_ns=-1)
    assert (found.ended_by, found.steps) == ("time", ())


def test_a_load_that_failed_is_its_error(url: str, tmp_path: Path) -> None:
    """With the load generator's own words."""
    engine = ReferenceEngine(url)
    engine.error = {"what": "No address.", "remedy": ""}
    with pytest.raises(InputError, match="No address"):
        done(engine, tmp_path)


def test_an_interrupted_load_interrupts_the_calibration(url: str, tmp_path: Path) -> None:
    """Its window never closed."""
    engine = ReferenceEngine(url)
    engine.window = None
    with pytest.raises(KeyboardInterrupt):
        done(engine, tmp_path)


def test_an_endpoint_without_a_truth_log_is_an_error(url: str, tmp_path: Path) -> None:
    """Nothing to compare with."""
    engine = ReferenceEngine(url)
    engine.keeps_truth = False
    with pytest.raises(EngineError, match="no truth log"):
        done(engine, tmp_path)


def test_the_reference_is_told_pace_and_truth(tmp_path: Path) -> None:
    """50 ms to the first token, 5 ms a token at 200 tokens/s, ending with its input."""
    command = " ".join(reference_spec(8123, 200.0, tmp_path / "t.jsonl").command)
    for words in ("reference --port 8123", "--ttft-ms 50 --itl-ms 5.000000", "t.jsonl --until-stdin-closes"):
        assert words in command


@pytest.mark.parametrize(
    ("rate", "lasting_s", "low", "high"), [(200.0, 0.2, 30, 50), (6400.0, 0.2, 960, 1600), (1.0, 1.2, 2, 2)]
)
def test_lengths_follow_from_pace_and_time(rate: float, lasting_s: float, low: int, high: int) -> None:
    """Two tokens at least: one has no gap."""
    tokens = output_tokens(rate, lasting_s)
    assert (tokens.min, tokens.max) == (low, high)


@pytest.mark.parametrize(
    ("concurrency", "lasting_s", "window_ns"),
    [(1, 0.2, 700 * MS), (40, 0.2, 700 * MS), (100, 0.5, 700 * MS), (200, 1.0, 1300 * MS), (4000, 1.2, 1560 * MS)],
)
def test_many_streams_have_longer_answers_and_a_window_for_them(
    concurrency: int, lasting_s: float, window_ns: int
) -> None:
    """200 requests a second at most, while answers stay short enough for a window."""
    assert stream_s(concurrency) == lasting_s
    load = calibration_load("http://h", concurrency, 200.0, 300 * MS, 700 * MS)
    assert load.window_ns == window_ns
    assert load.output_tokens == output_tokens(200.0, lasting_s)


def test_many_streams_are_slower_where_all_have_a_limit(url: str, tmp_path: Path) -> None:
    """A real server does not give each of a hundred users what it gives one."""
    found = calibrate(
        (1, 100), 200.0, ReferenceEngine(url), tmp_path, lambda _: None, Effort(max_steps=1), at_most_tok_s=10_000
    )
    assert [(point.rate_tok_s, point.expected_tok_s) for point in found.points] == [(200, 200), (100, 10_000)]
    assert [step.rate_tok_s for step in found.steps] == [200]


def test_the_requests_are_kept_where_somebody_wants_them(url: str, tmp_path: Path) -> None:
    """A line for each, load by load; the calibration names the file by its sha256 and each point its window."""
    keep = tmp_path / "kept.jsonl"
    keep.write_bytes(b"of a calibration that never ended")
    engine = ReferenceEngine(url)
    (tmp_path / "scratch").mkdir()
    found = calibrate((1, 4), 200.0, engine, tmp_path / "scratch", lambda _: None, Effort(max_steps=1), keep=keep)
    data = keep.read_bytes()
    lines = [calibration_record_from(value, "kept") for _, value in read_jsonl(data, "kept")]
    assert [line.load for line in lines] == [0, 1, 2]
    assert found.records_sha256 == sha256(data).hexdigest()
    assert [point.window for point in (*found.points, *found.steps)] == [WINDOW] * 3
    again = calibration_point(4, 200.0, [line for line in lines if line.load == 1], WINDOW)
    assert replace(again, window=WINDOW) == found.points[1]
    assert problems(plain(found), "calibration") == []


def test_nothing_is_kept_where_nobody_wants_it(url: str, tmp_path: Path) -> None:
    """Neither digest nor windows, so that the document is as it always was."""
    found, _ = done(ReferenceEngine(url), tmp_path, steps=1)
    assert b"records_sha256" not in write_json(plain(found))
    assert b"window" not in write_json(plain(found))


@pytest.mark.parametrize("concurrency", [1, 64, 512])
def test_the_window_of_a_run_is_that_of_its_load(concurrency: int) -> None:
    """What a verifier expects of a point and of a step is what the load asks for."""
    for step, window_ns in ((False, Effort().window_ns), (True, Effort().step_window_ns)):
        load = calibration_load("http://127.0.0.1:1", concurrency, 200.0, Effort().warmup_ns, window_ns)
        assert load.window_ns is not None
        assert run_window(concurrency, step=step) == Window(load.warmup_ns, load.warmup_ns + load.window_ns)
