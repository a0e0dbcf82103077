"""Reading and writing JSON without trust: what two readers could understand differently is refused.

Readers take bytes and raise `StrictError`, never anything else, whatever the bytes are.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeAlias

from kit.errors import InputError, InternalError
from kit.text import path_text, plain_text

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MIB = 1024 * 1024
MAX_JSON_BYTES = 64 * MIB
MAX_LINE_BYTES = MIB
MAX_LINES = 1_000_000
MAX_DEPTH = 32
# Each list and object costs more than half a hundred bytes when it is read, each value eight or more.
MAX_CONTAINERS = 2_000_000
MAX_VALUES = 4_000_000
# 18 digits always fit into 64 bits, and no later arithmetic overflows a float.
MAX_DIGITS = 18

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # as Windows PowerShell writes what > makes
# Possessive, and the closing quote is optional: linear also where a string never ends.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_TO_ROUND = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[{]}")
_TO_ZERO = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_LONG_DIGITS = b"0" * (MAX_DIGITS + 1)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class StrictError(InputError):
    """A file that is not what it must be: `where` is the file, `place` e.g. "line 3" or "cells[3].lane"."""

    def __init__(self, where: str, place: str, message: str) -> None:
        self.where = plain_text(where, 4096)
        self.place = plain_text(place, 400)
        self.message = plain_text(message, 400)
        parts = [part for part in (self.where, self.place, self.message) if part]
        super().__init__(": ".join(parts) + ".", "Correct this place, or make the file again.")

    def __reduce__(self) -> tuple[type[StrictError], tuple[str, str, str]]:
        return type(self), (self.where, self.place, self.message)


class RefusedError(Exception):
    """What is wrong with bytes whose file only the caller knows; `line` and `column` from 1, 0 is unknown."""

    def __init__(self, message: str, place: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.line = line
        self.column = column

    def of_file(self, where: str, first_line: int = 0) -> StrictError:
        """The error to raise; `first_line` is the number of the line that the refused bytes begin with."""
        line = self.line + first_line - 1 if self.line and first_line else self.line or first_line
        spots = (f"line {line}" * bool(line), f"column {self.column}" * bool(self.column), self.place)
        return StrictError(where, " ".join(spot for spot in spots if spot), self.message)


# --- reading --------------------------------------------------------------------------------------------


def read_json(data: bytes, where: str, *, max_bytes: int = MAX_JSON_BYTES) -> Json:
    """The one JSON value that `data` is; `StrictError` for whatever readers could take differently."""
    if len(data) > max_bytes:
        raise StrictError(where, "", f"{len(data)} bytes are more than the {max_bytes} allowed")
    try:
        return _parsed(data)
    except RefusedError as refused:
        raise refused.of_file(where) from None


def read_jsonl(
    data: bytes, where: str, *, max_line_bytes: int = MAX_LINE_BYTES, max_lines: int = MAX_LINES
) -> Iterator[tuple[int, Json]]:
    """(line number from 1, value) of each line, lazily; every line must end in exactly one LF.

    An empty file gives nothing. `StrictError` names the line.
    """
    for number, line in jsonl_lines(data, where, max_line_bytes=max_line_bytes, max_lines=max_lines):
        yield number, read_line(line, where, number)


def read_line(line: bytes, where: str, number: int) -> Json:
    """The value of one line, without its LF."""
    try:
        return parsed_line(line)
    except RefusedError as refused:
        raise refused.of_file(where, number) from None


def jsonl_lines(
    data: bytes, where: str, *, max_line_bytes: int = MAX_LINE_BYTES, max_lines: int = MAX_LINES
) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, its bytes without the LF) of each line, lazily; nothing is parsed."""
    start = 0
    for line in range(1, max_lines + 1):
        if start == len(data):
            return
        end = data.find(b"\n", start, start + max_line_bytes + 1)
        try:
            if end < 0:
                _refuse_unended(len(data) - start, max_line_bytes)
        except RefusedError as refused:
            raise refused.of_file(where, line) from None
        yield line, data[start:end]
        start = end + 1
    if start < len(data):
        raise StrictError(where, f"line {max_lines + 1}", f"more than {max_lines} lines")


def _refuse_unended(remaining_bytes: int, max_line_bytes: int) -> NoReturn:
    if remaining_bytes > max_line_bytes:
        raise RefusedError(f"longer than {max_line_bytes} bytes")
    raise RefusedError("the last line does not end with a line feed")


def parsed_line(line: bytes) -> Json:
    """The value of one line; `RefusedError` if it is none."""
    if b"\r" in line:
        raise RefusedError("a carriage return; lines end with a single line feed")
    if not line.strip():
        raise RefusedError("a blank line")
    return _parsed(line)


