"""The quick and narrow door for records: one parsed line of records.jsonl to one `Record`.

It accepts what both schemas/record.v1.json and `typed(Record, ...)` accept, and demands besides that
`chunk_tokens`, where present, has one count for every chunk, and that what may be left out is not written at its
default: so a record has one form. Tests hold the three together.

`quick_record` is quicker still, for bytes that are written as the kit writes them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from itertools import chain
from typing import Any, get_args

from kit.documents import TOOL, CountFault, Dialect, ErrorKind, Outcome, Record, TokenSource
from kit.documents.chunks import Chunks
from kit.strict.decode import MismatchError, check_keys, expected, object_of
from kit.strict.json_reader import Json, RefusedError, StrictError, parsed_line, write_jsonl_line
from kit.text import one_of, path_text

MAX_COUNT = 10**15
MAX_CHUNKS = 1_000_000
MAX_STATUS = 999
MAX_WORDS_CHARS = 200
MAX_DIALECT = 5

Check = Callable[[object, str], None]

_SALT = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def record_from(value: Json, where: str) -> Record:
    """The record that one line describes; `StrictError` names the place, e.g. `chunks[3]`."""
    try:
        return _record(value)
    except MismatchError as wrong:
        raise StrictError(where, path_text(wrong.path), wrong.message) from None


def _record(value: Json, chunks: Chunks | None = None) -> Record:
    """The record; with `chunks` where they are known already, and the line has an empty list of them."""
    line = object_of(value)
    rare = line.keys() != _FIELDS.keys()
    if rare:
        check_keys(line, tuple(_FIELDS), _FIELDS | _OPTIONAL)
    for name, check in _CHECKS.items():
        check(line[name], name)
    fields: dict[str, Any] = {**line, "chunks": _chunks(line["chunks"]) if chunks is None else chunks}
    fields["chunk_tokens"] = _chunk_tokens(line["chunk_tokens"], len(fields["chunks"]))
    for name in _REPEATED:
        if line[name] is not None:
            fields[name] = sys.intern(fields[name])
    if rare:
        fields |= _optional(line)
    return Record(**fields)


# --- the way for lines that are written as the kit writes them --------------------------------------------


def quick_record(line: bytes) -> Record | None:
    """The record of a line (without its LF) that is in the kit's own form; None if it is not, or is no record.

    Nothing passes here that the long way refuses. Where the line without the items of its `chunks` is a record in
    the kit's form, the comma before that name is no part of a string, because the quote behind it would end one;
    so the name is a key, and there are no objects in a record but itself. The items are lists of three numbers,
    since without their digits they are `[,,]` just so often, and each number is in the one form that JSON has for
    it, since a list of all of them is JSON.
    """
    start = line.find(_BEFORE)
    end = line.find(b"]]", start)
    if start < 0 or end < 0:
        return None
    chunks = _quick_chunks(line[start + len(_BEFORE) : end])
    rest = line[:start] + b',"chunks":[]' + line[end + 2 :]
    try:
        value = parsed_line(rest)
        if chunks is None or write_jsonl_line(value) != rest + b"\n":
            return None
        return _record(value, chunks) if object_of(value).get("chunks") == [] else None
    except (RefusedError, MismatchError):
        return None


def _quick_chunks(items: bytes) -> Chunks | None:
    """Chunks from `1,2,0],[3,4,0`."""
    count = items.count(b"[") + 1
    if count > MAX_CHUNKS or items.translate(None, b"0123456789") != (b",,],[" * count)[:-3]:
        return None
    if _LONG in items.translate(_TO_ZERO):
        return None
    try:
        flat: list[int] = json.loads(b"[" + items.replace(b"],[", b",") + b"]")
        chunks = Chunks(flat[::3], flat[1::3], flat[2::3])
    except ValueError:
        return None
    return None if chunks.channels.translate(None, _CHANNELS) else chunks


# --- scalars: one check for each field ------------------------------------------------------------------


def _count(value: object, name: str) -> None:
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        expected(f"an integer from 0 to {MAX_COUNT}", value, name)


def _status(value: object, name: str) -> None:
    if type(value) is not int or not 0 <= value <= MAX_STATUS:
        expected(f"an integer from 0 to {MAX_STATUS}", value, name)


def _flag(value: object, name: str) -> None:
    if type(value) is not bool:
        expected("true or false", value, name)


def _words(value: object, name: str) -> None:
    if type(value) is not str or len(value) > MAX_WORDS_CHARS:
        expected(f"a string of at most {MAX_WORDS_CHARS} characters", value, name)


def _hex(pattern: re.Pattern[str]) -> Check:
    def check(value: object, name: str) -> None:
        if type(value) is not str or not pattern.fullmatch(value):
            expected(f"lower-case hex digits, {pattern.pattern}", value, name)

    return check


def _member(kind: Any) -> Check:
    allowed = frozenset(get_args(kind))

    def check(value: object, name: str) -> None:
        if type(value) is not str or value not in allowed:
            expected(one_of(get_args(kind)), value, name)

    return check


def _or_null(check: Check) -> Check:
    return lambda value, name: None if value is None else check(value, name)


_CHECKS: dict[str, Check] = {
    "id": _count,
    "worker": _count,
    "prompt": _count,
    "salt": _hex(_SALT),
    "max_tokens": _count,
    "intended_ns": _count,
    "connect_ns": _or_null(_count),
    "sent_ns": _or_null(_count),
    "headers_ns": _or_null(_count),
    "first_event_ns": _or_null(_count),
    "done_ns": _count,
    "status": _or_null(_status),
    "outcome": _member(Outcome),
    "error": _or_null(_member(ErrorKind)),
    "error_detail": _words,
    "finish_reason": _or_null(_words),
    "done_seen": _flag,
    "prompt_tokens": _or_null(_count),
    "completion_tokens": _or_null(_count),
    "cached_tokens": _or_null(_count),
    "token_source": _or_null(_member(TokenSource)),
    "model": _or_null(_words),
    "text_chars": _count,
    "text_sha256": _hex(_SHA256),
}
_BEFORE = b',"chunks":[['
_TO_ZERO = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_LONG = b"0" * len(str(MAX_COUNT))  # a number of fewer digits is less
_CHANNELS = bytes(range(TOOL + 1))
_REPEATED = ("outcome", "error", "finish_reason", "token_source", "model")  # words that a million records have
_FIELDS = {**dict.fromkeys(_CHECKS), "chunks": None, "chunk_tokens": None}


_word = _member(Dialect)


def _dialect(value: object, name: str) -> None:
    words = _list(value, name)
    if len(words) > MAX_DIALECT:
        raise MismatchError(f"more than {MAX_DIALECT} items", name)
    for word in words:
        _word(word, name)


# What most records leave out, and what that means.
_OPTIONAL: dict[str, tuple[Check, object]] = {
    "reasoning_tokens": (_or_null(_count), None),
    "untimed_tokens": (_or_null(_count), 0),
    "count_fault": (_or_null(_member(CountFault)), None),
    "dialect": (_dialect, []),
    "session": (_or_null(_count), None),
    "turn": (_count, 0),
    "turns": (_count, 0),
    "think_ns": (_count, 0),
    "messages_sha256": (_hex(_SHA256), ""),
}


def _optional(line: dict[str, object]) -> dict[str, object]:
    """Those that a line has, as fields of a record."""
    found: dict[str, object] = {}
    for name in line.keys() & _OPTIONAL.keys():
        check, default = _OPTIONAL[name]
        value = line[name]
        check(value, name)
        if value == default:
            raise MismatchError("is written, although it is left out at this value", name)
        found[name] = tuple(value) if isinstance(value, list) else value
    return found


# --- lists: whole at once, and item by item only to find the bad one ---------------------------------------


def _chunks(value: object) -> Chunks:
    chunks = _list(value, "chunks")
    if chunks and not _are_chunks(chunks):
        bad = next(index for index, chunk in enumerate(chunks) if not _are_chunks([chunk]))
        raise MismatchError("expected a list of stamp, characters and channel (0 to 2)", "chunks", bad)
    return Chunks(*([chunk[part] for chunk in chunks] for part in range(3)))


def _are_chunks(chunks: list[Any]) -> bool:
    if set(map(type, chunks)) != {list} or set(map(len, chunks)) != {3}:
        return False
    flat = list(chain.from_iterable(chunks))
    return _are_counts(flat) and max(flat[2::3]) <= TOOL


def _are_counts(values: list[Any]) -> bool:
    return set(map(type, values)) == {int} and min(values) >= 0 and max(values) <= MAX_COUNT


def _chunk_tokens(value: object, chunks: int) -> tuple[int, ...] | None:
    if value is None:
        return None
    counts = _list(value, "chunk_tokens")
    if len(counts) != chunks:
        raise MismatchError(f"{len(counts)} counts for {chunks} chunks", "chunk_tokens")
    if counts and not _are_counts(counts):
        bad = next(index for index, count in enumerate(counts) if not _are_counts([count]))
        expected("a count", counts[bad], "chunk_tokens", bad)
    return tuple(counts)


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        expected("a list", value, name)
    if len(value) > MAX_CHUNKS:
        raise MismatchError(f"more than {MAX_CHUNKS} items", name)
    return value
