"""Studies made up for tests: entries with given figures, one trial for each value of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kit.documents import OutputTokens
from kit.documents.pins import Hardware
from kit.documents.study import Conditions, Study, Subject, Trial

SHA = "a" * 64
CONDITIONS = Conditions(
    method="kit",
    loop="closed",
    prompts="short",
    prompts_sha256="b" * 64,
    output_tokens=OutputTokens("uniform", 16, 64),
    ignore_eos=True,
    warmup_s=5.0,
    window_s=60.0,
)
LAPTOP = Hardware("NVIDIA GeForce RTX 4060 Laptop GPU, 8 GB", "nvidia", 256.0, "a data sheet", 1900)


def trial(replicate: int = 1, status: str = "measured", /, **values: float | None) -> Trial:
    """One replicate; figures by path with "__" for the dot: `ttft_ms__p50=12.0`."""
    measured = status == "measured"
    return Trial(
        replicate=replicate,
        source=f"cell-{replicate}",
        status="measured" if measured else "failed" if status == "failed" else "missing",
        reason="" if measured else "ready: the server exited",
        suspect=(),
        measured_utc="2026-11-22T10:00:00.000000Z" if measured else None,
        values={path.replace("__", "."): value for path, value in values.items()} if measured else {},
    )


def subject(entry: str, concurrency: int, *trials: Trial, **values: float | None) -> Subject:
    """An entry at a concurrency, with the trials given or one with these figures."""
    return Subject(
        entry=entry,
        runtime=entry.partition("-")[0],
        variant="cpu",
        model="smollm2-135m-instruct-q4_1",
        model_sha256=SHA,
        weights_bytes=98_362_432,
        concurrency=concurrency,
        trials=trials or (trial(1, "measured", **values),),
    )


def replicated(entry: str, concurrency: int, figures: Mapping[str, Sequence[float]]) -> Subject:
    """An entry with as many replicates as each list has values; paths as they are ("ttft_ms.p50")."""
    count = len(next(iter(figures.values())))
    trials = [
        replace(trial(number + 1), values={path: values[number] for path, values in figures.items()})
        for number in range(count)
    ]
    return subject(entry, concurrency, *trials)


def study(*subjects: Subject, conditions: Conditions = CONDITIONS, hardware: Hardware | None = LAPTOP) -> Study:
    """A run of ours with these subjects."""
    return Study(
        schema="kit/study/1",
        kit_version="0.1.0",
        origin="run",
        name="yoga",
        title="Made up for a test",
        identity="c" * 64,
        label="self-reported",
        hardware=hardware,
        published="yoga",
        conditions=conditions,
        subjects=subjects,
    )
