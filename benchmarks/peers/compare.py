"""One tool against the reference endpoint: is what it reports true, and what did it cost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.children import BenchmarkError, Ended, run_counted, wanted
from benchmarks.endpoint import SATURATED, paced, reference, truths
from benchmarks.peers.known import GAP
from benchmarks.peers.tool import Job, Said, Tool
from kit.metrics.stats import nearest_rank
from kit.reference.truth import Truth

STREAMS, TOKENS = 32, 200
LIMIT_S = 300
GOOD = 0.99  # of the requests: a tool may lose the last when it stops, but then it is said
# Nothing is asked of the network at run time, and nothing is told to anybody.
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What a tool said in a run and what was true in that very run, both in ms and by the tool's own ITL."""

    said: Said
    true: Said
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Cost:
    """`answered` counts the requests that the tool calls good; only their tokens count."""

    answered: int
    tokens_per_cpu_s: float
    cpu_s: float
    wall_s: float


def _run(tool: Tool, python: Path, job: Job) -> tuple[Said, Ended]:
    job.folder.mkdir(parents=True, exist_ok=True)
    at = job.folder.with_name(job.folder.name + "-run")
    environment = {**QUIET, "HF_HUB_OFFLINE": "1"} if tool.offline else QUIET
    command = tool.command(python, job)
    ended = wanted(run_counted(command, at, limit_s=LIMIT_S, environment=environment), tool.name)
    try:
        said = tool.said(job)
    except (OSError, ValueError, KeyError, IndexError, StopIteration, TypeError) as error:
        raise BenchmarkError(f"{tool.name} left no result that can be read: {error!r}") from None
    if said.answered < GOOD * job.requests:
        raise BenchmarkError(f"{tool.name} counts {said.answered} good answers of {job.requests}")
    return said, ended


def true_of(log: Sequence[Truth], itl: str) -> Said:
    """What a perfect client would report, from the truth log."""
    whole = [truth for truth in log if len(truth.sent) > 1]
    ttft = sorted(truth.sent[0][0] - truth.received_ns for truth in whole)
    gaps: list[int] = []
    for truth in whole:
        stamps = [stamp for stamp, _ in truth.sent]
        if itl == GAP:
            gaps += [later - earlier for earlier, later in pairwise(stamps)]
        else:
            gaps.append((stamps[-1] - stamps[0]) // (len(stamps) - 1))
    gaps.sort()
    at = [nearest_rank(values, permille) / 1e6 for values in (ttft, gaps) for permille in (500, 990)]
    return Said(len(whole), *at)


def fidelity(tool: Tool, python: Path, folder: Path, tokenizer: Path, requests: int) -> Fidelity:
    """TTFT 50 ms, 5 ms between tokens."""
    log = folder / f"{tool.name}-truth.jsonl"
    with reference(*paced(), truth=log) as url:
        job = Job(url, STREAMS, requests, TOKENS, tokenizer, folder / f"{tool.name}-fidelity")
        said, ended = _run(tool, python, job)
    return Fidelity(said, true_of(truths(log), tool.itl), ended.cpu_s)


def saturated(tool: Tool, python: Path, folder: Path, tokenizer: Path, requests: int) -> Cost:
    """As fast as the endpoint can, a send for each token."""
    with reference(*SATURATED) as url:
        job = Job(url, STREAMS, requests, TOKENS, tokenizer, folder / f"{tool.name}-saturated")
        said, ended = _run(tool, python, job)
    return Cost(said.answered, said.answered * TOKENS / ended.cpu_s, ended.cpu_s, ended.wall_s)
