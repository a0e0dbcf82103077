"""What sampling costs: python -m benchmarks.telemetry [--seconds 10] [--rounds 3] [--docker].

The share of one CPU that the sampler takes at ten samples a second, and, with the sampler and without it in turn
(A-B-A-B), what it costs a load against the reference endpoint: ratios of throughput and of the CPU time of load
generator and endpoint. It prints figures and asserts nothing; a quiet machine makes them worth something.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure, untargeted
from benchmarks.table import text_table
from kit.engines import connect
from kit.engines.process import ProcessEngine
from kit.engines.protocol import Engine
from kit.errors import KitError
from kit.metrics.aggregate import cell_metrics
from kit.plan.calibration_load import calibration_load
from kit.plan.plan import seconds_to_ns
from kit.probe import probe_of
from kit.run.calibrate import REFERENCE_LOG, TRUTH, reference_spec
from kit.run.load import run_generator
from kit.run.telemetry import Sampled, look, sampled
from kit.storage.cell_folder import read_facts, read_records
from kit.storage.names import LOAD, RECORDS
from kit.strict import plain, write_json
from kit.supply.provision import ready_images

STREAMS, RATE_TOK_S = 16, 100.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """One load: tokens a second, and CPU seconds of the load generator by its own count."""

    throughput_tok_s: float
    loadgen_cpu_s: float


@contextlib.contextmanager
def _beside(engine: Engine, folder: Path, *, sampling: bool) -> Iterator[Sampled | None]:
    if not sampling:
        yield None
        return
    with sampled(engine, folder) as found:
        yield found


def _load(engine: Engine, folder: Path, seconds: float, *, sampling: bool) -> Loaded:
    """The reference endpoint under load, with the sampler beside it or without."""
    folder.mkdir()
    spec = reference_spec(engine.free_port(), RATE_TOK_S, folder / TRUTH)
    with engine.server(spec, folder / REFERENCE_LOG) as running, _beside(engine, folder, sampling=sampling):
        probe_of(running).wait_ready(spec.ready_path, spec.start_budget_s)
        window_ns = seconds_to_ns(seconds)
        load = calibration_load(running.url, STREAMS, RATE_TOK_S, seconds_to_ns(1), window_ns)
        (folder / LOAD).write_bytes(write_json(plain(load)))
        run_generator(engine, folder / LOAD, folder, lambda _: None)
    facts = read_facts(folder)
    if facts.window is None:
        raise KeyboardInterrupt
    metrics = cell_metrics(read_records(folder / RECORDS), facts.window, open_loop=False, method=2)
    return Loaded(metrics.throughput_tok_s or 0.0, facts.cpu_ns / 1e9)


def _own_share(engine: Engine, folder: Path, seconds: float) -> float:
    """CPU time of the sampler, and of the kit that waits for it, in parts of one CPU."""
    folder.mkdir()
    found = look(engine, folder, seconds=seconds)
    first, last = found.samples[1], found.samples[-1]
    return ((last.own_ns or 0) - (first.own_ns or 0)) / (last.at_ns - first.at_ns)


def figures(engine: Engine, folder: Path, seconds: float, rounds: int) -> list[Figure]:
    """All figures of one engine."""
    share = _own_share(engine, folder / "look", seconds)
    pairs = [
        [_load(engine, folder / f"{at}-{sampling}", seconds, sampling=sampling) for sampling in (False, True)]
        for at in range(rounds)
    ]
    throughput = statistics.median(beside.throughput_tok_s / alone.throughput_tok_s for alone, beside in pairs)
    cpu = statistics.median(beside.loadgen_cpu_s / alone.loadgen_cpu_s for alone, beside in pairs)
    how = f"median of {rounds} pairs, {STREAMS} streams at {RATE_TOK_S:g} tokens/s, window {seconds:g} s"
    return [
        untargeted("CPU of the sampler", 100 * share, "% of one CPU", "10 samples a second, the kit included"),
        untargeted("throughput, sampled : not", throughput, "ratio", how),
        untargeted("CPU of the load generator, sampled : not", cpu, "ratio", how),
    ]


@contextlib.contextmanager
def _engine(*, docker: bool) -> Iterator[Engine]:
    if not docker:
        yield ProcessEngine()
        return
    with connect("benchmark-telemetry") as host, host.only_kit():
        images = ready_images(host.images, [], None, lambda _: None)
        yield host.engine(images.loadgen)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.telemetry", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each window")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of loads without and with the sampler")
    parser.add_argument("--docker", action="store_true", help="in containers, the sampler as a sidecar")
    asked = parser.parse_args(arguments)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="kit-telemetry-") as scratch,
            _engine(docker=asked.docker) as engine,
        ):
            found = figures(engine, Path(scratch), asked.seconds, asked.rounds)
    except KitError as error:
        parser.exit(error.exit_code, f"{error}\n")
    print(text_table(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
