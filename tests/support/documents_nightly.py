"""A night in which a platform became slower."""

from __future__ import annotations

from kit.documents.nightly import Nightly, NightlyLine, NightlyPlatform, NightlyStage
from kit.run.nightly import STEPS

NIGHT = Nightly(
    schema="kit/nightly/1",
    kit_version="0.1.0",
    started_utc="2026-11-22T02:00:00.000000Z",
    ended_utc="2026-11-22T02:10:00.000000Z",
    exit_code=1,
    platforms=(
        NightlyPlatform(
            platform="demo",
            run="nightly/demo-20261122-020000",
            passed=False,
            measured=True,
            stages=tuple(
                NightlyStage(name, "failed" if name == "comparison" else "passed", "words") for name in STEPS
            ),
            verdict="slower",
            compared_with="nightly/accepted/demo-20261121-020000.tar.gz",
            slower_at_most=0.55,
            lines=(
                NightlyLine("llamacpp-serial", 4, "throughput_tok_s", "slower", 0.5, 0.45, 0.55, ""),
                NightlyLine(
                    "llamacpp-batched", 4, "throughput_tok_s", "new", None, None, None, "no such entry in B"
                ),
            ),
            accepted=None,
        ),
    ),
)
