"""Does a run beside a busy neighbour ever say what a quiet run contradicts?

    python -m benchmarks.disturbed [--runs N] [--platform NAME] [--window S] [--concurrency N,...]
        [--first N] [--quiet RUN] [--keep DIR]

One run on the quiet machine, then N with a neighbour that burns a CPU for 8 to 20 s and rests as long, at random.
Each verdict, on throughput and on TTFT p50 ("ahead", "tied"), is compared with the quiet run: contradicted if that
has the other entry ahead, or if the two intervals of the ratio do not touch. Also how many cells were disturbed,
measured again and left without a verdict. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from kit.judge.advice import Leader, verdict_of
from kit.judge.compare.ratio import ratio_of
from kit.judge.open import OpenedStudy, verified_study
from kit.judge.study import values_of
from kit.metrics.registry import TTFT_P50
from kit.storage.run_folder import read_folder
from kit.verify.evidence import open_run

SHORTEST_S, LONGEST_S = 8.0, 20.0
DECIDED = ("ahead", "tied")


def neighbour(seed: int) -> None:
    """Burn one CPU for 8 to 20 s, rest as long, until killed."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        time.sleep(chance.uniform(SHORTEST_S, LONGEST_S))
    while True:
        end = time.monotonic() + chance.uniform(SHORTEST_S, LONGEST_S)
        while time.monotonic() < end:
            sum(range(10_000))
        time.sleep(chance.uniform(SHORTEST_S, LONGEST_S))


@contextlib.contextmanager
def beside(seed: int | None) -> Iterator[None]:
    """With a neighbour, or without one if there is no seed."""
    if seed is None:
        yield
        return
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.disturbed", "--burn", str(seed)])
    try:
        yield
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


def measured(folder: Path, chosen: argparse.Namespace, seed: int | None) -> float:
    """Carry the platform out into a folder; how long it took in seconds."""
    command = [sys.executable, "-m", "kit", "reproduce", chosen.platform, "--yes", "--quiet", "--out", str(folder)]
    if chosen.window is not None:
        command += ["--window", str(chosen.window)]
    if chosen.concurrency is not None:
        command += ["--concurrency", chosen.concurrency]
    began = time.monotonic()
    with beside(seed), (folder.parent / f"{folder.name}.log").open("wb") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Count:
    """What became of the cells of a run, and what it said."""

    again: int
    open_cells: int
    decided: int
    contradicted: tuple[str, ...]


def opened(folder: Path) -> OpenedStudy:
    return verified_study(open_run(read_folder(folder)), folder.name)


def contradictions(quiet: OpenedStudy, other: OpenedStudy) -> Iterator[str]:
    """Each decided verdict of `other` that `quiet` contradicts, in words."""
    for leader in verdict_of(other.study):
        if leader.relation in DECIDED and leader.ratio is not None and leader.entry and leader.runner_up:
            yield from _against(quiet, leader, leader.entry, leader.runner_up)


def _against(quiet: OpenedStudy, leader: Leader, entry: str, runner_up: str) -> Iterator[str]:
    subjects = {(each.entry, each.concurrency): each for each in quiet.study.subjects}
    a, b = (subjects[name, leader.concurrency] for name in (entry, runner_up))
    true = ratio_of(values_of(a, leader.metric), values_of(b, leader.metric))
    said = leader.ratio
    if said is None or None in (true.low, true.high, said.low, said.high):
        return
    apart = true.low > said.high or true.high < said.low  # type: ignore[operator]
    behind = true.low > 1 if leader.metric == TTFT_P50 else true.high < 1  # type: ignore[operator]
    turned = leader.relation == "ahead" and behind
    if apart or turned:
        yield (
            f"{leader.metric}, {entry} / {runner_up} at {leader.concurrency}: {leader.relation} "
            f"[{said.low:.3f}, {said.high:.3f}], quiet [{true.low:.3f}, {true.high:.3f}]"
        )


def counted(quiet: OpenedStudy, folder: Path) -> Count:
    """What the run in a folder says, against the quiet one."""
    other = opened(folder)
    cells = other.result.cells if other.result else ()
    decided = sum(leader.relation in DECIDED for leader in verdict_of(other.study))
    return Count(
        again=sum(cell.attempts > 1 for cell in cells),
        open_cells=sum(cell.status != "measured" or bool(cell.suspect) for cell in cells),
        decided=decided,
        contradicted=tuple(contradictions(quiet, other)),
    )


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.disturbed", description="Verdicts beside a neighbour."
    )
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--platform", default="demo")
    parser.add_argument("--window", type=float, help="seconds; the platform's own if left out")
    parser.add_argument("--concurrency", help="the platform's own if left out")
    parser.add_argument("--first", type=int, default=1, help="number of the first run, and seed of its neighbour")
    parser.add_argument("--quiet", type=Path, metavar="RUN", help="a quiet run that is there already")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the runs in this new folder")
    parser.add_argument("--burn", type=int, metavar="SEED", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    chosen = options(arguments)
    if chosen.burn is not None:
        neighbour(chosen.burn)
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as scratch:
        folder = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if chosen.quiet is None:
            measured(folder / "quiet", chosen, None)
        quiet = opened(chosen.quiet or folder / "quiet")
        rows, against = [], []
        for number in range(chosen.first, chosen.first + chosen.runs):
            took_s = measured(folder / f"run{number}", chosen, number)
            count = counted(quiet, folder / f"run{number}")
            rows.append(
                (number, f"{took_s:.0f}", count.again, count.open_cells, count.decided, len(count.contradicted))
            )
            against += [f"run {number}: {words}" for words in count.contradicted]
            sys.stderr.write(f"run {number}: {rows[-1]}\n")
    head = ("run", "seconds", "cells measured again", "cells left open", "verdicts", "contradicted")
    sys.stdout.write(f"{os.cpu_count()} CPUs, {chosen.platform}\n\n{tabulate(rows, head, tablefmt='github')}\n")
    sys.stdout.write("".join(f"\n- {line}" for line in against) + ("\n" if against else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
