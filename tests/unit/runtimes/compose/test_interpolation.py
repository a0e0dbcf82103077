"""Variables in compose files: every form of the specification, and what is refused instead of guessed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.runtimes.compose.interpolate import (
    MAX_CHARS,
    MAX_DEPTH,
    Reference,
    TemplateError,
    interpolate,
    parse,
)

SET = {"A": "one", "EMPTY": "", "B_2": "two", "_c": "three"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$A", "one"),
        ("${A}", "one"),
        ("x${A}y$B_2-z", "xoneytwo-z"),
        ("$_c", "three"),
        ("$A$A", "oneone"),
        ("$$", "$"),
        ("$$A", "$A"),
        ("$$$A", "$one"),
        ("$$$$", "$$"),
        ("$${A}", "${A}"),
        ("}{", "}{"),
        ("${EMPTY}", ""),
        ("${A:-d}", "one"),
        ("${A-d}", "one"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${NO:-d}", "d"),
        ("${NO-d}", "d"),
        ("${NO:-}", ""),
        ("${NO-}", ""),
        ("${NO:-a:-b-c?d+e}", "a:-b-c?d+e"),
        ("${NO:- a b }", " a b "),
        ("${A:?m}", "one"),
        ("${A?m}", "one"),
        ("${EMPTY?m}", ""),
        ("${A:+r}", "r"),
        ("${A+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${EMPTY+r}", "r"),
        ("${NO:+r}", ""),
        ("${NO+r}", ""),
        ("${NO:-${A}}", "one"),
        ("${NO:-$A}", "one"),
        ("${NO:-x${NO:-y${A}z}w}", "xyonezw"),
        ("${NO:-$$}", "$"),
        ("${A:+<${B_2}>}", "<two>"),
        ("${A:-${NO}}", "one"),
        ("${NO:+${NO}}", ""),
        ("${A:-${NO:?never needed}}", "one"),
    ],
)
def test_every_form_gives_what_the_specification_says(text: str, result: str) -> None:
    """With and without colon, set, empty and unset; words that are not needed are not looked at."""
    assert interpolate(text, SET) == result


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$NO", "NO is not set and has no default"),
        ("${NO}", "NO is not set and has no default"),
        ("${NO:-${ALSO}}", "ALSO is not set"),
        ("${NO:?give it}", "NO is required: give it"),
        ("${NO?give it}", "NO is required: give it"),
        ("${NO:?}", "NO is required"),
        ("${EMPTY:?empty}", "EMPTY is required: empty"),
        ("${NO:?see $A}", "NO is required: see one"),
    ],
)
def test_a_missing_value_is_an_error(text: str, words: str) -> None:
    """Compose would go on with the empty string."""
    with pytest.raises(TemplateError) as caught:
        interpolate(text, SET)
    assert words in caught.value.what
    assert "Set " in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cost $5", "begins no variable"),
        ("$", "begins no variable"),
        ("a$ b", "begins no variable"),
        ("${}", "without the name"),
        ("${5}", "without the name"),
        ("${ A}", "without the name"),
        ("${A", "never closed"),
        ("${A:-", "never closed"),
        ("${A:-${B}", "never closed"),
        ("${A!x}", "'!x' after ${A"),
        ("${A:x}", "':x' after ${A"),
        ("${A.b}", "'.b' after ${A"),
        ('${A:-{"a": 1}}', "differently"),
        ("${A:-$${B}}", "differently"),
        ("${A\u00e9}", "after ${A"),
        ("${A:-" * (MAX_DEPTH + 1) + "}" * (MAX_DEPTH + 1), "nested more than"),
    ],
)
def test_what_is_written_wrongly_is_refused_before_anything_is_filled_in(text: str, words: str) -> None:
    """Also what only some releases of Compose understand."""
    with pytest.raises(TemplateError) as caught:
        parse(text)
    assert words in caught.value.what
    assert caught.value.remedy


def test_nesting_up_to_the_limit_is_fine() -> None:
    """Eight deep is more than anybody can read."""
    assert interpolate("${NO:-" * MAX_DEPTH + "x" + "}" * MAX_DEPTH, SET) == "x"


def test_a_result_cannot_grow_without_end() -> None:
    """A short text that names a long value many times."""
    with pytest.raises(TemplateError, match="longer than"):
        interpolate("$BIG" * 1000, {"BIG": "x" * (MAX_CHARS // 10)})


names = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,3}\Z")
plain = st.text(st.characters(exclude_characters="${}", codec="utf-8"), max_size=6)
values = st.dictionaries(names, st.text(max_size=6), max_size=4)


@given(st.text())
def test_text_with_its_dollars_doubled_comes_back(text: str) -> None:
    """$$ is the only thing to know."""
    assert interpolate(text.replace("$", "$$"), {}) == text


@given(st.text(alphabet="$ {}:-?+aA_1"), values)
def test_no_text_does_anything_but_give_text_or_a_reason(text: str, variables: dict[str, str]) -> None:
    """Whatever it is, in time that its length bounds."""
    with contextlib.suppress(TemplateError):
        assert isinstance(interpolate(text, variables), str)


@given(names, st.sampled_from(["-", ":-", "+", ":+", "?", ":?", ""]), plain, plain, plain, values)
def test_a_reference_follows_its_four_line_definition(
    name: str, operator: str, word: str, before: str, after: str, variables: dict[str, str]
) -> None:
    """Against the definition written another way."""
    text = f"{before}${{{name}{operator}{word if operator else ''}}}{after}"
    value = variables.get(name)
    there = bool(value) if operator.startswith(":") else value is not None
    expected = {"+": word if there else "", "-": value if there else word}.get(
        operator[-1:], value if there else None
    )
    if expected is None:
        with pytest.raises(TemplateError):
            interpolate(text, variables)
    else:
        assert interpolate(text, variables) == before + expected + after


@given(st.lists(st.tuples(names, plain), max_size=MAX_DEPTH), plain)
def test_nested_defaults_are_found_again(chain: list[tuple[str, str]], innermost: str) -> None:
    """Each default holds a text and the next variable; written out and parsed, the parts are the same."""
    text, expected = innermost, ((innermost,) if innermost else ())
    for name, before in chain:
        text = f"{before}${{{name}:-{text}}}"
        expected = (*((before,) if before else ()), Reference(name, ":-", expected))
    assert parse(text) == expected
