"""YAML is read as JSON with comments: its surprises are refused or stay strings, and errors name the line."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.strict.json_reader import Json, StrictError, read_json, write_json
from kit.strict.yaml_reader import read_yaml

DOCUMENT = b"""\
# a comment
schema: kit/platform/1
title: "Quoted: yes"
workload:
  concurrencies: [1, 4,
    16]
  warmup_s: 2.5
entries:
  - name: first
    settings: {slots: 4, flash: true}
  - name: second
    note: >-
      folded
      text
prompt: |
  line one
    line two
plain: several words
  on two lines
nothing:
"""


def test_a_document_as_people_write_it() -> None:
    """Comments, block and flow style, folded, literal and plain strings over several lines."""
    assert read_yaml(DOCUMENT, "f").value == {
        "schema": "kit/platform/1",
        "title": "Quoted: yes",
        "workload": {"concurrencies": [1, 4, 16], "warmup_s": 2.5},
        "entries": [
            {"name": "first", "settings": {"slots": 4, "flash": True}},
            {"name": "second", "note": "folded text"},
        ],
        "prompt": "line one\n  line two\n",
        "plain": "several words on two lines",
        "nothing": None,
    }


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("schema",), 2),
        (("workload", "concurrencies"), 5),
        (("workload", "concurrencies", 0), 5),
        (("workload", "concurrencies", 2), 6),
        (("entries", 1), 11),
        (("entries", 1, "note"), 12),
        (("entries", 0, "settings", "flash"), 10),
        (("nothing",), 20),
        (("workload", "missing"), 4),
        (("entries", 1, "missing", 3), 11),
        (("entries", 7), 8),
        (("missing",), 2),
    ],
)
def test_every_key_and_item_has_its_line(path: tuple[str | int, ...], line: int) -> None:
    """A path that is not there has the line of its nearest parent."""
    assert read_yaml(DOCUMENT, "f").line(path) == line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("''", ""),
        ("'1'", "1"),
        ("0", 0),
        ("-12", -12),
        ("999999999999999999", 999_999_999_999_999_999),
        ("1.0", 1.0),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        ("no", "no"),
        ("Yes", "Yes"),
        ("True", "True"),
        ("NULL", "NULL"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("+1", "+1"),
        ("1_000", "1_000"),
        (".5", ".5"),
        ("1.", "1."),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("2026-11-22", "2026-11-22"),
        ("=", "="),
    ],
)
def test_scalars_have_the_types_of_json_and_no_others(text: str, value: Json) -> None:
    """What YAML 1.1 would turn into booleans, octals, times and dates is a string."""
    read = read_yaml(f"a: {text}\n".encode(), "f").value
    assert isinstance(read, dict)
    assert read == {"a": value}
    assert type(read["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb: &x 2\n", "line 2", "anchors and aliases are not allowed"),
        ("a: 1\nb: *x\n", "line 2", "anchors and aliases are not allowed"),
        ("&a [*a]\n", "line 1", "anchors and aliases are not allowed"),
        ("&k a: 1\n", "line 1", "anchors and aliases are not allowed"),
        ("a: !!str 1\n", "line 1", "tags are not allowed"),
        ("a: ! 1\n", "line 1", "tags are not allowed"),
        ("a: !!python/object/apply:os.system [ls]\n", "line 1", "tags are not allowed"),
        ("!!map {a: 1}\n", "line 1", "tags are not allowed"),
        ("x:\n  <<: {a: 1}\n", "line 2 x", "merge keys are not allowed"),
        ("a: 1\nb: 2\na: 3\n", "line 3 a", "the same key twice"),
        ("x:\n  - {b: 1, 'b': 2}\n", "line 2 x[0].b", "the same key twice"),
        ("1: a\n", "line 1", "a key that is not a string; put it in quotes"),
        ("a:\n  true: 1\n", "line 2 a", "a key that is not a string; put it in quotes"),
        ("a:\n  ?\n  : 1\n", "line 2 a", "a key that is not a string; put it in quotes"),
        ("? [a]\n: 1\n", "line 1", "a key that is not a string; put it in quotes"),
        ("? {a: 1}\n: 1\n", "line 1", "a key that is not a string; put it in quotes"),
        ("a:\n  - 1e999\n", "line 2 a[0]", "a number too large for a float"),
        ("a: 1000000000000000000\n", "line 1 a", "an integer of more than 18 digits"),
        ("a: -" + "9" * 5000 + "\n", "line 1 a", "an integer of more than 18 digits"),
        ('a: 1\nb: "\\ud800"\n', "line 2 b", "half of a surrogate pair in a string"),
        ('"\\udfff": 1\n', "line 1", "half of a surrogate pair in a string"),
        ("a: 1\n---\nb: 2\n", "line 2", "not YAML: but found another document"),
        ("", "", "the file is empty"),
        ("# only a comment\n", "", "the file is empty"),
        ("a: [1\nb: 2\n", "line 2", "not YAML: expected ',' or ']', but got ':'"),
        ("a: 1\n\tb: 2\n", "line 2", "not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\nb: \x07\n", "line 2", "a character that must not stand in YAML"),
        ('a: "\\U00110000"\n', "", "not YAML: an escape or directive that cannot be understood"),
        ("%YAML " + "1" * 5000 + ".1\n---\na\n", "", "not YAML: an escape or directive that cannot be understood"),
        ("%YAML 2.0\n---\na\n", "line 1", "not YAML: found incompatible YAML document (version 1.* is required)"),
        ("[" * 21 + "]" * 21, "line 1", "nested more than 20 deep"),
        ("a:\n" + "- " * 30_000, "line 2", "nested more than 20 deep"),
        ("{a: " * 1000, "line 1", "nested more than 20 deep"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_doubtful_yaml_is_refused_with_its_line(text: str, place: str, message: str) -> None:
    """Anchors, tags, merges, twins, odd keys and numbers, second documents and deep nests."""
    with pytest.raises(StrictError) as raised:
        read_yaml(text.encode(), "f.yaml")
    assert (raised.value.where, raised.value.place, raised.value.message) == ("f.yaml", place, message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xef\xbb\xbfa: 1\n", "line 1: starts with a byte order mark"),
        ("a: 1\n".encode("utf-16"), "line 1: UTF-16, not UTF-8"),
        (b"a: 1\nb: \xff\n", "line 2: not valid UTF-8"),
        (b"#" * 65_537, "65537 bytes are more than the 65536 allowed"),
    ],
    ids=["bom", "utf-16", "not utf-8", "too big"],
)
def test_bytes_that_are_no_small_utf8_text_are_refused(data: bytes, message: str) -> None:
    """The encoding is never guessed, and the size is looked at first."""
    with pytest.raises(StrictError, match=message):
        read_yaml(data, "f")


def test_limits_are_inclusive() -> None:
    """Exactly 64 KiB and exactly 20 levels are read."""
    assert read_yaml(b"1" + b" " * 65_534 + b"\n", "f").value == 1
    assert json.dumps(read_yaml(b"[" * 20 + b"1" + b"]" * 20, "f").value) == "[" * 20 + "1" + "]" * 20


def test_lines_that_end_as_on_windows_are_lines() -> None:
    """People's files may have CRLF; it neither shifts line numbers nor stays in strings."""
    located = read_yaml(b"a: 1\r\nb: |\r\n  x\r\n  y\r\n", "f")
    assert located.value == {"a": 1, "b": "x\ny\n"}
    assert located.line(("b",)) == 2


