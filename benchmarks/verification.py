"""How fast bundles are verified, and in how much memory.

    python -m benchmarks.verification [FOLDER] [--quick]

Makes bundles like the tests' good run, with more and longer answers, and verifies each as `kit verify` does: in a
process with limits, of one thread. Prints time and peak memory beside their targets. With --quick only the
smallest. FOLDER keeps the bundles for the next time.
"""

from __future__ import annotations

import heapq
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from benchmarks.figure import Figure, at_most, untargeted
from benchmarks.table import text_table
from kit.catalogue import model
from kit.documents import Cell, CellPlan, OutputTokens, Plan, Record
from kit.documents.chunks import Chunks
from kit.judge.limited import LimitedJudge
from kit.metrics.results import make_result
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.plan.schedule import planned_request
from kit.storage.bundle import pack_files
from kit.strict import plain, write_json
from tests.support.calibrations import START_NS, good_calibration
from tests.support.good_bundle import Files, cell_of, good_host, good_look, jsonl
from tests.support.toy_server import MS, SERVED_MODEL

MB = 1_000_000
WORDS = ("the", " server", " streams", " its", " answer", " one", " token", " at", " a", " time", ",")
FIRST_NS = 9 * MS


@dataclass(frozen=True, slots=True)
class Size:
    """A bundle of replicates of 2 entries at 1 and 2 users, each cell with so long a window, and its targets."""

    name: str
    replicates: int
    window_s: float
    tokens: int
    gap_ns: int
    seconds: float
    megabytes: float | None
    archive_megabytes: float | None = None


SIZES = (
    Size("2 million chunks", 1, 66.0, 200, 200_000, 4.0, None),
    Size("10 million chunks", 1, 330.0, 200, 200_000, 20.0, 600.0),
    Size("88 cells of 60 s", 22, 60.0, 128, 7 * MS, 60.0, None, 60.0),
)


# --- a bundle ---------------------------------------------------------------------------------------------


def plan_of(size: Size) -> Plan:
    demo = load_platform("demo")
    workload = replace(
        demo.workload,
        concurrencies=(1, 2),
        replicates=size.replicates,
        warmup_s=1.0,
        window_s=size.window_s,
        drain_s=5.0,
        output_tokens=OutputTokens("uniform", size.tokens, size.tokens),
    )
    suite = load_suite(demo.correctness.name, demo.correctness.level)
    planned = replace(demo, workload=workload)
    prompts = load_prompts(workload.prompts)
    return replace(make_plan(planned, model(demo.model), prompts, suite, cpus=2, seed=None), attempts=1)


def loaded(plan: Plan, cell: CellPlan, gap_ns: int) -> tuple[list[tuple[Record, str]], int]:
    """Records and texts of a closed loop whose requests all end well, and when the load was over."""
    draw = random.Random(cell.id)
    end_ns = plan.workload.warmup_ns + plan.workload.window_ns
    workers = [(0, worker) for worker in range(cell.concurrency)]
    made: list[tuple[Record, str]] = []
    over_ns = end_ns
    while workers[0][0] < over_ns:
        intended_ns, worker = heapq.heappop(workers)
        record, text = answered(plan, cell, (len(made), worker, intended_ns), gap_ns, draw)
        if record.sent_ns is not None and record.sent_ns < end_ns:
            over_ns = max(over_ns, record.done_ns)
        made.append((record, text))
        heapq.heappush(workers, (record.done_ns, worker))
    over_ns += 30_000
    return [
        (cut(record, over_ns), text) if record.done_ns > over_ns else (record, text) for record, text in made
    ], over_ns


