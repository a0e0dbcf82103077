"""One load through the whole tool, `kit load`, and the same requests through the bare loop."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.children import BenchmarkError, Ended, run_counted, wanted
from benchmarks.figure import Bench
from kit.documents import Loop, OutputTokens, Record, Window
from kit.plan.chat_body import body
from kit.plan.prompts import load_prompts
from kit.plan.schedule import planned_request
from kit.run.load_request import LoadRequest, make_load
from kit.storage.cell_folder import read_records
from kit.storage.names import CELL, RECORDS

SEED = 2026
PROMPTS = "short"
MODEL = "reference"
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: closed with `concurrency`, or open with `rate` per second; `requests` or `duration_s`.

    `tokens` of each answer: a number, or a range.
    """

    tokens: int | tuple[int, int]
    concurrency: int | None = None
    rate: float | None = None
    requests: int | None = None
    duration_s: float | None = None
    warmup_s: float = 0
    ignore_eos: bool = False

    @property
    def is_stationary(self) -> bool:
        """Whether there is load before the window and after it."""
        return self.duration_s is not None and self.warmup_s > 0

    @property
    def lengths(self) -> OutputTokens:
        low, high = (self.tokens, self.tokens) if isinstance(self.tokens, int) else self.tokens
        return OutputTokens("uniform", low, high)

    def options(self) -> list[str]:
        given = {
            "--concurrency": self.concurrency,
            "--rate": self.rate,
            "--requests": self.requests,
            "--duration": self.duration_s,
        }
        chosen = [word for name, value in given.items() if value is not None for word in (name, f"{value:.15g}")]
        lengths = f"{self.lengths.min}-{self.lengths.max}"
        eos = ["--ignore-eos"] if self.ignore_eos else []
        return [*chosen, "--warmup", f"{self.warmup_s:g}", "--output-tokens", lengths, *eos]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `kit load` left, and what it cost."""

    folder: Path
    cell: dict[str, Any]
    ended: Ended

    def records(self) -> list[Record]:
        return list(read_records(self.folder / RECORDS))

    @property
    def origin_ns(self) -> int | None:
        """The load's origin on CLOCK_MONOTONIC, where the facts tell it."""
        origin: int | None = self.cell["facts"].get("origin_ns")
        return origin

    @property
    def window(self) -> Window | None:
        found = self.cell["facts"]["window"]
        return Window(found["start_ns"], found["end_ns"]) if found else None


def kit_load(bench: Bench, url: str, ask: Ask, *, limit_s: float = 300, memory: bool = False) -> Loaded:
    """Run `kit load` as a program; `BenchmarkError` if it fails or loses anything but time."""
    folder = bench.new("load")
    command = [
        *(sys.executable, "-m", "kit", "load", "--url", url, "--model", MODEL, *ask.options()),
        *("--prompts", PROMPTS, "--seed", str(SEED), "--out", str(folder), "--quiet"),
    ]
    ended = wanted(run_counted(command, folder, limit_s=limit_s, memory=memory), "kit load")
    if ask.is_stationary:
        bench.stationary.append(folder)
    return Loaded(folder, json.loads((folder / CELL).read_bytes()), ended)


@dataclass(frozen=True, slots=True)
class Bare:
    """What the bare loop says: seconds, and CPU seconds of the loop alone and of the whole program."""

    wall_s: float
    loop_cpu_s: float
    whole_cpu_s: float


def request_file(bench: Bench, url: str, ask: Ask) -> Path:
    """The bodies that `kit load` sends for this, one a line: same prompts, salts, lengths, order."""
    assert ask.requests is not None
    prompts = load_prompts(PROMPTS)
    request = LoadRequest(
        url=url,
        model=MODEL,
        loop=Loop("closed", ask.concurrency),
        warmup_s=0,
        window_s=None,
        requests=ask.requests,
        prompts=PROMPTS,
        output_tokens=ask.lengths,
        ignore_eos=ask.ignore_eos,
        seed=SEED,
    )
    load, texts = make_load(request, prompts), prompts.texts
    planned = [planned_request(SEED, load.lane, i, len(texts), ask.lengths) for i in range(ask.requests)]
    path = bench.new("requests")
    path.write_text(
        "".join(json.dumps(body(load, texts, each), ensure_ascii=False) + "\n" for each in planned),
        encoding="utf-8",
    )
    return path


def bare_load(bench: Bench, url: str, ask: Ask, *, limit_s: float = 180) -> Bare:
    """Run the bare loop as a program; `BenchmarkError` unless every answer came to its end."""
    requests = request_file(bench, url, ask)
    command = [sys.executable, "-m", "benchmarks.bare_loop", url, str(requests), str(ask.concurrency)]
    ended = wanted(run_counted(command, bench.new("bare"), limit_s=limit_s), "the bare loop")
    said = json.loads(ended.output.splitlines()[-1])
    if said["ended"] != ask.requests or said["broken"]:
        raise BenchmarkError(f"The bare loop lost answers: {said}")
    return Bare(said["wall_s"], said["cpu_s"], ended.cpu_s)


def lost_tokens(records: list[Record]) -> int:
    """Tokens asked for (each record says how many of its own) and not received."""
    return sum(record.max_tokens - (record.completion_tokens or 0) for record in records)


def span_s(records: list[Record]) -> float:
    """Seconds from the first request sent to the last answer's end."""
    first = min(record.sent_ns for record in records if record.sent_ns is not None)
    return (max(record.done_ns for record in records) - first) / NS_PER_S
