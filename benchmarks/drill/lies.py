"""The lies, each as a careful liar tells it: what is changed, and what it costs him.

Hours are what the writing took, or would take somebody who knows the kit's source. No lie needs a fast machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from random import Random

from benchmarks.drill.forging import Loot, later, mapped, moved, retimed
from benchmarks.drill.making import Pace, made
from kit.catalogue import model
from kit.documents import Cell, ModelPin, Record, Window
from kit.timestamps import utc_ns

MS, S = 1_000_000, 1_000_000_000
BATCHED = "llamacpp-batched"


@dataclass(frozen=True, slots=True)
class Lie:
    """One lie: its words, how it is told, and how many hours it takes to write."""

    name: str
    what: str
    tell: Callable[[Loot], None]
    hours: float
    careless: bool = False  # told after everything was made to fit


def slowest_dropped(loot: Loot) -> None:
    """The slowest twentieth of each cell's requests taken out, the others numbered anew."""

    for name, records in list(loot.records.items()):
        by_latency = sorted(records, key=lambda record: record.done_ns - record.intended_ns)
        slow = {record.id for record in by_latency[-max(1, len(records) // 20) :]}
        kept = [record for record in records if record.id not in slow]
        texts = {record.id: text for record, text in zip(records, loot.texts[name], strict=True)}
        loot.texts[name] = [texts[record.id] for record in kept]
        loot.records[name] = [replace(record, id=at) for at, record in enumerate(kept)]


def tail_cut(loot: Loot) -> None:
    """The last requests of each cell, slow ones of the window among them, never came."""
    for name, records in loot.records.items():
        keep = len(records) - (loot.cells[name].concurrency or 1) - 1
        loot.records[name], loot.texts[name] = records[:keep], loot.texts[name][:keep]


def scaled(loot: Loot) -> None:
    """Every time of the run, of both clocks and of the plan, is four fifths of what it was."""
    first = min(loot.cells.values(), key=lambda cell: cell.started_utc)
    origin = first.facts.origin_ns if first.facts else 0

    def less(at_ns: int) -> int:
        return at_ns * 4 // 5

    mapped(loot, lambda _, records: [retimed(record, less) for record in records])
    workload = loot.plan.workload
    warmup_ns, window_ns = less(workload.warmup_ns), less(workload.window_ns)
    loot.plan = replace(loot.plan, workload=replace(workload, warmup_ns=warmup_ns, window_ns=window_ns))
    zero = utc_ns(first.started_utc)
    for name, cell in loot.cells.items():
        facts, server, load = cell.facts, cell.server, cell.load
        assert facts
        assert server
        assert load

        def utc(text: str) -> str:
            return moved(text, lambda at: zero + less(at - zero))

        window = Window(warmup_ns, warmup_ns + window_ns)
        loot.cells[name] = replace(
            cell,
            started_utc=utc(cell.started_utc),
            ended_utc=utc(cell.ended_utc),
            duration_ns=less(cell.duration_ns),
            phases=tuple(
                replace(phase, started_ns=less(phase.started_ns), ended_ns=less(phase.ended_ns))
                for phase in cell.phases
            ),
            load=replace(load, warmup_ns=warmup_ns, window_ns=window_ns),
            facts=replace(
                facts, origin_utc=utc(facts.origin_utc), ended_utc=utc(facts.ended_utc), window=window,
                origin_ns=origin + less(facts.origin_ns - origin), duration_ns=less(facts.duration_ns),
            ),
            server=replace(
                server, started_utc=utc(server.started_utc), stopped_utc=utc(server.stopped_utc or cell.ended_utc)
            ),
        )  # fmt: skip


def window_moved(loot: Loot) -> None:
    """Two bad seconds, with the errors in them, become part of the warm-up, in the plan as well."""
    workload = loot.plan.workload
    warmup_ns, window_ns = workload.warmup_ns + 2 * S, workload.window_ns - 2 * S
    loot.plan = replace(loot.plan, workload=replace(workload, warmup_ns=warmup_ns, window_ns=window_ns))
    for name, cell in loot.cells.items():
        assert cell.load
        assert cell.facts
        facts = replace(cell.facts, window=Window(warmup_ns, warmup_ns + window_ns))
        load = replace(cell.load, warmup_ns=warmup_ns, window_ns=window_ns)
        loot.cells[name] = replace(cell, load=load, facts=facts)


def smaller_model(loot: Loot) -> None:
    """What 135 million parameters did is sold as the work of 1.5 billion."""
    entry = model("qwen2.5-coder-1.5b-instruct-q4_k_m")
    assert entry.sha256
    assert entry.bytes
    pin = ModelPin(entry.name, entry.file, entry.sha256, entry.bytes, entry.confirmed)
    loot.plan = replace(loot.plan, model=pin)
    for name, cell in loot.cells.items():
        assert cell.server
        loot.cells[name] = replace(cell, server=replace(cell.server, model_sha256=entry.sha256))


def _of(loot: Loot, concurrency: int, entry: str = BATCHED) -> list[str]:
    return [name for name, cell in loot.cells.items() if cell.concurrency == concurrency and cell.entry == entry]


def pasted(loot: Loot) -> None:
    """Answers of the runs with one user stand side by side as those of four."""
    sources = [record for name in _of(loot, 1) for record in loot.records[name] if len(record.chunks) > 20]
    for name in _of(loot, 4):
        made(loot, name, _replay(sources))


def _replay(sources: list[Record]) -> Pace:
    """Each request takes the times of the next source, and more of the one after if it needs them."""
    turn = 0

    def pace(sent_ns: int, tokens: int) -> list[int]:
        nonlocal turn
        gaps: list[int] = []
        while len(gaps) < tokens:
            record = sources[turn % len(sources)]
            turn += 1
            stamps = [record.sent_ns or 0, *(chunk[0] for chunk in record.chunks)]
            new = [after - before for before, after in pairwise(stamps)]
            gaps += new if not gaps else new[1:]
        return list(accumulate(gaps[:tokens], initial=sent_ns))[1:]

    return pace


def independent(loot: Loot) -> None:
    """Four streams of log-normal noise, each for itself, at twice the pace that there was."""
    for name in _of(loot, 4):
        made(loot, name, noisy(Random(name), first_ms=120, gap_ms=11.0, sigma=0.3))


def noisy(random: Random, first_ms: float, gap_ms: float, sigma: float) -> Pace:
    def pace(sent_ns: int, tokens: int) -> list[int]:
        first = int(first_ms * MS * random.lognormvariate(0, sigma / 2))
        gaps = [max(1000, int(gap_ms * MS * random.lognormvariate(0, sigma))) for _ in range(tokens - 1)]
        return list(accumulate([first, *gaps], initial=sent_ns))[1:]

    return pace


def from_nothing(loot: Loot) -> None:
    """All cells five times as fast as they were, from one loop and a bell curve."""
    for name, cell in list(loot.cells.items()):
        random, users = Random(name), cell.concurrency or 1
        serial = cell.entry != BATCHED
        made(loot, name, _serial(random) if serial else _bell(random, 2.3 * (1 + users / 4)))


def _bell(random: Random, gap_ms: float) -> Pace:
    def pace(sent_ns: int, tokens: int) -> list[int]:
        gaps = [int(random.gauss(gap_ms, gap_ms / 12) * MS) for _ in range(tokens - 1)]
        return list(accumulate([40 * MS, *gaps], initial=sent_ns))[1:]

    return pace


def _serial(random: Random) -> Pace:
    free_ns = 0

    def pace(sent_ns: int, tokens: int) -> list[int]:
        nonlocal free_ns
        times = _bell(random, 2.3)(max(sent_ns, free_ns), tokens)
        free_ns = times[-1]
        return times

    return pace


def knowing(loot: Loot) -> None:
    """All cells five times as fast, by somebody who has read these rules: common steps, a tail, noise."""
    for name, cell in list(loot.cells.items()):
        one = cell.entry != BATCHED
        made(loot, name, _stepping(Random(name), 2.3, one_at_a_time=one))


def _stepping(random: Random, step_ms: float, *, one_at_a_time: bool) -> Pace:
    """Streams get their chunks at the steps of one server; a step is sometimes long, delivery takes a moment."""
    steps, free_ns = [0], 0

    def pace(sent_ns: int, tokens: int) -> list[int]:
        nonlocal free_ns
        ready_ns = max(sent_ns, free_ns if one_at_a_time else 0) + 35 * MS
        times: list[int] = []
        at = 0
        while len(times) < tokens:
            if at == len(steps):
                tail = random.paretovariate(3) if random.random() < 0.05 else 1.0
                steps.append(steps[-1] + int(step_ms * MS * tail * random.lognormvariate(0, 0.06)))
            if steps[at] >= ready_ns:
                earliest = times[-1] + 1 if times else 0
                times.append(max(earliest, steps[at] + int(random.expovariate(1 / 60_000))))
            at += 1
        free_ns = times[-1]
        return times

    return pace


def copied_replicate(loot: Loot) -> None:
    """The first replicate was the only one: the second has its times."""
    for name in [name for name in loot.cells if name.startswith("r2-")]:
        made(loot, name, _replay([r for r in loot.records["r1" + name[2:]] if len(r.chunks) > 20]))


def mixed(loot: Loot) -> None:
    """Some cells are those of another run, the better one, at the same time of day."""
    for name in sorted(loot.cells)[::2]:
        cell = loot.cells[name]
        assert cell.facts
        other_boot = replace(cell.facts, origin_ns=cell.facts.origin_ns + 5_127 * S)
        loot.cells[name] = replace(cell, facts=other_boot)


def smoothed(loot: Loot) -> None:
    """The gaps of each request averaged over eleven, so that no percentile looks bad."""

    def smooth(record: Record) -> Record:
        times = [chunk[0] for chunk in record.chunks]
        if len(times) < 3:
            return record
        gaps = [b - a for a, b in pairwise(times)]
        near = [gaps[max(0, at - 5) : at + 6] for at in range(len(gaps))]
        means = [sum(each) // len(each) for each in near]
        even = list(accumulate(means, initial=times[0]))
        span, old = even[-1] - even[0] or 1, times[-1] - times[0]
        stamps = [times[0] + (at - even[0]) * old // span for at in even]
        chunks = tuple((at, *chunk[1:]) for at, chunk in zip(stamps, record.chunks, strict=True))
        return replace(record, chunks=chunks)

    mapped(loot, lambda _, records: [smooth(record) for record in records])


def rounded(loot: Loot) -> None:
    """Stamps written by hand, in tenths of a millisecond."""
    mapped(loot, lambda _, records: [retimed(record, lambda at: at // 100_000 * 100_000) for record in records])
    for name, cell in loot.cells.items():
        assert cell.facts
        more = -(-cell.facts.duration_ns // 100_000) * 100_000
        loot.cells[name] = replace(cell, facts=replace(cell.facts, duration_ns=more))


def resigned(loot: Loot) -> None:
    """Another's bundle, with another machine and another day in it."""
    loot.files["host.json"] = loot.files["host.json"].replace(b'"cpus": 2', b'"cpus": 4')

    def tomorrow(cell: Cell) -> Cell:
        return later(cell, 86_400 * S)

    loot.cells = {name: tomorrow(cell) for name, cell in loot.cells.items()}
    started = moved(loot.calibration.started_utc, lambda at: at + 86_400 * S)
    loot.calibration = replace(loot.calibration, started_utc=started, cpus=loot.calibration.cpus)


def headline(loot: Loot) -> None:
    """Throughputs doubled where they are read; told after all was made to fit."""
    for name, cell in loot.cells.items():
        assert cell.metrics
        better = 2 * (cell.metrics.throughput_tok_s or 0)
        loot.cells[name] = replace(cell, metrics=replace(cell.metrics, throughput_tok_s=better))


LIES = (
    Lie("headline edited", "throughput doubled in cells and result", headline, 0.1, careless=True),
    Lie("slowest 5 % dropped", "requests taken out, the others numbered anew", slowest_dropped, 0.5),
    Lie("tail cut", "the last requests of each cell never came", tail_cut, 0.2),
    Lie("errors moved to the warm-up", "two seconds of the window, in the plan too", window_moved, 0.5),
    Lie("times scaled", "every stamp, both clocks and the plan times 0.8", scaled, 2),
    Lie("smaller model", "records of 135M as those of 1.5B", smaller_model, 0.2),
    Lie("streams pasted", "four runs with one user as one with four", pasted, 3),
    Lie("replicate copied", "r2 has the times of r1", copied_replicate, 3),
    Lie("independent noise", "streams of log-normal noise, four users", independent, 3),
    Lie("made from nothing", "all cells at 5 times the truth, a bell curve", from_nothing, 4),
    Lie("made by one who knows", "all cells at 5 times the truth, with steps and a tail", knowing, 8),
    Lie("runs mixed", "half of the cells from another run", mixed, 0.5),
    Lie("stamps smoothed", "gaps averaged over eleven", smoothed, 0.5),
    Lie("stamps rounded", "to 0.1 ms", rounded, 0.2),
    Lie("another's bundle", "other machine and day, signed anew", resigned, 0.3),
)
