"""kit.output: nothing that is printed moves a cursor, fails for an encoding, or breaks when nobody reads."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.output import Outlet, checked_output, drawing_error, harmless, printable_json
from tests.support.terminal import EVIL


@given(st.text())
def test_any_text_is_printable_afterwards(text: str) -> None:
    found = harmless(text)
    assert all(c.isprintable() or c in "\n\t" for c in found)
    assert len(found) == len(text)
    assert harmless(found) == found


def test_printable_text_stays_as_it_is() -> None:
    for text in ("", "a\tb\nc", "– … † é 漢 🙂\n"):  # noqa: RUF001
        assert harmless(text) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["utf-8", "latin-1", "ascii", "cp437"]))
def test_json_means_the_same_in_every_encoding(value: object, encoding: str) -> None:
    """And reaches the terminal without a control character, whatever strings it has."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    shown = printable_json(text, encoding)
    assert json.loads(shown.encode(encoding).decode(encoding)) == value
    assert all(c.isprintable() or c == "\n" for c in shown)


def test_json_that_may_be_printed_keeps_its_bytes() -> None:
    text = '{\n "a": "é – 漢 🙂"\n}\n'  # noqa: RUF001
    assert printable_json(text) == text
    assert printable_json(json.dumps("\x7f")) == r'"\u007f"'


def stream_in(encoding: str) -> tuple[io.BytesIO, io.TextIOWrapper]:
    data = io.BytesIO()
    return data, io.TextIOWrapper(data, encoding=encoding, errors="strict", write_through=True)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "– … † é ≤ ’ 漢"),  # noqa: RUF001
        ("latin-1", "- ... + é <= ' ?"),
        ("cp437", "- ... + é ≤ ' ?"),
        ("cp1252", "– … † é <= ’ ?"),  # noqa: RUF001
        ("ascii", "- ... + e <= ' ?"),
    ],
)
def test_what_an_encoding_lacks_has_a_stand_in(encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, stream = stream_in(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    with checked_output():
        sys.stdout.write("– … † é ≤ ’ 漢")  # noqa: RUF001
    assert sys.stdout is stream
    assert data.getvalue() == shown.encode(encoding)


def test_surrogates_of_file_names_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is not UTF-8."""
    data, stream = stream_in("utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    with checked_output():
        sys.stdout.write(os.fsdecode(b"a\xff"))
    assert data.getvalue().decode() == "a\ufffd"


def test_only_who_draws_gets_control_characters_through(monkeypatch: pytest.MonkeyPatch) -> None:
    data, stream = stream_in("utf-8")
    monkeypatch.setattr(sys, "stderr", stream)
    with checked_output():
        sys.stderr.write(EVIL)
        drawing_error().write("\x1b[1m")
    assert data.getvalue().decode().count("\x1b") == 1
    assert drawing_error() is stream


def test_what_is_no_text_is_refused() -> None:
    """There is no way past the check; click then takes the stream for one of text."""
    _, stream = stream_in("utf-8")
    outlet = Outlet(stream)
    with pytest.raises(TypeError, match="text"):
        outlet.write(cast(str, b"\x1b"))
    assert not hasattr(outlet, "buffer")


def test_after_the_reader_has_gone_the_rest_is_dropped() -> None:
    """Also what the interpreter flushes at its end."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        outlet = Outlet(stream)
        outlet.write("a" * 100_000)
        outlet.flush()
        outlet.write("b")
        stream.flush()


def test_without_a_standard_output_nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `>&-`."""
    monkeypatch.setattr(sys, "stdout", None)
    with checked_output():
        assert sys.stdout is None
