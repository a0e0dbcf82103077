"""Foreign words must come out harmless, and figures in one form."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.text import (
    bytes_text,
    cell,
    did_you_mean,
    hint,
    listed,
    nearest,
    number,
    one_of,
    path_text,
    plain_text,
    seconds,
    unknown_key,
    value_text,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("llama.cpp b11206", "llama.cpp b11206"),
        ("", ""),
        ("e\u0301", "é"),
        ("a\nb\tc", "a\ufffdb\ufffdc"),
        ("\x1b[2Jgone", "\ufffd[2Jgone"),
        ("\x1b]0;title\x07", "\ufffd]0;title\ufffd"),
        ("10\u202e01", "10\ufffd01"),
        ("a\u200bb", "a\ufffdb"),
        ("\ud800", "\ufffd"),
    ],
)
def test_plain_text_keeps_words_and_replaces_what_acts_on_a_terminal(given_text: str, shown: str) -> None:
    """Escapes, controls, bidi and zero-width characters and surrogates become U+FFFD."""
    assert plain_text(given_text) == shown


@pytest.mark.parametrize(("length", "shown"), [(4, "aaaa"), (5, "aaaaa"), (6, "aaaa…"), (1000, "aaaa…")])
def test_plain_text_cuts_with_an_ellipsis_inside_the_limit(length: int, shown: str) -> None:
    """The ellipsis counts, and a text of exactly the limit is not cut."""
    assert plain_text("a" * length, 5) == shown


@given(ANY_TEXT, st.integers(1, 100))
def test_plain_text_is_always_printable_and_short(text: str, limit: int) -> None:
    """No text of any kind passes the limit or leaves a character that is not printable."""
    shown = plain_text(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable() or "\ufffd" in shown
    assert all(c.isprintable() for c in shown)


@given(st.text(st.sampled_from("e\u0301\u0323\u1100\u1161\u11a8\u03b9\u0308"), max_size=600))
def test_cutting_before_composing_changes_nothing(text: str) -> None:
    """Composition of a long text is the same as if all of it had been composed before the cut."""
    whole = "".join(c if c.isprintable() else "\ufffd" for c in unicodedata.normalize("NFC", text))
    assert plain_text(text, 20) == (whole if len(whole) <= 20 else whole[:19] + "…")


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("llama.cpp | 99999 |", r"llama.cpp \| 99999 \|"),
        ("<script>", r"\<script\>"),
        ("![x](http://a)", r"\!\[x\]\(http\://a\)"),
        ("`code` ~~no~~", r"\`code\` \~\~no\~\~"),
        ("@team #12", r"\@team \#12"),
        ("back\\slash", r"back\\slash"),
        ("a\nb", "a\ufffdb"),
        ("=1+1", r"\=1\+1"),
        ("  =SUM", r"  \=SUM"),
        ("a=b", "a=b"),
        ("see www.example.com", r"see www\.example.com"),
        ("WWW.example.com", r"WWW\.example.com"),
        ("-x", r"\-x"),
        ("&amp;", r"\&amp;"),
    ],
)
def test_cell_takes_the_meaning_from_markdown(given_text: str, shown: str) -> None:
    """Columns, HTML, images, mentions, links and formulas stay text."""
    assert cell(given_text) == shown


@given(ANY_TEXT)
def test_no_cell_breaks_out(text: str) -> None:
    """No unescaped Markdown character, formula or line break is left, whatever the text."""
    shown = cell(text)
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", shown)
    assert not re.search(r"[\\`*_{}\[\]()<>#+!|~&:@-]", bare)
    assert not shown.lstrip().startswith("=")
    assert "www." not in shown.lower()
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), ""),
        (("lane",), "lane"),
        (("cells", 3, "lane"), "cells[3].lane"),
        ((0, 1), "[0][1]"),
        (("a\nb",), "a\ufffdb"),
    ],
)
def test_a_path_reads_like_an_expression(path: tuple[str | int, ...], shown: str) -> None:
    """Keys are joined by dots, indexes stand in brackets, and a hostile key is made harmless."""
    assert path_text(path) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1, "1"),
        (1.5, "1.5"),
        ("a\x1bb", '"a\ufffdb"'),
        ("x" * 100, '"' + "x" * 57 + '…"'),
        pytest.param(10**5000, "a very long integer", id="5000 digits"),
        ([1], "a list"),
        ({"a": 1}, "an object"),
    ],
)
def test_values_are_shown_short_and_in_the_words_of_json(value: object, shown: str) -> None:
    """Nothing of a value beyond 60 characters is quoted; containers are only named."""
    assert value_text(value) == shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [(["a"], '"a"'), (["a", "b"], '"a" or "b"'), (["a", "b", None], '"a", "b" or null')],
)
def test_allowed_values_are_listed(values: list[object], shown: str) -> None:
    """One, two and three values read as a sentence would have them."""
    assert one_of(values) == shown


def test_the_nearest_word_is_found_and_a_strange_one_is_not() -> None:
    """A slip of the finger has a near word, another word has none."""
    assert nearest("windw_s", ["window_s", "warmup_s"]) == "window_s"
    assert nearest("zzz", ["window_s", "warmup_s"]) is None
    assert unknown_key("windw_s", ["window_s"]) == 'unknown key "windw_s"; did you mean "window_s"?'
    assert unknown_key("zzz", ["window_s"]) == 'unknown key "zzz"'
    assert did_you_mean("zzz", []) == ""


@pytest.mark.parametrize(
    ("word", "also", "shown"),
    [
        ("yogi", "", "Did you mean 'yoga'?"),
        ("yogi", "Known: yoga.", "Did you mean 'yoga'? Known: yoga."),
        ("zzz", "", "Look again."),
        ("zzz", "Known: yoga.", "Look again. Known: yoga."),
    ],
)
def test_a_name_that_nobody_knows_gets_a_remedy(word: str, also: str, shown: str) -> None:
    """The near one, or else other words; what is always true stands behind them."""
    assert hint(word, ["yoga"], "Look again.", also=also) == shown
    assert hint("zzz", ["yoga"]) == ""


def test_a_foreign_name_in_a_remedy_is_harmless() -> None:
    """What is near may come from somebody's file."""
    assert hint("yoga", ["yog\x1b"]) == "Did you mean 'yog\ufffd'?"


