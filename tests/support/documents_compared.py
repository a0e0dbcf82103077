"""Good examples of what comparing writes and of what claims are read from."""

from __future__ import annotations

from typing import Any

from kit.documents import MedianInterval
from kit.documents.differences import Differences, EntryAnswers, SameAnswers
from kit.judge.claims import Claim, Claims, FigureReference
from kit.judge.compare.comparison import Comparison, Line, Side
from kit.judge.compare.ratio import Ratio

BATCHED = FigureReference("llamacpp-batched", 4, "throughput_tok_s", platform="demo")
SERIAL = FigureReference("llamacpp-serial", 4, "throughput_tok_s", platform="demo")
BUNDLED = FigureReference("llamacpp-serial", 4, "ttft_ms.p50", bundle="0123456789abcdef" * 4)

CLAIMS = Claims(
    schema="kit/claims/1",
    claims=(
        Claim("batching", "Four slots give more.", "README.md", BATCHED, "at_least_times", SERIAL, factor=1.2),
        Claim("queue", "Users wait.", "docs/method.md", BUNDLED, "within", number=2200.5, tolerance=0.1),
        Claim("more", "More.", "README.md", BATCHED, "greater", SERIAL, needs_interval=False),
    ),
)
COMPARISON = Comparison(
    schema="kit/comparison/1",
    kit_version="0.1.0",
    a=Side("run", "yoga", "A laptop", "0123456789abcdef" * 4, "self-reported"),
    b=Side("published", "yoga", "Somebody's table", None, None),
    tolerance=0.1,
    lines=(
        Line(
            table="aggregate",
            metric="throughput_tok_s",
            entry_a="llamacpp",
            row_b="llama.cpp",
            concurrency=1,
            a=MedianInterval(3, 152.0, 150.0, 155.0),
            b=MedianInterval(1, 158.1, None, None),
            ratio=Ratio(0.96, 0.95, 0.98, 3, 1),
            verdict="reproduced",
            reason="",
            caveat="The prompt came from the cache.",
        ),
        Line(
            table="",
            metric="ttft_ms.p50",
            entry_a="llamacpp",
            row_b="llamacpp",
            concurrency=None,
            a=None,
            b=None,
            ratio=None,
            verdict="not comparable",
            reason="no such entry in B",
            caveat="",
        ),
    ),
    notes=("Other window: 60 s against 8 s.",),
)
DIFFERENCES = Differences(
    schema="kit/differences/1",
    kit_version="0.1.0",
    plan_sha256="0123456789abcdef" * 4,
    shared_prompts=12,
    entries=(
        EntryAnswers(
            entry="llamacpp",
            runtime="llamacpp",
            variant="cpu",
            model_sha256="0123456789abcdef" * 4,
            requests=40,
            prompt_tokens=41.5,
            ended_early=0.25,
            length_of_limit=1.0,
            counted_by=("usage", "chunks"),
            asked_for=("m",),
            named=("m",),
            chat="system-user",
            ignore_eos=True,
            repeated=1.0,
        ),
        EntryAnswers("vllm", "vllm", "cpu", None, 1, None, None, None, (), ("m",), (), "user", False, None),
    ),
    pairs=(SameAnswers("llamacpp", "vllm", 7, 6, 12, 3),),
)
COMPARED: dict[str, Any] = {"claims": CLAIMS, "comparison": COMPARISON, "differences": DIFFERENCES}
