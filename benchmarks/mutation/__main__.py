"""Prints which mutants the unit tests did not notice, a JSON line each, and the score on standard error.

    python -m benchmarks.mutation [--sample N] [--seed N] [--only PART] [--out FILE] [PACKAGE=TESTS ...]

PACKAGE and TESTS are folders; without any it is what judges a bundle: kit/metrics, kit/verify, kit/judge/score.
The exit code is 0 whatever survives; it is 1 if the tests fail without a mutant.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

from benchmarks.mutation.runner import Job, Outcome, Target, Warm, jobs_of, results
from benchmarks.mutation.score import score_text

DEFAULT = (
    "kit/metrics=tests/unit/metrics",
    "kit/verify=tests/unit/verify",
    "kit/judge/score=tests/unit/judge/score",
)
PROGRESS_EVERY = 50


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description="Which mutants survive.")
    parser.add_argument("--sample", type=int, metavar="N", help="try so many, drawn at random; default: all")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default 1)")
    parser.add_argument("--only", default="", metavar="PART", help="files whose path holds this")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write; default: standard output")
    parser.add_argument("targets", nargs="*", default=DEFAULT, metavar="PACKAGE=TESTS")
    return parser.parse_args(arguments)


def target_of(text: str) -> Target:
    package, _, tests = text.partition("=")
    return Target(Path(package), Path(tests))


def line(job: Job, outcome: Outcome) -> str:
    """One survivor: where it is and what was changed."""
    mutant = job.mutant
    found = {
        "path": str(job.path),
        "line": mutant.line,
        "mutant": mutant.index,
        "operator": mutant.operator,
        "before": mutant.before,
        "after": mutant.after,
        "outcome": outcome,
    }
    return json.dumps(found, ensure_ascii=False) + "\n"


def _chosen(jobs: list[Job], sample: int | None, seed: int) -> list[Job]:
    """All of them, or a sample, in the order of the files."""
    if sample is None or sample >= len(jobs):
        return jobs
    places = sorted(random.Random(seed).sample(range(len(jobs)), sample))
    return [jobs[place] for place in places]


def main(arguments: Sequence[str]) -> int:
    chosen = options(arguments)
    os.environ.setdefault("CI", "1")  # the same examples of property tests for each mutant
    sys.path.insert(0, str(Path.cwd()))
    targets = [target_of(text) for text in chosen.targets]
    begun = time.monotonic()
    try:
        warm = Warm(targets)
        for target in targets:
            sys.stderr.write(f"{target.package}: its tests take {warm.baseline(target):.1f} s unchanged\n")
    except RuntimeError as error:
        sys.stderr.write(f"{error} Run them by themselves first.\n")
        return 1
    everything = [job for target in targets for job in jobs_of(target) if chosen.only in str(job.path)]
    jobs = _chosen(everything, chosen.sample, chosen.seed)
    out = chosen.out.open("w", encoding="utf-8") if chosen.out else nullcontext(sys.stdout)
    with out as file:
        counts = _run(warm, jobs, file)
    for target in targets:
        whole = sum(job.target == target for job in everything)
        killed, tried = counts[target, True], counts[target, True] + counts[target, False]
        sys.stderr.write(f"{target.package}: {score_text(killed, tried, whole)}\n")
    killed = sum(count for (_, noticed), count in counts.items() if noticed)
    took = f" in {(time.monotonic() - begun) / 60:.1f} minutes"
    sys.stderr.write(f"all: {score_text(killed, len(jobs), len(everything))}{took}\n")
    return 0


def _run(warm: Warm, jobs: list[Job], out: TextIO) -> Counter[tuple[Target, bool]]:
    counts: Counter[tuple[Target, bool]] = Counter()
    for number, (job, outcome) in enumerate(results(warm, jobs), 1):
        counts[job.target, outcome != "survived"] += 1
        if outcome == "survived":
            out.write(line(job, outcome))
            out.flush()
        if number % PROGRESS_EVERY == 0:
            sys.stderr.write(
                f"{number} of {len(jobs)}: {sum(c for (_, k), c in counts.items() if not k)} survived\n"
            )
    return counts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