@pytest.mark.parametrize(
    ("words", "shown"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_listed_as_english_does(words: list[str], shown: str) -> None:
    """None, one, two and three."""
    assert listed(words) == shown


def test_a_gigantic_word_is_not_compared() -> None:
    """The comparison is quadratic, so a word longer than any name has no neighbour, not even itself."""
    assert nearest("a" * 64, ["a" * 64]) == "a" * 64
    assert nearest("a" * 65, ["a" * 65]) is None


@pytest.mark.parametrize(
    ("x", "digits", "shown"),
    [
        (None, 2, "–"),  # noqa: RUF001
        (float("nan"), 2, "–"),  # noqa: RUF001
        (float("-inf"), 2, "–"),  # noqa: RUF001
        (0, 0, "0"),
        (1234567.891, 2, "1,234,567.89"),
        (-1234.5, 1, "-1,234.5"),
        (-0.0, 1, "0.0"),
        (-0.004, 2, "0.00"),
        (-0.006, 2, "-0.01"),
        (999.999, 1, "1,000.0"),
        (12, 3, "12.000"),
    ],
)
def test_numbers_have_fixed_digits_and_commas(x: float | None, digits: int, shown: str) -> None:
    """No data is a dash, never 0, and nothing is ever a negative zero."""
    assert number(x, digits) == shown


@pytest.mark.parametrize(
    ("ns", "shown"),
    [(None, "–"), (0, "0.0 s"), (1_234_500_000_000, "1,234.5 s"), (-40_000_000, "0.0 s")],  # noqa: RUF001
)
def test_seconds_come_from_nanoseconds(ns: int | None, shown: str) -> None:
    """Nanoseconds are divided, rounded once and given their unit."""
    assert seconds(ns) == shown


@pytest.mark.parametrize(
    ("n", "shown"),
    [
        (None, "–"),  # noqa: RUF001
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_117_320_768, "1.1 GB"),
        (10**15, "1.0 PB"),
        (10**18, "1,000.0 PB"),
    ],
)
def test_bytes_have_a_fitting_unit(n: int | None, shown: str) -> None:
    """The number before the unit stays below 1,000 as long as there is a larger unit."""
    assert bytes_text(n) == shown