PIECES = st.sampled_from(
    [
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        '"',
        "'",
        "\\U00110000",
        "\\ud800",
        "\\x",
        "|",
        ">-\n",
        "&a ",
        "*a",
        "!!str ",
        "!<",
        "%YAML 1.1\n",
        "%TAG ! x\n",
        "---",
        "...",
        "\n---\n",
        "<<: ",
        "? ",
        "#c",
        "1e999",
        "9" * 19,
        "~",
        "null",
        "true",
        "0",
        "1.5",
        "\t",
        "\x85",
        "\u2028",
        "\ufeff",
        "\r",
        "@",
        "`",
        "\x00",
        "|9\n",
        "=",
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=40))
def test_no_text_makes_the_reader_fail_otherwise(text: str) -> None:
    """A `StrictError`, or a value that strict JSON can hold, with a line for each of its places."""
    try:
        located = read_yaml(text.encode("utf-8", "surrogatepass"), "f")
    except StrictError:
        return
    assert read_json(write_json(located.value), "f") == located.value
    last = len(text.splitlines()) + 1
    assert all(1 <= line <= last for line in located.lines.values())


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**18) + 1, 10**18 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", max_size=5), inner, max_size=4)
        ),
        max_leaves=15,
    )
)
def test_json_is_yaml(value: Json) -> None:
    """A JSON document read as YAML gives the very same value, number kinds included."""
    read = read_yaml(json.dumps(value).encode(), "f").value
    assert json.dumps(read) == json.dumps(value)
    assert not isinstance(read, float) or math.isfinite(read)