def _parsed(data: bytes) -> Json:
    text = utf8(data)
    if _too_deep(data):
        raise RefusedError(f"nested more than {MAX_DEPTH} deep")
    _check_count(data)
    try:
        # No number can be too long where no run of digits is: then Python's own conversion, six times as fast.
        value: Json = (_DECODER if _LONG_DIGITS in data.translate(_TO_ZERO) else _QUICK_DECODER).decode(text)
    except json.JSONDecodeError as error:
        raise RefusedError(f"not JSON: {error.msg}", "", error.lineno, error.colno) from None
    if b"\\u" in data and _SURROGATE_ESCAPE.search(data):
        _refuse_surrogates(value, ())
    return value


def utf8(data: bytes) -> str:
    """The text of `data`, which must be UTF-8 without a byte order mark; `RefusedError` names the line."""
    if data.startswith(_BOM):
        raise RefusedError("starts with a byte order mark", line=1)
    if data.startswith(_UTF_16):
        raise RefusedError("UTF-16, not UTF-8 (PowerShell: Out-File -Encoding utf8NoBOM)", line=1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError("not valid UTF-8", line=data.count(b"\n", 0, error.start) + 1) from None


def _too_deep(data: bytes) -> bool:
    """Whether brackets outside strings nest deeper than allowed: each pass removes the innermost pairs.

    What is left when no pair is left are closing brackets before opening ones: no JSON, and the parser stops
    at the first closing one. Only a long row of opening ones would still take it too deep.
    """
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", data).translate(_TO_ROUND, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        before, brackets = len(brackets), brackets.replace(b"()", b"")
        if len(brackets) == before:
            break
    return b"()" in brackets or brackets.count(b"(") > MAX_DEPTH


def _check_count(data: bytes) -> None:
    """Refuse what takes far more memory than it has bytes, before any of it is made."""
    if len(data) > MAX_CONTAINERS and data.count(b"[") + data.count(b"{") > MAX_CONTAINERS:
        raise RefusedError(f"more than {MAX_CONTAINERS} lists and objects")
    if len(data) > MAX_VALUES and data.count(b",") > MAX_VALUES:
        raise RefusedError(f"more than {MAX_VALUES} values")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise RefusedError("the same key twice", f'key "{plain_text(key, 60)}"')
        seen.add(key)
    raise InternalError("Keys of an object were lost without being equal.")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS and len(digits.lstrip("-")) > MAX_DIGITS:
        raise RefusedError(f"an integer of more than {MAX_DIGITS} digits", plain_text(digits, 30))
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise RefusedError("a number too large for a float", plain_text(digits, 30))
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise RefusedError(f"{name} is not a JSON number")


def _refuse_surrogates(value: Json, path: tuple[str | int, ...]) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RefusedError("half of a surrogate pair in a string", path_text(path)) from None
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_surrogates(key, path)
            _refuse_surrogates(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_surrogates(item, (*path, index))


# One for all calls: to build it takes longer than to read a short line.
_QUICK_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_finite, parse_int=_integer, parse_constant=_refuse_constant
)


# --- writing --------------------------------------------------------------------------------------------

_LINE = "\n"
_quoted: Callable[[Any], str] = json.encoder.encode_basestring


def write_json(value: object) -> bytes:
    """A document for a file: UTF-8, keys sorted, indented by one, LF at the end; equal values, equal bytes."""
    try:
        return f"{_indented(value, _LINE)}\n".encode()
    except (TypeError, ValueError, RecursionError):
        return _written(value, indent=1, separators=(",", ": "))  # what is wrong, or of another type


def _indented(value: object, line: str) -> str:
    """What `json.dumps` with an indent of one makes of plain values, which has no C for it: twice as fast.

    `line` ends a line and indents the next.
    """
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is int:
        return repr(value)
    if kind is float and math.isfinite(value):  # type: ignore[arg-type]
        return repr(value)
    if value is None or kind is bool:
        return "null" if value is None else "true" if value else "false"
    if kind is dict:
        within = f"{line} "
        pairs: list[tuple[str, object]] = sorted(value.items())  # type: ignore[attr-defined]
        items = [f"{_quoted(key)}: {_indented(item, within)}" for key, item in pairs]
        return f"{{{within}{f',{within}'.join(items)}{line}}}" if items else "{}"
    if kind is list:
        within = f"{line} "
        items = [_indented(item, within) for item in value]  # type: ignore[attr-defined]
        return f"[{within}{f',{within}'.join(items)}{line}]" if items else "[]"
    raise TypeError


def write_jsonl_line(value: object) -> bytes:
    """One line of a JSONL file: UTF-8, keys sorted, no spaces, one LF at the end."""
    return _written(value, indent=None, separators=(",", ":"))


def _written(value: object, indent: int | None, separators: tuple[str, str]) -> bytes:
    try:
        text = json.dumps(
            value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=indent, separators=separators
        )
        return text.encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InternalError(f"A value cannot be written as JSON: {plain_text(str(error))}.") from error
