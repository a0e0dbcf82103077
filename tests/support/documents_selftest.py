"""A good example of a self test: one entry that was measured and failed, one that never started."""

from __future__ import annotations

from kit.documents import Host
from kit.documents.selftest import SelfTest, SelfTestEntry, SelfTestFailure, SelfTestImage, SelfTestLevel

SHA = "0123456789abcdef" * 4


def selftest(host: Host) -> SelfTest:
    """The example, on this machine."""
    measured = SelfTestLevel(
        users=1,
        status="measured",
        passed=("start", "ready", "device", "correct", "warm-up", "window", "collect", "stop"),
        failure=None,
        right=7,
        asked=7,
        cold_start_ms=812.5,
        requests_ok=12,
        requests_failed=0,
        throughput_tok_s=43.9,
        decode_tok_s=45.0,
        ttft_p50_ms=240.0,
        itl_p50_ms=22.0,
        suspect=(),
    )
    reason = SelfTestFailure("ready", "RuntimeNotReadyError", "The server exited with code 1.")
    failed = SelfTestLevel(4, "failed", ("start",), reason, 0, 0, *(None,) * 7, suspect=())
    missing = SelfTestLevel(1, "missing", (), None, 0, 0, *(None,) * 7, suspect=())
    image = SelfTestImage(
        "kit/llamacpp:cpu-source", "source", f"sha256:{SHA}", (f"sha256:{SHA}",), {"target": "source"}
    )
    return SelfTest(
        schema="kit/selftest/1",
        kit_version="0.1.0",
        platform="cpu-two",
        plan_sha256=SHA,
        ended_utc="2026-11-29T12:00:00.000001Z",
        window_s=30.0,
        engine="docker",
        engine_version="Docker Engine 20.10.24",
        host=host,
        load_average=0.25,
        load_generator_tok_s=None,
        notes=("One prompt counts 41 tokens in one, 16 in two.",),
        entries=(
            SelfTestEntry(
                "llamacpp", "llamacpp", "cpu", {"slots": 4}, "smollm2-135m-q4_1", SHA, "b1-abc", "cpu", "none",
                image, (measured, failed),
            ),
            SelfTestEntry(
                "vllm", "vllm", "cuda", {"max_num_seqs": 4}, "smollm2-135m-bf16", None, None, None, None, None,
                (missing,),
            ),
        ),
    )  # fmt: skip
