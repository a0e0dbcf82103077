"""A good example of an index: a signed bundle that one other reproduces, and an archive that is refused."""

from __future__ import annotations

from kit.documents.index import (
    Index,
    IndexCard,
    IndexEntry,
    IndexFindings,
    IndexMachine,
    IndexRefused,
    IndexSigner,
)
from kit.documents.study import Machine

SHA = "0123456789abcdef" * 4
FACTS = Machine("x86_64", "AMD EPYC 7763 64-Core Processor", 2, 8 << 30, (), None, (), "6.1.0", None)
CARD = IndexCard(
    entry="llamacpp",
    runtime="llamacpp",
    variant="cpu",
    model="smollm2-135m-q4_1",
    users=4,
    status="incomplete",
    replicates=3,
    measured=2,
    throughput_tok_s=81.5,
    ttft_p50_ms=240.0,
    itl_p50_ms=22.5,
    error_rate=0.0,
    grade="B+",
    suspect=("send lag max 6.0 ms, limit 5.0 ms",),
    at_least=True,
    reason="ready: The server exited with code 1.",
)
ENTRY = IndexEntry(
    path="demo/amd-epyc-7763-2cpu/0123456789abcdef/bundle.tar.gz",
    identity=SHA,
    sha256=SHA[::-1],
    size_bytes=123_456,
    platform="demo",
    title="This machine, without Docker",
    plan_sha256=SHA,
    machine=IndexMachine("amd-epyc-7763-2cpu", "AMD EPYC 7763, 2 CPUs, 8 GiB", FACTS),
    label="consistent",
    signer=IndexSigner("ada@example.org", "SHA256:" + "a" * 43),
    challenge="00112233445566778899aabbccddeeff",
    started_utc="2026-11-22T12:00:00.000001Z",
    kit_version="0.1.0",
    cards=(CARD,),
    findings=IndexFindings(0, 1),
    reproduced_by=(SHA[::-1],),
)
INDEX = Index("kit/index/1", "kit-2", (ENTRY,), (IndexRefused("old.tar.gz", SHA, 10, "It breaks off."),))
