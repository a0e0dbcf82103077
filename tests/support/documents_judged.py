"""Good examples of the documents that judgement reads and writes: a contract and a scorecard."""

from __future__ import annotations

from typing import Any

from kit.documents import Slo
from kit.judge.costs import Cost, Prices
from kit.judge.score.card import Card, ContractPin, MetricScore, Note, Scorecard
from kit.judge.score.contract import (
    Cap,
    ClassThresholds,
    Contract,
    ExtraRule,
    Grade,
    Jitter,
    Level,
    MetricRule,
    PlatformClass,
)
from kit.judge.users import EntryUsers, LevelFound, MachineUsers, Users, UsersFound
from kit.strict import plain

CONTRACT = Contract(
    schema="kit/contract/1",
    name="mine",
    version="1.0.0",
    title="What matters to me",
    algorithm="kit-1",
    metrics=(
        MetricRule("decode", "decode tok/s", "decode_tok_s", "higher", 1, 0.5, 0.5),
        MetricRule("ttft", "TTFT p99 ms", "ttft_ms.p99", "lower", 1, 0.25, 0.25, "ttft_ms.max"),
        MetricRule("errors", "error rate", "error_rate", "lower", 3, 0.25, 0.25, None, None, 0.0, 0.01, 0.1),
    ),
    bonus=2.0,
    grades=(Grade("A", 90.0), Grade("B", 50.0), Grade("F", 0.0)),
    jitter=Jitter("decode", "itl_ms.p99", "itl_ms.max", 15.0, 4.0),
    caps=(Cap(0.01, 69.0), Cap(0.1, 29.0)),
    classes=(
        PlatformClass(
            name="laptop",
            title="My laptop",
            accelerators=("nvidia",),
            weights_gb_over=0.0,
            weights_gb_up_to=2.0,
            jitter_limit_ms=50.0,
            jitter_source="it feels right",
            thresholds=(
                ClassThresholds("decode", "256 / 1.1", (Level(1, 100.0, 50.0), Level(4, 80.0, 40.0))),
                ClassThresholds("ttft", "it feels right", (Level(1, 50.0, 200.0),)),
            ),
            memory_gb_s_from=200.0,
            memory_gb_s_to=400.0,
        ),
    ),
    extra=(ExtraRule("cold-start", "From start to ready (ms)", "lower", 0, 500.0, 3000.0),),
)
SCORECARD = Scorecard(
    schema="kit/scorecard/1",
    kit_version="0.1.0",
    contract=ContractPin("mine", "1.0.0", "kit-1", "a" * 64),
    cards=(
        Card(
            study="yoga",
            origin="run",
            entry="llamacpp",
            model="a model",
            concurrency=4,
            scenario="throughput",
            platform_class="laptop",
            metrics=(
                MetricScore("decode", 60.5, False, 87.5, 0.5, 2.0, 0.0),
                MetricScore("ttft", None, False, 0.0, 0.25, 0.0, 0.0),
            ),
            composite=69.0,
            grade="B",
            notes=(Note("missing", "no data: TTFT p99 ms counts 0"),),
        ),
    ),
)

LEVEL = LevelFound(4, "kept", 0.975, 3, "", 81.5, 22.0, 50.5, True, Cost(8.52, 3.1, 27.7, 10.0, 0.01, 0.004))
USERS = Users(
    schema="kit/users/1",
    kit_version="0.1.0",
    prices=Prices(2.5, 0.3),
    machines=(
        MachineUsers(
            "a laptop",
            ("yoga",),
            UsersFound(
                "yoga",
                Slo(ttft_ns=300_000_000),
                0.95,
                (
                    EntryUsers("llamacpp", 4, 5, (6,), (LEVEL,)),
                    EntryUsers("vllm", None, 1, (), ()),
                    EntryUsers("ollama", 8, None, (), ()),
                ),
                ("llamacpp",),
                True,
            ),
        ),
    ),
)

JUDGED: dict[str, Any] = {"contract": plain(CONTRACT), "scorecard": plain(SCORECARD)}
