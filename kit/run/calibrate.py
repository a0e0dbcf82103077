"""Calibration: the real load generator against a reference endpoint of known timing, on this machine, now.

One load for each concurrency, then a search for the ceiling: the pace of every stream is doubled until
something no longer holds. What does not hold is tried again. The arithmetic is in `kit.metrics.accuracy`; a run
keeps the requests that its figures are made of.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

from kit import __version__
from kit.cpus import usable_cpus
from kit.documents import (
    Calibration,
    CalibrationPoint,
    Load,
    LoadFacts,
    Record,
    SearchEnd,
    StampSource,
)
from kit.engines.protocol import Engine
from kit.errors import EngineError
from kit.metrics.accuracy import calibration_point, calibration_records, proven
from kit.metrics.limits import MAX_ERROR_MS, MAX_POINT_TRIES, MAX_STEP_TRIES, MIN_PACE
from kit.plan.calibration_load import STEP_WINDOW_NS, WARMUP_NS, WINDOW_NS, calibration_load
from kit.probe import probe_of
from kit.reference.truth import Truth, read_truth
from kit.run.load import run_generator
from kit.runtimes.protocol import ServerSpec
from kit.storage.calibration_file import written_records
from kit.storage.cell_folder import read_facts, read_records
from kit.storage.names import LOAD, RECORDS
from kit.strict import plain, write_json
from kit.timestamps import utc_now

RATE_TOK_S = 200.0  # of one stream, where nobody says otherwise: more than most machines give one user
# Of all streams together in a run's own calibration: where there are many, each is slow on any machine. The search
# for the ceiling goes on from here.
RUN_TOK_S = 10_000.0
TTFT_MS = 50
START_BUDGET_S = 30.0
REFERENCE_LOG, TRUTH = "reference.log", "truth.jsonl"

Kind = Literal["point", "ceiling"]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long everything takes: warm-up and window of a point, window of a step, and the whole search."""

    warmup_ns: int = WARMUP_NS
    window_ns: int = WINDOW_NS
    step_window_ns: int = STEP_WINDOW_NS
    max_steps: int = 5
    search_ns: int = 8_000_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """What is measured next, for whoever watches."""

    kind: Kind
    concurrency: int
    rate_tok_s: float


OnStep = Callable[[Step], None]
BeforeRetry = Callable[[], object]


def at_once() -> None:
    """Nothing is waited for before a point is tried again."""


def calibrate(
    concurrencies: Sequence[int],
    rate_tok_s: float,
    engine: Engine,
    folder: Path,
    on_step: OnStep,
    effort: Effort = Effort(),
    at_most_tok_s: float = math.inf,
    processes: int | None = None,
    before_retry: BeforeRetry = at_once,
    cpus: int | None = None,
    keep: Path | None = None,
) -> Calibration:
    """Calibrate at these concurrencies and at this pace per stream, then search for the ceiling.

    Streams are slower where all together would have more than `at_most_tok_s` at a point. The load generator is so
    many `processes`; None is one. `before_retry` comes between two tries of a point. `cpus` is how many CPUs the
    engine's machine has to use; None asks this machine. The requests go to the file `keep`, if there is one.

    `folder` exists, is empty and may be thrown away afterwards. Raises what engines and loads raise;
    `KeyboardInterrupt` when a load was interrupted.
    """
    started_utc, started_ns = utc_now(), time.monotonic_ns()
    bench = _Bench(engine, folder.resolve(), on_step, effort, processes, before_retry, keep)
    points = tuple(
        point
        for concurrency in sorted(concurrencies)
        for point in bench.tries(
            "point", concurrency, min(rate_tok_s, at_most_tok_s / concurrency), effort.window_ns
        )
    )
    steps, ended_by = _search(points[-1], bench, effort)
    kept_sha256 = None if keep is None else sha256(keep.read_bytes()).hexdigest()
    return Calibration(
        schema="kit/calibration/1",
        kit_version=__version__,
        started_utc=started_utc,
        duration_ns=time.monotonic_ns() - started_ns,
        cpus=usable_cpus() if cpus is None else cpus,
        stamp_source=bench.stamp_source,
        limit_ms=MAX_ERROR_MS,
        min_pace=MIN_PACE,
        points=points,
        steps=steps,
        ended_by=ended_by,
        ceiling=proven((*points, *steps)),
        records_sha256=kept_sha256,
    )


