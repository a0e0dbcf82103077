"""Sweeps over an engine that starts nothing: its records are those of a server with four slots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kit.documents import Load, Loop, OutputTokens, Record, Slo, Sweep
from kit.engines.protocol import OnLine
from kit.run.load import LoadRequest
from kit.run.sweep import run_sweep
from kit.storage.names import RECORDS
from kit.strict import plain, read_json, typed, write_jsonl_line
from tests.support.fakes import FakeEngine, write_load_files
from tests.support.records import make_record

REQUEST = LoadRequest(
    url="http://127.0.0.1:9",
    model="m",
    loop=Loop("closed", 1),
    warmup_s=0,
    window_s=1,
    requests=None,
    prompts="micro",
    output_tokens=OutputTokens("uniform", 16, 64),
    ignore_eos=False,
    seed=0,
    slo=Slo(e2e_ns=100_000_000),
)
SLOTS = 4


def users(*levels: int) -> tuple[Loop, ...]:
    return tuple(Loop("closed", level) for level in levels)


def of_slots(load: Load) -> list[Record]:
    """A server that answers four users at once in 100 ms; more of them wait in proportion."""
    level = load.loop.concurrency or (load.loop.rate_milli_per_s or 0) // 1000
    last_ms = 100 * max(1, level / SLOTS)
    chunks = tuple(last_ms * part / 10 for part in range(1, 11))
    return [make_record(i, chunks_ms=chunks) for i in range(5 * min(level, SLOTS))]


def dead(load: Load) -> list[Record]:
    """Nothing but failures from three users on."""
    if (load.loop.concurrency or 0) < 3:
        return of_slots(load)
    return [make_record(0, chunks_ms=(), outcome="failed", error="connect")]


class Serving(FakeEngine):
    """Leaves the records that `answer` gives for a load; keeps the loads."""

    def __init__(self, answer: Callable[[Load], list[Record]] = of_slots) -> None:
        super().__init__("")
        self.answer = answer
        self.loads: list[Load] = []

    def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
        asked = typed(Load, read_json(load.read_bytes(), "load"), "load")
        self.loads.append(asked)
        on_line('{"event": "progress", "phase": "window"}')
        records = self.answer(asked)
        write_load_files(out)
        (out / RECORDS).write_bytes(b"".join(write_jsonl_line(plain(record)) for record in records))
        return 0


def swept(folder: Path, loops: tuple[Loop, ...], engine: FakeEngine, *, stop: bool = True) -> Sweep:
    return run_sweep(REQUEST, loops, folder, engine, lambda *_: None, stop_at_saturation=stop)
