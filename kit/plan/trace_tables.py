"""Traces as others publish them: tables of Azure and BurstGPT, read for arrivals and lengths of answers. Pure.

Azure: TIMESTAMP (a date and time), ContextTokens, GeneratedTokens. BurstGPT: Timestamp (seconds), Model, Request
tokens, Response tokens, ... Times count from the first request. A request without an answer has arrived all the
same, and asks for one token. How long prompts were is not played.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from kit.plan.traces import (
    MAX_AT_MS,
    MAX_LINES,
    MAX_OUTPUT_TOKENS,
    MAX_TRACE_BYTES,
    NS_PER_MS,
    TraceLine,
    read_trace,
)
from kit.strict.json_reader import Json, StrictError, write_jsonl_line

_FORMS = (
    "is no table of requests: expected the columns TIMESTAMP,ContextTokens,GeneratedTokens (Azure) or "
    "Timestamp,Model,Request tokens,Response tokens (BurstGPT)"
)
_DATE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))?"
)
_SECONDS = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9})[0-9]{0,9})?")
_TOKENS = re.compile(r"([0-9]{1,9})(?:\.0+)?")
_NS_PER_S = 1_000_000_000


def is_table(data: bytes) -> bool:
    """Whether a trace is a table with a head, and not JSON lines."""
    head = data.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].strip()
    return b"," in head and not head.startswith((b"{", b"["))


def any_trace(data: bytes, where: str) -> tuple[TraceLine, ...]:
    """The requests of a trace in any of the forms; `StrictError` names file and line of what is wrong."""
    return _table(data, where) if is_table(data) else read_trace(data, where)


def played_trace(data: bytes, where: str) -> bytes:
    """A trace as the load generator reads it: a table in the kit's form, any other as it is."""
    return trace_bytes(_table(data, where)) if is_table(data) else data


def trace_bytes(lines: Sequence[TraceLine]) -> bytes:
    """The file of these requests, in the kit's form: times and lengths, nothing else."""
    return b"".join(map(_line, lines))


def _line(line: TraceLine) -> bytes:
    at_ms: Json = line.at_ns / NS_PER_MS  # exact: of a week to the nanosecond a double has room
    if line.output_tokens is None:
        return write_jsonl_line({"at_ms": at_ms})
    return write_jsonl_line({"at_ms": at_ms, "output_tokens": line.output_tokens})


def _table(data: bytes, where: str) -> tuple[TraceLine, ...]:
    if len(data) > MAX_TRACE_BYTES:
        raise StrictError(where, "", f"{len(data)} bytes are more than the {MAX_TRACE_BYTES} allowed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StrictError(where, "", "is not UTF-8") from None
    found: list[TraceLine] = []
    first_ns = 0
    for number, at_ns, tokens in _requests(text, where):
        if not found:
            first_ns = at_ns
        if found and at_ns - first_ns < found[-1].at_ns:
            raise StrictError(where, f"line {number}", "its time is before that of the line above")
        if at_ns - first_ns > MAX_AT_MS * NS_PER_MS:
            raise StrictError(
                where, f"line {number}", "is more than seven days after the first; take a part of it"
            )
        if len(found) == MAX_LINES:
            raise StrictError(where, f"line {number}", f"is one of more than {MAX_LINES}; take a part of it")
        found.append(TraceLine(at_ns - first_ns, tokens))
    if not found:
        raise StrictError(where, "", "a trace needs at least one request")
    return tuple(found)


def _requests(text: str, where: str) -> Iterator[tuple[int, int, int]]:
    """Line, time in ns and tokens of each row."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip() for name in next(rows)]
        time_name, tokens_name, time_of = _form(head, where)
        for row in rows:
            if not row:
                continue  # a blank line at the end
            place = f"line {rows.line_num}"
            if len(row) != len(head):
                raise StrictError(where, place, f"has {len(row)} columns, the head {len(head)}")
            cells = dict(zip(head, map(str.strip, row), strict=True))
            at_ns, tokens = time_of(cells[time_name]), _TOKENS.fullmatch(cells[tokens_name])
            if at_ns is None:
                raise StrictError(where, place, f"{time_name} is no time: {cells[time_name][:60]!a}")
            if tokens is None or int(tokens[1]) > MAX_OUTPUT_TOKENS:
                words = f"{tokens_name} must be 0 to {MAX_OUTPUT_TOKENS}: {cells[tokens_name][:60]!a}"
                raise StrictError(where, place, words)
            yield rows.line_num, at_ns, max(1, int(tokens[1]))
    except csv.Error as error:
        raise StrictError(where, f"line {rows.line_num}", f"cannot be read: {error}") from None


_Time = Callable[[str], int | None]


def _form(head: Sequence[str], where: str) -> tuple[str, str, _Time]:
    """The columns of time and length, and how a time is read."""
    for time_name, tokens_name, time_of in _KNOWN:
        if head.count(time_name) == head.count(tokens_name) == 1:
            return time_name, tokens_name, time_of
    raise StrictError(where, "line 1", _FORMS)


def _date_ns(text: str) -> int | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    off = timedelta(hours=int(found[5] or 0), minutes=int(found[6] or 0))
    seconds = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    seconds -= round(off.total_seconds()) * (-1 if found[4] == "-" else 1)
    return seconds * _NS_PER_S + int((found[3] or "0").ljust(9, "0"))


def _seconds_ns(text: str) -> int | None:
    found = _SECONDS.fullmatch(text)
    return None if found is None else int(found[1]) * _NS_PER_S + int((found[2] or "0").ljust(9, "0"))


_KNOWN: tuple[tuple[str, str, _Time], ...] = (
    ("TIMESTAMP", "GeneratedTokens", _date_ns),
    ("Timestamp", "Response tokens", _seconds_ns),
)
