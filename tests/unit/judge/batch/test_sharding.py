"""kit.judge.batch.sharding: parts are of one size, all of them make the whole, and nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import InputError
from kit.judge.batch.documents import Digest, Policy, Shard, Statement, Verdicts
from kit.judge.batch.sharding import merged, parse_shard, part_of, whole_set
from kit.strict import plain, read_json, typed, write_json
from tests.support.documents_verified import POLICY, PROGRAM, SHA, STATED


def stated(name: str) -> Statement:
    return replace(STATED, predicate=replace(STATED.predicate, name=name))


def verdicts(names: Sequence[str], shard: Shard | None = None) -> Verdicts:
    """What one machine writes of its part of a set."""
    return Verdicts(
        schema="kit/verdicts/1",
        verifier=PROGRAM,
        policy=POLICY,
        whole=whole_set(names),
        statements=tuple(map(stated, part_of(names, shard))),
        shard=shard,
    )


def parts(names: Sequence[str], of: int) -> list[Verdicts]:
    return [verdicts(names, Shard(index, of)) for index in range(1, of + 1)]


NAMES = tuple(f"b{number:02d}.tar.gz" for number in range(7))


@given(
    st.lists(st.text(min_size=1, max_size=12).filter(lambda t: "\n" not in t), unique=True, max_size=30).map(
        sorted
    ),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)
def test_the_parts_put_together_in_any_order_are_what_one_machine_writes(
    names: list[str], of: int, chance: object
) -> None:
    """Byte for byte, through the files that the machines leave; also where there are more parts than bundles."""
    read = [typed(Verdicts, read_json(write_json(plain(part)), "part"), "part") for part in parts(names, of)]
    chance.shuffle(read)  # type: ignore[attr-defined]
    assert write_json(plain(merged(read))) == write_json(plain(verdicts(names)))


@given(st.integers(0, 60), st.integers(1, 20))
def test_parts_share_nothing_and_differ_in_size_by_one_at_most(count: int, of: int) -> None:
    """No machine waits for another's twice as large part."""
    shares = [part_of(range(count), Shard(index, of)) for index in range(1, of + 1)]
    assert sorted(number for share in shares for number in share) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    "text", ["", "1", "0/2", "3/2", "-1/2", "1/0", "1/2/3", " 1/2", "1/2\n", "1/100001", "٣/٤"]
)
def test_what_is_no_part_of_n_is_none(text: str) -> None:
    """From 1 to N, in digits."""
    assert parse_shard(text) is None


def test_a_part_of_n() -> None:
    """Leading zeros, which job arrays write, are fine."""
    assert parse_shard("2/8") == Shard(2, 8)
    assert parse_shard("02/08") == Shard(2, 8)


def refused(found: Sequence[Verdicts]) -> str:
    with pytest.raises(InputError) as raised:
        merged(found)
    return raised.value.what


def test_parts_that_lack_or_come_twice_are_named() -> None:
    """And parts of two splits are no set."""
    three = parts(NAMES, 3)
    assert refused(three[:2]) == "Part 3 of 3 is missing."
    assert refused([*three, three[1]]) == "Part 2 of 3 was given twice."
    assert refused([*three[:2], *parts(NAMES, 2)]) == "The summaries are of 2 and 3 parts."
    assert refused([three[0], verdicts(NAMES)]) == "One of the summaries is of no part, but of a whole set."
    assert refused(parts(NAMES, 40)[:1]).startswith("Part 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 29 more of 40")


def test_parts_of_other_kits_rules_or_sets_are_no_whole() -> None:
    """What one of them says is not what the others would have said."""
    first, second = parts(NAMES, 2)
    other = Policy(Digest(SHA[::-1]))
    assert "2 kit versions" in refused([first, replace(second, verifier=replace(PROGRAM, version="0.2.0"))])
    assert "2 policies" in refused([first, replace(second, policy=other)])
    assert "2 sets of bundles" in refused([first, parts([*NAMES, "more.tar.gz"], 2)[1]])
    assert "2 sets of links" in refused([first, replace(second, passed_over=("l.tar.gz",))])


def test_a_part_with_other_bundles_than_its_own_is_no_part() -> None:
    """Fewer, more, renamed, or those of another part."""
    first, second = parts(NAMES, 2)
    cut = replace(second, statements=second.statements[:-1])
    more = replace(second, statements=(*second.statements, stated("z.tar.gz")))
    renamed = replace(second, statements=(stated("x.tar.gz"), *second.statements[1:]))
    swapped = replace(second, statements=second.statements[::-1])
    assert refused([first, cut]) == "Part 2 of 2 lacks bundle 6 of 7."
    for bad in (more, renamed, swapped):
        assert refused([first, bad]) == "The summaries hold other bundles than their set."
