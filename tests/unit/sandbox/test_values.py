"""Values between a program and its test: what is plain comes through as it was, and nothing else comes through."""

from __future__ import annotations

import collections
import decimal
import enum
import fractions
import math
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.sandbox.values import MAX_DEPTH, Opaque, decoded, encoded

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=20)
    | st.complex_numbers(allow_nan=False)
)
KEYS = st.booleans() | st.integers() | st.text() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    ),
    max_leaves=12,
)


class Point(NamedTuple):
    x: int
    y: int


class Colour(enum.IntEnum):
    RED = 3


class Yes(int):
    """Says that it is whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def same(value: object) -> object:
    return decoded(encoded(value))


@given(VALUES)
def test_a_plain_value_comes_through_as_it_was(value: Any) -> None:
    """Also its types: True is not 1, and a tuple is no list."""
    assert repr(same(value)) == repr(value) or same(value) == value
    assert type(same(value)) is type(value)


@given(VALUES)
def test_a_value_is_one_line(value: Any) -> None:
    assert encoded(value).count(b"\n") == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, 3),
        (Yes(7), 7),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        ({1: 2}.keys(), {1}),
        (fractions.Fraction(1, 3), fractions.Fraction(1, 3)),
        (decimal.Decimal("1.10"), decimal.Decimal("1.10")),
        (range(1, 9, 2), range(1, 9, 2)),
        (math.inf, math.inf),
        (-0.0, 0.0),
        ("\ud800", "\ud800"),
        (bytearray(b"x"), bytearray(b"x")),
        (Point(1, 2), (1, 2)),
    ],
)
def test_a_subclass_becomes_what_it_is_made_of(value: object, expected: object) -> None:
    """As a comparison in one process would see it; what it says of itself does not count."""
    found = same(value)
    assert (found, type(found)) == (expected, type(expected))


def test_an_iterator_can_be_walked_once() -> None:
    found: Any = same(character for character in "ab")
    assert (tuple(found), tuple(found)) == (("a", "b"), ())


def test_any_other_object_is_named_and_equals_nothing() -> None:
    found = same([object()])
    assert isinstance(found, list)
    assert isinstance(found[0], Opaque)
    assert (repr(found[0]), found[0] == same(object())) == ("<object>", False)


def test_nan_stays_nan() -> None:
    found = same(math.nan)
    assert isinstance(found, float)
    assert math.isnan(found)


def test_a_number_may_have_more_digits_than_python_writes() -> None:
    assert same(10**5000) == 10**5000


def deep(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


def test_a_value_may_be_as_deep_as_the_limit_and_no_deeper() -> None:
    assert same(deep(MAX_DEPTH)) == deep(MAX_DEPTH)
    with pytest.raises(ValueError, match="too deep"):
        encoded(deep(MAX_DEPTH + 1))


def test_an_endless_iterator_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        encoded(iter(int, 1))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"7\n",
        b"1.5\n",
        b"NaN\n",
        b'{"int": 7}\n',
        b'{"int": "seven"}\n',
        b'{"int": "1", "float": "1"}\n',
        b'{"other": 1}\n',
        b"{}\n",
        b'{"dict": [[{"dict": []}, null]]}\n',
        b'{"dict": [[null]]}\n',
        b'{"dict": 5}\n',
        b'{"set": [[]]}\n',
        b'{"range": ["0", "1", "0"]}\n',
        b'{"range": []}\n',
        b'{"complex": ["1"]}\n',
        b'{"bytes": "0"}\n',
        b'{"Fraction": "1/0"}\n',
        b'{"Decimal": "x"}\n',
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b"9" * 9000,
        b"\xff\n",
    ],
)
def test_a_line_that_is_no_value_is_refused(line: bytes) -> None:
    """With the one error that readers expect."""
    with pytest.raises(ValueError, match=r"\S"):
        decoded(line)
