"""JSON that two readers could understand differently is refused, and only by `StrictError`."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.errors import InputError, InternalError
from kit.strict.json_reader import (
    Json,
    StrictError,
    read_json,
    read_jsonl,
    write_json,
    write_jsonl_line,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18) + 1, 10**18 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
JSONISH = st.text(st.sampled_from('[]{}",:\\ud8eE+-.0123456789 \ntrfalsn\x00é'), max_size=80)

# --- one document ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b" [1, 2.5, true, null]\n", [1, 2.5, True, None]),
        (b'{"a": {"a": 1}}', {"a": {"a": 1}}),
        (b"999999999999999999", 999_999_999_999_999_999),
        (b"-999999999999999999", -999_999_999_999_999_999),
        (b'"\\ud83d\\ude00 \xc3\xa9"', "\U0001f600 é"),
        (b"[" * 32 + b"]" * 32, None),
        (b'{"a":' * 31 + b"[]" + b"}" * 31, None),
        (json.dumps("[{" * 500 + '"' + "\\" * 7).encode(), "[{" * 500 + '"' + "\\" * 7),
    ],
)
def test_plain_json_is_read(data: bytes, value: Json) -> None:
    """Numbers keep their kind, pairs of surrogates are one character, brackets in strings do not nest."""
    read = read_json(data, "f")
    assert read == (json.loads(data) if value is None else value)


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"", "line 1 column 1", "not JSON: Expecting value"),
        (b'{"a": 1,\n "b": }', "line 2 column 7", "not JSON: Expecting value"),
        (b"1 2", "line 1 column 3", "not JSON: Extra data"),
        (b"\xef\xbb\xbf{}", "line 1", "starts with a byte order mark"),
        (
            "{}".encode("utf-16"),
            "line 1",
            "UTF-16, not UTF-8 (PowerShell: Out-File -Encoding utf8NoBOM)",
        ),
        (
            "{}".encode("utf-32-le"),
            "line 1 column 2",
            "not JSON: Expecting property name enclosed in double quotes",
        ),
        (b'{\n"a": "\xff"}', "line 2", "not valid UTF-8"),
        (b'"\xed\xa0\x80"', "line 1", "not valid UTF-8"),
        (b"[" * 33 + b"]" * 33, "", "nested more than 32 deep"),
        (b"[" * 100_000, "", "nested more than 32 deep"),
        (b'{"a":' * 100_000, "", "nested more than 32 deep"),
        (b"[" + b"[]," * 50 + b"[" * 32 + b"]" * 32 + b"]", "", "nested more than 32 deep"),
        (b"]" * 50 + b"[" * 20, "line 1 column 1", "not JSON: Expecting value"),
        (b"[" + b"[]," * 50, "line 1 column 152", "not JSON: Expecting value"),
        (b'["' + b"[" * 50, "line 1 column 2", "not JSON: Unterminated string starting at"),
        (b'{"a": 1, "a": 1}', 'key "a"', "the same key twice"),
        (b'[{"x": {"\\u0061": 1, "a": 2}}]', 'key "a"', "the same key twice"),
        (b"NaN", "", "NaN is not a JSON number"),
        (b"[-Infinity]", "", "-Infinity is not a JSON number"),
        (b"1e999", "1e999", "a number too large for a float"),
        (b"-1e999", "-1e999", "a number too large for a float"),
        (b"1000000000000000000", "1000000000000000000", "an integer of more than 18 digits"),
        (b"-1000000000000000000", "-1000000000000000000", "an integer of more than 18 digits"),
        (b"9" * 5000, "9" * 29 + "…", "an integer of more than 18 digits"),
        (b'{"a": ["x", "\\ud800"]}', "a[1]", "half of a surrogate pair in a string"),
        (b'{"\\udc00": 1}', "", "half of a surrogate pair in a string"),
        (b'{"a": "\\uDBFF"}', "a", "half of a surrogate pair in a string"),
        (b'"a\nb"', "line 1 column 3", "not JSON: Invalid control character at"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_doubtful_json_is_refused_with_its_place(data: bytes, place: str, message: str) -> None:
    """Each hole of the plain reader is closed, and the error says where."""
    with pytest.raises(StrictError) as raised:
        read_json(data, "f.json")
    assert (raised.value.where, raised.value.place, raised.value.message) == ("f.json", place, message)


def test_a_document_over_the_cap_is_refused_before_it_is_parsed() -> None:
    """The cap is in bytes and inclusive."""
    assert read_json(b'"abc"', "f", max_bytes=5) == "abc"
    with pytest.raises(StrictError, match="6 bytes are more than the 5 allowed"):
        read_json(b"\xff" * 6, "f", max_bytes=5)


def test_an_error_names_file_place_and_remedy_and_survives_a_process_boundary() -> None:
    """It is an input error with one harmless line, and pickles with its fields."""
    error = StrictError("a\x1bb.json", "line 3", "wrong\n")
    assert error.what == "a\ufffdb.json: line 3: wrong\ufffd."
    assert error.remedy
    assert isinstance(error, InputError)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.place) == (str(error), "line 3")


@given(st.binary(max_size=60) | JSONISH.map(str.encode))
@example(b'"\\')
@example(b'["\\')
def test_no_bytes_make_the_reader_fail_otherwise(data: bytes) -> None:
    """Whatever comes in: a value that the plain reader agrees with, or a `StrictError`."""
    try:
        value = read_json(data, "f")
    except StrictError:
        return
    assert value == json.loads(data)
    assert read_json(write_json(value), "f") == value


@given(st.text(st.sampled_from('[]{}"\\ a'), max_size=300))
def test_depth_is_that_of_the_brackets_outside_strings(text: str) -> None:
    """Only what nests more than 32 deep is called too deep: checked against a plain count."""
    deep = '["' + text.replace("\\", "").replace('"', "") + '"' + "[" * 31 + "1" + "]" * 31 + "]"
    deep = deep.replace('"[', '",[')
    assert read_json(deep.encode(), "f") == json.loads(deep)
    with pytest.raises(StrictError, match="nested more than 32 deep"):
        read_json(b"[" + deep.encode() + b"]", "f")


# --- lines ----------------------------------------------------------------------------------------------


def test_lines_are_numbered_and_an_empty_file_gives_nothing() -> None:
    """Line numbers begin at 1; no bytes are no lines, not an error."""
    assert list(read_jsonl(b'{"id":0}\n[1]\n', "f")) == [(1, {"id": 0}), (2, [1])]
    assert list(read_jsonl(b"", "f")) == []


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"1\n2", "line 2", "the last line does not end with a line feed"),
        (b"1\n\n2\n", "line 2", "a blank line"),
        (b"1\n  \n", "line 2", "a blank line"),
        (b"\n", "line 1", "a blank line"),
        (b"1\r\n2\r\n", "line 1", "a carriage return; lines end with a single line feed"),
        (b"1\n2 3\n", "line 2 column 3", "not JSON: Extra data"),
        (b'1\n{"a":\n1}\n', "line 2 column 6", "not JSON: Expecting value"),
        (b'1\n{"a":1,"a":1}\n', 'line 2 key "a"', "the same key twice"),
        (b"1\n\xff\n", "line 2", "not valid UTF-8"),
        (b"1\n\xef\xbb\xbf2\n", "line 2", "starts with a byte order mark"),
        (b"1\n" + b"[" * 33 + b"]" * 33 + b"\n", "line 2", "nested more than 32 deep"),
        (b"1\n123456789\n", "line 2", "longer than 8 bytes"),
        (b"1\n123456789", "line 2", "longer than 8 bytes"),
        (b"1\n2\n3\n4\n5\n", "line 5", "more than 4 lines"),
        (b"1\n2\n3\n4\n5", "line 5", "more than 4 lines"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_lines_out_of_form_are_refused(data: bytes, place: str, message: str) -> None:
    """The framing is exact, and the error has the line of the file."""
    limit = 8 if "8 bytes" in message else 1000
    with pytest.raises(StrictError) as raised:
        list(read_jsonl(data, "f", max_line_bytes=limit, max_lines=4))
    assert (raised.value.place, raised.value.message) == (place, message)


def test_limits_are_inclusive_and_lines_before_a_bad_one_are_given() -> None:
    """Exactly the allowed length and count pass; reading is lazy."""
    assert len(list(read_jsonl(b"12345678\n" * 4, "f", max_line_bytes=8, max_lines=4))) == 4
    lines = read_jsonl(b"1\nx\n", "f")
    assert next(lines) == (1, 1)
    with pytest.raises(StrictError):
        next(lines)


@given(st.lists(VALUES, max_size=5))
def test_written_lines_are_read_back(values: list[Json]) -> None:
    """What is written is one line for each value, and reading gives the same values."""
    data = b"".join(map(write_jsonl_line, values))
    assert [value for _, value in read_jsonl(data, "f")] == values
    assert data.count(b"\n") == len(values)


@given(st.binary(max_size=60) | JSONISH.map(str.encode))
def test_no_bytes_make_the_line_reader_fail_otherwise(data: bytes) -> None:
    """Any odd file ends in lines or in a `StrictError`; good ones hold as many lines as line feeds."""
    try:
        lines = list(read_jsonl(data, "f"))
    except StrictError:
        return
    assert len(lines) == data.count(b"\n")


# --- writing --------------------------------------------------------------------------------------------


def test_the_two_forms_of_writing() -> None:
    """Sorted keys and one line feed at the end: indented for documents, without spaces for lines."""
    value = {"b": [1, 2.5], "a": "é\n"}
    assert write_json(value) == '{\n "a": "é\\n",\n "b": [\n  1,\n  2.5\n ]\n}\n'.encode()
    assert write_jsonl_line(value) == '{"a":"é\\n","b":[1,2.5]}\n'.encode()


@given(VALUES)
@example([[], {}, [[]], {"": {}}, [1, [2.0, -0.0, 1e300]], True, None])
@example({"b": 1, "a": {"é\u2028\x7f\\": [False]}})
def test_documents_have_the_very_form_of_the_library(value: Json) -> None:
    """Bundles of all versions were written by `json.dumps`, and are compared byte by byte."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, separators=(",", ": "))
    assert write_json(value) == f"{text}\n".encode()


def test_values_of_other_types_are_written_as_the_library_does() -> None:
    """Tuples as lists, keys that are numbers as texts."""
    assert write_json({1: (True, ())}) == b'{\n "1": [\n  true,\n  []\n ]\n}\n'


@given(VALUES)
def test_a_written_document_is_read_back(value: Json) -> None:
    """Reading undoes writing, and writing again gives the same bytes."""
    data = write_json(value)
    assert read_json(data, "f") == value
    assert write_json(read_json(data, "f")) == data


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}, {"a": b""}])
def test_what_no_reader_could_read_is_not_written(value: object) -> None:
    """NaN, infinity, half surrogates and foreign types are mistakes of the kit."""
    for write in (write_json, write_jsonl_line):
        with pytest.raises(InternalError, match="cannot be written as JSON"):
            write(value)
