"""Values of `kit.documents` come out of JSON with exact keys and types, or the place is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Metrics
from kit.errors import InternalError
from kit.strict.decode import plain, typed
from kit.strict.json_reader import Json, StrictError
from kit.strict.schema import problems
from tests.support.documents import METRICS


@dataclass(frozen=True, slots=True)
class Part:
    n: int
    name: str = "unnamed"


@dataclass(frozen=True, slots=True)
class Whole:
    """One field for every kind of type that the model uses."""

    flag: bool
    ratio: float
    word: Literal["a", "b"]
    maybe: int | None
    mixed: int | str | bool
    either: Literal["a", "b"] | Literal["c"] | None
    part: Part
    parts: tuple[Part, ...]
    triple: tuple[int, int, int]
    table: Mapping[str, Part]
    optional_parts: tuple[Part, ...] | None
    counts: Mapping[str, int] = field(default_factory=dict)


GOOD: dict[str, Any] = {
    "flag": True,
    "ratio": 1,
    "word": "a",
    "maybe": None,
    "mixed": True,
    "either": "c",
    "part": {"n": 1},
    "parts": [{"n": 1, "name": "x"}, {"n": 2}],
    "triple": [1, 2, 3],
    "table": {"any key": {"n": 5}},
    "optional_parts": [{"n": 6}],
}
WHOLE = Whole(
    flag=True,
    ratio=1.0,
    word="a",
    maybe=None,
    mixed=True,
    either="c",
    part=Part(1),
    parts=(Part(1, "x"), Part(2)),
    triple=(1, 2, 3),
    table={"any key": Part(5)},
    optional_parts=(Part(6),),
)


def test_every_kind_of_field_is_built() -> None:
    """Lists become tuples, absent fields get their defaults, integers become floats where floats are asked for."""
    made = typed(Whole, GOOD, "f")
    assert made == WHOLE
    assert type(made.ratio) is float
    assert type(made.mixed) is bool


def test_plain_is_the_inverse() -> None:
    """All fields are written, tuples as lists, and reading gives the same value again."""
    written = plain(WHOLE)
    assert written == {
        **GOOD,
        "part": {"n": 1, "name": "unnamed"},
        "parts": [{"n": 1, "name": "x"}, {"n": 2, "name": "unnamed"}],
        "table": {"any key": {"n": 5, "name": "unnamed"}},
        "optional_parts": [{"n": 6, "name": "unnamed"}],
        "counts": {},
    }
    assert typed(Whole, written, "f") == WHOLE


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        ({"flag": 1}, "flag", "expected true or false, found 1"),
        ({"flag": None}, "flag", "expected true or false, found null"),
        ({"ratio": True}, "ratio", "expected a number, found true"),
        ({"ratio": "1"}, "ratio", 'expected a number, found "1"'),
        ({"ratio": float("nan")}, "ratio", "expected a finite number, found nan"),
        pytest.param(
            {"ratio": 10**400},
            "ratio",
            "expected a number that fits into a float, found a very long integer",
            id="huge",
        ),
        ({"word": "c"}, "word", 'expected "a" or "b", found "c"'),
        ({"word": ["a"]}, "word", 'expected "a" or "b", found a list'),
        ({"maybe": 1.0}, "maybe", "expected an integer, found 1.0"),
        ({"maybe": True}, "maybe", "expected an integer, found true"),
        ({"mixed": 1.5}, "mixed", "expected an integer or a string or true or false, found 1.5"),
        ({"mixed": None}, "mixed", "expected an integer or a string or true or false, found null"),
        ({"either": "d"}, "either", 'expected "a" or "b" or "c" or null, found "d"'),
        ({"part": []}, "part", "expected an object, found a list"),
        ({"part": {"n": "1"}}, "part.n", 'expected an integer, found "1"'),
        ({"part": {}}, "part", 'missing key "n"'),
        ({"part": {"n": 1, "nam": "x"}}, "part.nam", 'unknown key "nam"; did you mean "name"?'),
        ({"parts": {"0": {"n": 1}}}, "parts", "expected a list, found an object"),
        ({"parts": [{"n": 1}, {"n": None}]}, "parts[1].n", "expected an integer, found null"),
        ({"triple": [1, 2]}, "triple", "expected a list of 3, found 2 items"),
        ({"triple": [1, 2, 3, 4]}, "triple", "expected a list of 3, found 4 items"),
        ({"triple": [1, False, 3]}, "triple[1]", "expected an integer, found false"),
        ({"triple": "123"}, "triple", 'expected a list, found "123"'),
        ({"table": {"a": {"n": 1}, "b": 2}}, "table.b", "expected an object, found 2"),
        ({"optional_parts": [3]}, "optional_parts[0]", "expected an object, found 3"),
        ({"counts": None}, "counts", "expected an object, found null"),
        ({"\x1b[2J": 1}, "\ufffd[2J", 'unknown key "\ufffd[2J"'),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change: dict[str, Any], place: str, message: str) -> None:
    """Nothing is converted but an integer to a float; the path leads to the very value."""
    with pytest.raises(StrictError) as raised:
        typed(Whole, {**GOOD, **change}, "f.json")
    assert (raised.value.where, raised.value.place, raised.value.message) == ("f.json", place, message)


@pytest.mark.parametrize("name", [name for name in GOOD])  # noqa: C416
def test_a_field_without_a_default_must_be_there(name: str) -> None:
    """Each required key is missed, by name."""
    with pytest.raises(StrictError, match=f'missing key "{name}"'):
        typed(Whole, {key: value for key, value in GOOD.items() if key != name}, "f")


@given(st.integers() | st.text() | st.booleans())
def test_a_union_of_scalars_keeps_value_and_type(value: int | str | bool) -> None:
    """`true` stays true and does not become 1, whatever the order of the union."""
    made = typed(Whole, {**GOOD, "mixed": value}, "f")
    assert made.mixed == value
    assert type(made.mixed) is type(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["n", "name", "x"]), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(GOOD)), JSON)
def test_any_value_in_any_field_is_built_or_refused(name: str, value: Json) -> None:
    """Only a `StrictError` that names the field, or a value that can be written and read again."""
    place = name
    try:
        made = typed(Whole, {**GOOD, name: value}, "f")
        assert typed(Whole, plain(made), "f") == made
    except StrictError as error:
        place = error.place
    assert place.startswith(name)


@dataclass(frozen=True)
class Unreadable:
    raw: bytes


def test_types_without_a_form_in_json_are_our_own_mistake() -> None:
    """Bytes have no form in JSON, neither for reading nor for writing."""
    with pytest.raises(InternalError, match="No document can hold the type"):
        typed(Unreadable, {"raw": "x"}, "f")
    with pytest.raises(InternalError, match="A value of type bytes has no form in JSON"):
        plain(Unreadable(b"x"))


def test_numbers_of_the_second_method_are_written_where_there_are_some() -> None:
    """Each new field is read back as it was, is valid, and is absent from what says nothing of it."""
    tokens = replace(
        METRICS.tokens, reasoning=7, untimed=40, unknown_requests=2, spread_requests=3, faults={"below-chunks": 1}
    )
    full = replace(
        METRICS,
        tokens=tokens,
        coalesced_share=0.0,
        ttft_reasoning_ms=METRICS.ttft_ms,
        ttft_answer_ms=METRICS.ttft_ms,
        dialects={"no-done": 3},
    )
    written, usual = plain(full), plain(METRICS)
    assert isinstance(written, dict)
    assert isinstance(usual, dict)
    assert problems(written, "metrics") == []
    assert typed(Metrics, written, "m") == full
    assert written.keys() - usual.keys() == {"coalesced_share", "ttft_reasoning_ms", "ttft_answer_ms", "dialects"}
    assert usual["validation"] is not None
    assert "goodput_req_s" in plain_object(replace(METRICS, goodput_req_s=None))


def plain_object(metrics: Metrics) -> dict[str, Json]:
    value = plain(metrics)
    assert isinstance(value, dict)
    return value
