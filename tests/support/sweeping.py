"""Sweeps over an engine that starts nothing: its records are those of a server with four slots."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from pathlib import Path

from kit.documents import Load, Loop, OutputTokens, Record, SearchRule, Slo, Sweep
from kit.engines.protocol import OnLine
from kit.plan.schedule import planned_request
from kit.reference.timing import Delay, Slots, drawn_ns
from kit.run.load_request import LoadRequest
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
MS, SECOND_NS, TOKEN_NS = 1_000_000, 1_000_000_000, 10_000_000
LENGTHS = OutputTokens("uniform", 16, 64)


def users(*levels: int) -> tuple[Loop, ...]:
    return tuple(Loop("closed", level) for level in levels)


def of_slots(load: Load) -> list[Record]:
    """A server that answers four users at once in 100 ms; more of them wait in proportion."""
    level = load.loop.concurrency or (load.loop.rate_milli_per_s or 0) // 1000
    last_ms = 100 * max(1, level / SLOTS)
    chunks = tuple(last_ms * part / 10 for part in range(1, 11))
    return [make_record(i, chunks_ms=chunks) for i in range(5 * min(level, SLOTS))]


def virtual(slots: int, seed: int) -> Callable[[Load], list[Record]]:
    """The first second of a closed loop on the reference endpoint's own queue and delays, without its clock.

    Up to `slots` users wait for about 50 ms; one more makes everyone wait for a place.
    """
    ttft = Delay("lognormal", 50 * MS, 2 * MS)

    def answer(load: Load) -> list[Record]:
        places, found = Slots[tuple[int, int]](slots), list[Record]()
        due = [(0, "send", worker) for worker in range(load.loop.concurrency or 0)]
        sent: dict[int, int] = {}

        def begin(request: int, worker: int, start_ns: int) -> None:
            tokens = planned_request(load.seed, load.lane, request, load.prompts.count, LENGTHS).max_tokens
            first_ns = start_ns + drawn_ns(ttft, seed, load.lane, request)
            last_ns = first_ns + (tokens - 1) * TOKEN_NS
            chunks = tuple(at_ns / MS for at_ns in (first_ns, last_ns))
            found.append(make_record(request, sent_ms=sent[request] / MS, chunks_ms=chunks, tokens=tokens))
            heapq.heappush(due, (last_ns, "done", worker))

        while due and due[0][0] < SECOND_NS:
            at_ns, what, worker = heapq.heappop(due)
            if what == "done":
                heapq.heappush(due, (at_ns, "send", worker))
                taken = places.leave(at_ns)
                if taken is not None:
                    begin(*taken[0], taken[1])
                continue
            request = len(sent)
            sent[request] = at_ns
            start_ns = places.arrive((request, worker), at_ns)
            if start_ns is not None:
                begin(request, worker, start_ns)
        return found

    return answer


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


def searched(folder: Path, rule: SearchRule, engine: FakeEngine) -> Sweep:
    return run_sweep(REQUEST, (), folder, engine, lambda *_: None, search=rule)
