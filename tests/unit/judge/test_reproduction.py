"""kit.judge.reproduction: surely alike, surely unlike, or open; and what agreement lacks to be a reproduction."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.documents.study import Machine, Study, Subject
from kit.judge.compare.studies import CHOSEN
from kit.judge.reproduction import Party, Reproduction, reproduction
from kit.judge.reproduction_text import reproduction_text
from tests.support.studies import CONDITIONS, replicated, study, trial

Label = Literal["self-reported", "consistent"]
DIGEST = "d" * 64
MACHINE = Machine("x86_64", "EPYC 7763", 2, 8 << 30, (), None, (), "6.1.0", None)
PRECISE = (100.1, 100.2, 100.3)


def run(*subjects: Subject, identity: str, at: int, label: Label = "consistent") -> Study:
    """A verified run whose cells ended in an hour of their own."""
    when = f"2026-11-22T{at:02d}:00:00.000000Z"
    dated = tuple(
        replace(each, trials=tuple(replace(t, measured_utc=t.measured_utc and when) for t in each.trials))
        for each in subjects
    )
    made = study(*dated, conditions=CONDITIONS)
    return replace(made, identity=identity * 64, label=label, machine=MACHINE)


def figures(values: Sequence[float]) -> dict[str, Sequence[float]]:
    return dict.fromkeys(CHOSEN, values)


def party(
    values: Sequence[float], signer: str | None, identity: str, at: int, label: Label = "consistent"
) -> Party:
    found = run(replicated("x", 4, figures(values)), identity=identity, at=at, label=label)
    return Party(found, DIGEST, signer)


def pair(
    a: Sequence[float], b: Sequence[float], signers: tuple[str | None, str | None] = ("ann", "bob")
) -> Reproduction:
    return reproduction(party(a, signers[0], "a", 1), party(b, signers[1], "b", 2))


@pytest.mark.parametrize(
    ("b", "outcome"),
    [
        ((100.25, 100.35, 100.45), "reproduced"),
        ((103.1, 103.2, 103.3), "reproduced"),  # 3 % apart, surely, and surely by less than counts
        ((120.1, 120.2, 120.3), "not reproduced"),
        ((80.1, 80.2, 80.3), "not reproduced"),
        ((90.1, 100.25, 110.3), "undecided"),
        ((105.1, 105.2, 105.3), "undecided"),  # at the margin: on which side of it is not sure
        ((100.25, 100.35), "undecided"),  # two replicates have no interval
    ],
)
def test_figures_agree_or_differ_only_if_that_is_sure(b: tuple[float, ...], outcome: str) -> None:
    """Everything between is open."""
    assert pair(PRECISE, b).outcome == outcome


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(50.1, 200), min_size=3, max_size=6), st.lists(st.floats(50.1, 200), min_size=3, max_size=6)
)
def test_it_does_not_matter_who_came_first(a: list[float], b: list[float]) -> None:
    """B reproduced A exactly if A reproduced B."""
    assert pair(a, b).outcome == pair(b, a).outcome


def test_figures_are_held_to_their_number_only_where_one_of_many_may_differ_by_chance() -> None:
    """Forty runs of equals, 48 figures each: none is called not reproduced; precise ones are reproduced."""
    chance = random.Random(15)

    def made(spread: float, signer: str, identity: str, at: int) -> Party:
        subjects = [
            replicated(
                f"e{entry}", level, {path: [100.1 * chance.gauss(1, spread) for _ in range(4)] for path in CHOSEN}
            )
            for entry in range(4)
            for level in (1, 2, 4)
        ]
        return Party(run(*subjects, identity=identity, at=at), DIGEST, signer)

    noisy = [reproduction(made(0.03, "ann", "a", 1), made(0.03, "bob", "b", 2)).outcome for _ in range(40)]
    precise = [reproduction(made(0.004, "ann", "a", 1), made(0.004, "bob", "b", 2)).outcome for _ in range(5)]
    assert "not reproduced" not in noisy
    assert precise == ["reproduced"] * 5


@pytest.mark.parametrize(
    ("signers", "words"),
    [
        ((None, None), "the signer of A and of B is not known"),
        (("ann", None), "the signer of B is not known"),
        (("ann", "ann"), "both are signed by ann"),
    ],
)
def test_agreement_without_two_signers_is_no_reproduction(
    signers: tuple[str | None, str | None], words: str
) -> None:
    """Whoever measured twice has repeated it."""
    found = pair(PRECISE, (100.25, 100.35, 100.45), signers)
    assert found.outcome == "agrees"
    assert words in found.reasons[0]


def test_agreement_of_what_is_only_self_reported_is_no_reproduction() -> None:
    """Both must be consistent; the reason names which is not."""
    weak = party(PRECISE, "ann", "a", 1, label="self-reported")
    found = reproduction(weak, party((100.25, 100.35, 100.45), "bob", "b", 2))
    assert (found.outcome, found.reasons) == ("agrees", ("A not consistent by verification",))


def test_a_copy_reproduces_nothing() -> None:
    """The same bundle, the same cells under another identity, or the same figures at another time."""
    a = party(PRECISE, "ann", "a", 1)
    same = reproduction(a, a)
    moved = reproduction(a, replace(a, study=replace(a.study, identity="b" * 64), signer="bob"))
    shifted = reproduction(a, party(PRECISE, "bob", "b", 2))
    assert [each.outcome for each in (same, moved, shifted)] == ["not comparable"] * 3
    assert "copy" in moved.reasons[0]
    assert "copy" in shifted.reasons[0]


def test_other_plan_machine_version_or_conditions_are_not_comparable() -> None:
    """Each is named."""
    a, b = party(PRECISE, "ann", "a", 1), party((100.25, 100.35, 100.45), "bob", "b", 2)
    a = replace(a, versions={"x": ("b1",)})
    others = {
        "two plans": replace(b, digest="e" * 64),
        "two machines (CPU": replace(b, study=replace(b.study, machine=replace(MACHINE, cpu_model="Xeon"))),
        "other version of x: b1 and b2": replace(b, versions={"x": ("b2",)}),
        "different loop": replace(b, study=replace(b.study, conditions=replace(b.study.conditions, loop="open"))),
    }
    for words, other in others.items():
        found = reproduction(a, other)
        assert found.outcome == "not comparable"
        assert words in found.reasons[0]
        assert not found.figures
    assert reproduction(a, replace(b, versions={"x": ("b1",)})).outcome == "reproduced"


def test_what_one_run_lacks_is_open_and_what_both_lack_is_left_out() -> None:
    """A failed cell of one side is never passed over."""
    good = replicated("x", 4, figures(PRECISE))
    also = replicated("x", 4, figures((100.25, 100.35, 100.45)))
    failed = replace(good, entry="y", trials=(trial(1, "failed"),))
    both = reproduction(
        Party(run(good, failed, identity="a", at=1), DIGEST, "ann"),
        Party(run(also, failed, identity="b", at=2), DIGEST, "bob"),
    )
    one = reproduction(
        Party(run(good, failed, identity="a", at=1), DIGEST, "ann"),
        Party(run(also, replace(also, entry="y"), identity="b", at=2), DIGEST, "bob"),
    )
    only = reproduction(
        Party(run(failed, identity="a", at=1), DIGEST, "ann"),
        Party(run(failed, identity="b", at=2), DIGEST, "bob"),
    )
    assert (both.outcome, one.outcome, only.outcome) == ("reproduced", "undecided", "undecided")
    assert one.figures[-1].reason.startswith("A: 1 of 1 replicate without a result")


def test_the_text_names_the_figures_that_do_not_agree_and_how_far() -> None:
    """With the ratio and its interval; nothing of a bundle reaches the terminal raw."""
    a, b = party(PRECISE, "ann", "a", 1), party((120.1, 120.2, 120.3), "b\x1b[31m", "b", 2)
    words = reproduction_text(reproduction(a, b))
    assert words.startswith("Reproduced? not reproduced (")
    assert "x at 4 users, throughput: differs, 0.83 x [0.83, 0.84]" in words
    assert "\x1b" not in words
