"""A set of bundles split over machines, and the parts put together again; a part that lacks is no whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

from kit.errors import InputError
from kit.judge.batch.documents import Shard, Statement, Verdicts, WholeSet
from kit.text import listed, plain_text

MAX_SHARDS = 100_000
MAX_NAMED = 10
T = TypeVar("T")
_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


def parse_shard(text: str) -> Shard | None:
    """`2/8`, the second of eight; None if it is no shard."""
    found = _FORM.fullmatch(text)
    index, of = (int(found[1]), int(found[2])) if found else (0, 0)
    return Shard(index, of) if 1 <= index <= of <= MAX_SHARDS else None


def part_of(items: Sequence[T], shard: Shard | None) -> tuple[T, ...]:
    """Those of all sorted items that the shard judges: every N-th, so that all parts are of one size."""
    return tuple(items) if shard is None else tuple(items[shard.index - 1 :: shard.of])


def whole_set(names: Sequence[str]) -> WholeSet:
    """What all parts of a set have in common."""
    return WholeSet(len(names), sha256("".join(f"{name}\n" for name in names).encode()).hexdigest())


def merged(parts: Sequence[Verdicts]) -> Verdicts:
    """The document that one machine would have made of the whole set; `InputError` unless the parts are just that.

    Parts of one set by one verifier and one policy, each of 1 to N once, each with the bundles that are its own.
    """
    first = parts[0]
    of = _number(parts)
    for name, values in (
        ("kit versions", {each.verifier for each in parts}),
        ("policies (rules and schemas)", {each.policy for each in parts}),
        ("sets of bundles", {each.whole for each in parts}),
        ("sets of links passed over", {each.passed_over for each in parts}),
    ):
        if len(values) > 1:
            raise InputError(
                f"The summaries are of {len(values)} {name}.",
                "Verify every part with one kit and the same arguments.",
            )
    ordered = sorted(parts, key=lambda each: each.shard.index if each.shard else 0)
    statements = _interleaved([each.statements for each in ordered], of, first.whole)
    return replace(first, statements=statements, shard=None)


def _number(parts: Sequence[Verdicts]) -> int:
    """N, if there are all of 1 to N."""
    shards = [each.shard for each in parts]
    given = [shard for shard in shards if shard is not None]
    if len(given) < len(shards):
        raise InputError(
            "One of the summaries is of no part, but of a whole set.", "Give summaries of --shard only."
        )
    numbers = {shard.of for shard in given}
    if len(numbers) > 1:
        raise InputError(f"The summaries are of {listed(map(str, sorted(numbers)))} parts.", "Split once.")
    (of,) = numbers
    counts = Counter(shard.index for shard in given)
    twice = sorted(index for index, count in counts.items() if count > 1)
    if twice:
        raise InputError(f"Part {_some(twice)} of {of} was given twice.", "Give each summary once.")
    absent = [index for index in range(1, of + 1) if index not in counts]
    if absent:
        raise InputError(f"Part {_some(absent)} of {of} is missing.", "Give the summaries of all parts.")
    return of


def _interleaved(parts: Sequence[Sequence[Statement]], of: int, whole: WholeSet) -> tuple[Statement, ...]:
    """All statements in the order of their names, if each part has just those that fall to it."""
    found: list[Statement] = []
    for at in range(whole.count):
        part, place = parts[at % of], at // of
        if place >= len(part):
            raise InputError(
                f"Part {at % of + 1} of {of} lacks bundle {at + 1} of {whole.count}.", "Verify this part again."
            )
        found.append(part[place])
    names = [each.predicate.name for each in found]
    if sum(map(len, parts)) != whole.count or whole_set(names) != whole:
        raise InputError("The summaries hold other bundles than their set.", "Verify all parts again.")
    return tuple(found)


def _some(numbers: Sequence[int]) -> str:
    shown = [str(number) for number in numbers[:MAX_NAMED]]
    more = len(numbers) - len(shown)
    return plain_text(", ".join(shown) + (f" and {more} more" if more else ""), 200)