def answered(
    plan: Plan, cell: CellPlan, who: tuple[int, int, int], gap_ns: int, draw: random.Random
) -> tuple[Record, str]:
    index, worker, intended_ns = who
    asked = planned_request(plan.seed, cell.lane, index, plan.prompts.count, plan.workload.output_tokens)
    at_ns = intended_ns + 40_000 + FIRST_NS
    stamps, words = [], []
    for _ in range(asked.max_tokens):
        at_ns += draw.randrange(gap_ns * 9 // 10, gap_ns * 11 // 10)
        stamps.append(at_ns)
        words.append(draw.choice(WORDS))
    words[0] = f" {asked.salt}"
    text = "".join(words)
    record = Record(
        id=index, worker=worker, prompt=asked.prompt, salt=asked.salt, max_tokens=asked.max_tokens,
        intended_ns=intended_ns, connect_ns=intended_ns + 5_000 if intended_ns == 0 else None,
        sent_ns=intended_ns + 40_000, headers_ns=intended_ns + 340_000, first_event_ns=intended_ns + 340_000,
        done_ns=at_ns, status=200, outcome="ok", error=None, error_detail="", finish_reason="length",
        done_seen=True, prompt_tokens=7, completion_tokens=asked.max_tokens, cached_tokens=None,
        token_source="usage", model=SERVED_MODEL, text_chars=len(text),
        text_sha256=sha256(text.encode()).hexdigest(),
        chunks=Chunks(stamps, [len(word) for word in words], [0] * len(words)), chunk_tokens=None,
    )  # fmt: skip
    return record, text


def cut(record: Record, over_ns: int) -> Record:
    """A request that the end of the load took before its answer began."""
    return replace(
        record, headers_ns=None, first_event_ns=None, done_ns=over_ns, status=None, outcome="unfinished",
        finish_reason=None, done_seen=False, prompt_tokens=None, completion_tokens=None, token_source=None,
        model=None, text_chars=0, text_sha256=sha256(b"").hexdigest(), chunks=(),
    )  # fmt: skip


def made(size: Size) -> bytes:
    """The archive of a bundle of that size."""
    plan = plan_of(size)
    calibration = good_calibration()
    files: Files = {"plan.json": write_json(plain(plan)), "host.json": write_json(plain(good_host()))}
    files["telemetry.jsonl"] = jsonl(good_look())
    files["calibration.json"] = write_json(plain(calibration))
    cells: dict[str, Cell] = {}
    start_ns = START_NS
    for planned in plan.cells:
        judged, over_ns = loaded(plan, planned, size.gap_ns)
        judged = [(record, text if record.chunks else "") for record, text in judged]
        cells[planned.id], more = cell_of(plan, planned, start_ns, judged, over_ns)
        files |= {f"cells/{planned.id}/{name}": data for name, data in more.items()}
        files[f"cells/{planned.id}/cell.json"] = write_json(plain(cells[planned.id]))
        start_ns += cells[planned.id].duration_ns + 20 * MS
    result = make_result(plan, sha256(files["plan.json"]).hexdigest(), cells, calibration)
    files["result.json"] = write_json(plain(result))
    return pack_files(files).data


# --- the measurement --------------------------------------------------------------------------------------


def verified(path: Path) -> tuple[float, str, Sequence[str]]:
    """How long one verdict took in a judge that runs already, its label, and its gravest findings."""
    with LimitedJudge() as judge:
        judge.verdict(Path("results/demo-2cpu.tar.gz"))
        began = time.perf_counter()
        verdict = judge.verdict(path)
        took_s = time.perf_counter() - began
    graver = [f"{each.rule}: {each.where}: {each.message}" for each in verdict.findings if each.level == "reject"]
    return took_s, verdict.label, graver


def figures(size: Size, path: Path) -> Iterator[Figure]:
    """Run in a process of its own, whose children are the judges of this bundle and nothing else."""
    took_s, label, graver = verified(path)
    if label == "rejected":
        raise SystemExit(f"{size.name}: rejected. {graver[:3]}")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / MB
    archive_mb = path.stat().st_size / MB
    yield at_most(f"{size.name}, time", took_s, size.seconds, "s", f"one core; label {label}")
    for name, value, most in (
        ("memory", peak_mb, size.megabytes),
        ("archive", archive_mb, size.archive_megabytes),
    ):
        words = f"{size.name}, {name}"
        yield untargeted(words, value, "MB", "") if most is None else at_most(words, value, most, "MB", "")


def main(arguments: Sequence[str]) -> int:
    names = [each for each in arguments if not each.startswith("-")]
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as scratch:
        folder = Path(names[0] if names else scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for number, size in enumerate(SIZES[:1] if "--quick" in arguments else SIZES):
            path = folder / f"{size.name.replace(' ', '-')}.tar.gz"
            # Each step in a process of its own: the memory of what made a bundle is not that of who judges it.
            for step in (["make"] if not path.exists() else []) + ["judge"]:
                command = [sys.executable, "-m", "benchmarks.verification", "--", step, str(number), str(path)]
                subprocess.run(command, check=True)
    return 0


def step(what: str, number: str, path: str) -> None:
    size = SIZES[int(number)]
    if what == "make":
        Path(path).write_bytes(made(size))
    else:
        print(text_table(tuple(figures(size, Path(path)))), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--"]:
        step(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))