def _search(
    base: CalibrationPoint, bench: _Bench, effort: Effort
) -> tuple[tuple[CalibrationPoint, ...], SearchEnd]:
    """Double the pace of every stream until a step fails each time, or steps or time run out."""
    if not base.ok:
        return (), "largest_point"
    began_ns = last_ns = time.monotonic_ns()
    steps: list[CalibrationPoint] = []
    for doubling in range(1, effort.max_steps + 1):
        now_ns = time.monotonic_ns()
        took_ns, last_ns = now_ns - last_ns, now_ns
        if now_ns + took_ns > began_ns + effort.search_ns:
            return tuple(steps), "time"
        steps += bench.tries("ceiling", base.concurrency, base.rate_tok_s * 2**doubling, effort.step_window_ns)
        if steps[-1].faults:
            return tuple(steps), steps[-1].faults[0]
    return tuple(steps), "steps"


class _Bench:
    """Starts a reference endpoint and a load against it, once for each point."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        on_step: OnStep,
        effort: Effort,
        processes: int | None,
        before_retry: BeforeRetry,
        keep: Path | None,
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._on_step = on_step
        self._effort = effort
        self._processes = processes
        self._before_retry = before_retry
        self._keep = keep
        if keep is not None:
            keep.write_bytes(b"")  # of a calibration that was begun before and never ended
        self._count = 0
        self.stamp_source: StampSource = "user"

    def tries(self, kind: Kind, concurrency: int, rate_tok_s: float, window_ns: int) -> list[CalibrationPoint]:
        """One point, measured again until it holds or was tried often enough. All are kept."""
        self._on_step(Step(kind, concurrency, rate_tok_s))
        tried = [self._measure(concurrency, rate_tok_s, window_ns)]
        while not tried[-1].ok and len(tried) < (MAX_POINT_TRIES if kind == "point" else MAX_STEP_TRIES):
            if kind == "point":  # the search for the ceiling has a time, and ends where something does not hold
                self._before_retry()
            tried.append(self._measure(concurrency, rate_tok_s, window_ns))
        return tried

    def _measure(self, concurrency: int, rate_tok_s: float, window_ns: int) -> CalibrationPoint:
        self._count += 1
        folder = self._folder / f"load{self._count}"
        folder.mkdir()
        spec = reference_spec(self._engine.free_port(), rate_tok_s, folder / TRUTH)
        with self._engine.server(spec, folder / REFERENCE_LOG) as running:
            probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
            load = calibration_load(running.url, concurrency, rate_tok_s, self._effort.warmup_ns, window_ns)
            facts, records = self._run(replace(load, processes=self._processes), folder)
        self.stamp_source = facts.stamp_source
        if facts.window is None:
            raise KeyboardInterrupt  # a window that never closed was cut short
        truths = _truths(folder / TRUTH)
        found = calibration_records(self._count - 1, records, truths, facts.origin_ns)
        point = calibration_point(concurrency, rate_tok_s, found, facts.window)
        if self._keep is None:
            return point
        with self._keep.open("ab") as file:
            file.write(written_records(found))
        return replace(point, window=facts.window)

    def _run(self, load: Load, folder: Path) -> tuple[LoadFacts, list[Record]]:
        (folder / LOAD).write_bytes(write_json(plain(load)))
        run_generator(self._engine, folder / LOAD, folder, lambda _: None)
        return read_facts(folder), list(read_records(folder / RECORDS))


def _truths(path: Path) -> dict[str, Truth]:
    """The truth log by salt; `EngineError` if the reference endpoint left none."""
    if not path.is_file():
        raise EngineError("The reference endpoint left no truth log.", "Calibrate again: kit calibrate")
    return {truth.salt: truth for truth in read_truth(path.read_bytes(), path.name) if truth.salt is not None}


def reference_spec(port: int, rate_tok_s: float, truth: Path) -> ServerSpec:
    """How to start the reference endpoint at this pace per stream, its truth log going to a file."""
    return ServerSpec(
        name="reference",
        command=(
            *(sys.executable, "-m", "kit", "reference", "--port", str(port)),
            *("--ttft-ms", str(TTFT_MS), "--itl-ms", f"{1000 / rate_tok_s:.6f}"),
            *("--truth", str(truth), "--until-stdin-closes"),
        ),
        port=port,
        ready_path="/health",
        start_budget_s=START_BUDGET_S,
    )
