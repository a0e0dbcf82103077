"""From what was gathered to one document: take the part that is ours, judge it, and say it in statements."""

from __future__ import annotations

from pathlib import Path

from kit.documents import Verdict
from kit.judge.batch.documents import Shard, Verdicts
from kit.judge.batch.gathering import Gathered
from kit.judge.batch.judging import Completed, Done, judged
from kit.judge.batch.sharding import part_of, whole_set
from kit.judge.batch.statement import policy, statement, verifier
from kit.storage.whole import read_bounded
from kit.strict import read_json, typed

MAX_SUMMARY_BYTES = 1 << 30


def as_it_is(_: Path, verdict: Verdict) -> Verdict:
    """A verdict that nobody adds to."""
    return verdict


def verdicts_of(
    gathered: Gathered, jobs: int, shard: Shard | None, done: Done, completed: Completed = as_it_is
) -> Verdicts:
    """The verdicts on all that was gathered, or on one part of it, by so many judges at once.

    `completed` adds to each what is to be said of the bundle's signature.
    """
    mine = part_of(gathered.items, shard)
    verdicts = judged(mine, jobs, done, completed=completed)
    return Verdicts(
        schema="kit/verdicts/1",
        verifier=verifier(),
        policy=policy(),
        whole=whole_set([item.name for item in gathered.items]),
        statements=tuple(
            statement(item.name, item.path, verdict) for item, verdict in zip(mine, verdicts, strict=True)
        ),
        shard=shard,
        passed_over=gathered.passed_over,
    )


def read_verdicts(path: Path) -> Verdicts:
    """A summary as `kit verify -o` writes it; `InputError` if it is none."""
    data = read_bounded(path, MAX_SUMMARY_BYTES, "Check the path.")
    return typed(Verdicts, read_json(data, str(path), max_bytes=MAX_SUMMARY_BYTES), str(path))
