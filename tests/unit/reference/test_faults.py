"""kit.reference.faults: faults happen to the requests said, and rules are read strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.reference.faults import FAULTS, FaultRule, fault_of, parse_rule


@pytest.mark.parametrize("kind", FAULTS)
def test_every_kind_can_be_asked_for(kind: str) -> None:
    """KIND:EVERY."""
    rule = parse_rule(f"{kind}:12")
    assert (rule.kind, rule.every) == (kind, 12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cutt:3", 'did you mean "cut"?'),
        ("", "is not a fault"),
        ("cut", "is not KIND:EVERY"),
        ("cut:", "is not KIND:EVERY"),
        ("cut:0", "is not KIND:EVERY"),
        ("cut:-1", "is not KIND:EVERY"),
        ("cut:1.5", "is not KIND:EVERY"),
        ("cut:٣", "is not KIND:EVERY"),
        ("cut:99999999999999999999", "is not KIND:EVERY"),
    ],
)
def test_a_rule_that_is_none_is_refused_in_words(text: str, words: str) -> None:
    """With the kind that was probably meant, or the form."""
    with pytest.raises(ValueError, match=r"not a fault|KIND") as caught:
        parse_rule(text)
    assert words in str(caught.value)


def test_the_first_rule_given_wins_where_two_meet() -> None:
    """Every second is cut, every third is reset, the sixth is cut."""
    rules = (FaultRule("cut", 2), FaultRule("reset", 3))
    found = [fault_of(rules, number) for number in range(1, 7)]
    assert found == [None, "cut", "reset", "cut", None, "cut"]


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_a_fault_happens_to_multiples_only(every: int, number: int) -> None:
    """Counted from one."""
    assert (fault_of((FaultRule("stall", every),), number) == "stall") == (number % every == 0)
