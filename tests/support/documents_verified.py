"""Good examples of what verifying many bundles writes."""

from __future__ import annotations

from typing import Any

from kit.documents import Finding
from kit.judge.batch.documents import (
    PREDICATE,
    STATEMENT,
    VERIFIER,
    Digest,
    Policy,
    Predicate,
    Shard,
    Statement,
    StatementSubject,
    Verdicts,
    Verifier,
    WholeSet,
)
from kit.judge.compare.comparison import Side
from kit.judge.compare.ratio import Ratio
from kit.judge.reproduction import Reproduced, Reproduction

SHA = "0123456789abcdef" * 4
POLICY, PROGRAM = Policy(Digest(SHA)), Verifier(VERIFIER, "0.1.0")
FINDING = Finding("metrics.recomputed", "reject", "result.json", "Another number.")
STATED = Statement(
    _type=STATEMENT,
    subject=(StatementSubject("manifest.json", Digest(SHA)),),
    predicateType=PREDICATE,
    predicate=Predicate("a/demo.tar.gz", PROGRAM, POLICY, SHA, "rejected", {"metrics.recomputed": 4}, (FINDING,)),
)
REPRODUCTION = Reproduction(
    schema="kit/reproduction/1",
    kit_version="0.1.0",
    a=Side("run", "demo", "This machine", SHA, "consistent"),
    b=Side("run", "demo", "This machine", SHA[::-1], "self-reported"),
    signers=("ann", None),
    outcome="undecided",
    reasons=("1 of 2 figures are open",),
    figures=(
        Reproduced("llamacpp", 4, "throughput_tok_s", "agrees", Ratio(1.01, 0.99, 1.03, 3, 3, 0.9), ""),
        Reproduced("llamacpp", 4, "ttft_ms.p50", "undecided", None, "A: no data"),
    ),
    notes=("Different kernel: 6.1 and 6.2.",),
)
VERDICTS = Verdicts(
    schema="kit/verdicts/1",
    verifier=PROGRAM,
    policy=POLICY,
    whole=WholeSet(3, SHA),
    statements=(STATED,),
    shard=Shard(1, 2),
    passed_over=("a/link.tar.gz",),
    reproduction=REPRODUCTION,
)
VERIFIED: dict[str, Any] = {"reproduction": REPRODUCTION, "statement": STATED, "verdicts": VERDICTS}
