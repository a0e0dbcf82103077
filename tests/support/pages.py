"""Reports made up for tests: a study with everything in it that a page must bear, and a very large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kit.documents.study import Study, Subject
from kit.report.page.inputs import WHICH, PageInput
from kit.report.plots.distributions import Quantiles, Times
from kit.report.plots.timeline import Stream, Timeline
from tests.support.studies import replicated, study

HOSTILE = "</script></style><img src=x onerror=alert(1)><!-- <script> \u2028 \u202egpj.exe & \"q\" 'a' `b` [x](y)"
ENTRIES = ("llamacpp", "vllm", "ollama", "realizar", "realizar-wgpu")
LEVELS = (1, 4, 8, 16, 32, 64, 128)


def figures(entry: int, level: int) -> dict[str, Sequence[float]]:
    """Three replicates of something that saturates, another for each entry."""
    base = 150.0 * (1 + 0.3 * entry)
    tok_s = [base * level / (1 + level / 40) * (1 + 0.01 * turn) for turn in range(3)]
    ttft = [(30.0 + 10 * entry) * (1 + level / 10) * (1 + 0.02 * turn) for turn in range(3)]
    return {
        "throughput_tok_s": tok_s,
        "decode_tok_s": [value / level for value in tok_s],
        "ttft_ms.p50": ttft,
        "ttft_ms.p99": [3 * value for value in ttft],
        "ttft_ms.min": [value / 2 for value in ttft],
        "ttft_ms.max": [5 * value for value in ttft],
        "itl_ms.p50": [1000 * level / value for value in tok_s],
        "itl_ms.p99": [3000 * level / value for value in tok_s],
        "error_rate": [0.0] * 3,
    }


def subjects(entries: Sequence[str] = ENTRIES, levels: Sequence[int] = LEVELS) -> list[Subject]:
    return [replicated(entry, level, figures(n, level)) for n, entry in enumerate(entries) for level in levels]


def known(of: Study) -> dict[Times, dict[tuple[str, int], Quantiles]]:
    """Quantiles for each subject, as records would give them."""
    return {
        which: {
            (each.entry, each.concurrency): Quantiles(
                each.entry,
                each.concurrency,
                5000,
                *(each.concurrency * part for part in (2.0, 4, 5, 7, 9, 20, 60)),
            )
            for each in of.subjects
        }
        for which in WHICH
    }


def made_timeline(entry: str, marks: int, cell: str = "r1-c32-llamacpp") -> Timeline:
    """32 requests with so many marks in all."""
    each = marks // 32
    streams = tuple(
        Stream(
            n,
            n * 0.05,
            n * 0.05 + 0.3,
            3.9,
            tuple(round(n * 0.05 + 0.3 + k * 0.01, 4) for k in range(each)),
            "ok",
            each,
        )
        for n in range(32)
    )
    return Timeline(cell, entry, 32, 28.0, 4.0, 60.0, streams, 32)


def large() -> list[PageInput]:
    """Ten platforms of five runtimes at seven concurrencies, with a full timeline of two cells each."""
    inputs = []
    for n in range(10):
        made = replace(study(*subjects()), name=f"platform-{n}", title=f"Platform number {n}")
        lines = tuple(made_timeline(entry, 2000) for entry in ENTRIES[:2])
        inputs.append(PageInput(made, f"platform-{n}.tar.gz", "bundle", quantiles=known(made), timelines=lines))
    return inputs


def hostile() -> list[PageInput]:
    """Hostile words wherever a bundle or an imported file has free text."""
    good = study(*subjects(("llamacpp", "vllm"), (1, 4)))
    lost = good.subjects[0].trials[0]
    trials = (replace(lost, status="failed", reason=HOSTILE, values={}), *good.subjects[0].trials[1:])
    doubted = tuple(replace(each, suspect=(HOSTILE,)) for each in good.subjects[1].trials)
    bad = (replace(good.subjects[0], trials=trials), replace(good.subjects[1], trials=doubted, model=HOSTILE))
    mine = replace(good, title=HOSTILE, note=HOSTILE, subjects=(*bad, *good.subjects[2:]))
    theirs = replace(mine, origin="imported", label=None, name="theirs", hardware=None)
    return [PageInput(mine, f"{HOSTILE[:20]}.tar.gz", "bundle"), PageInput(theirs, "theirs.json", "imported")]
