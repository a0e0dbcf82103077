"""JSON values of a stream: strict where text could be lost, lenient with all that stands beside it."""

from __future__ import annotations

import json
import re
from itertools import accumulate

MAX_DEPTH = 64  # a chunk nests five deep; json itself would fail at a depth that varies with Python

# The closing quote is optional, so that a string without end is read once and not from each of its quotes.
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Without a bracket or a quote, and printable, data is a bare word and no part of an object.
_BARE = re.compile(rb'[^\x00-\x08\x0b-\x1f\x7f{}\[\]"]*')


class BadStreamError(Exception):
    """The stream breaks the protocol; the message says how."""


def _no_number(_word: str) -> None:
    """NaN and Infinity, which Python's own servers write beside the text, are no numbers."""


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def json_value(data: bytes) -> object:
    """Read one JSON value; raises BadStreamError for anything else, too deep nesting among it."""
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise BadStreamError(f"JSON nested deeper than {MAX_DEPTH}")
    try:
        return _DECODER.decode(data.decode("utf-8", "replace"))
    except ValueError:
        raise BadStreamError(f"not JSON: {data[:80].decode('utf-8', 'replace')}") from None


def json_object(data: bytes) -> dict[str, object]:
    """Read one JSON object; raises BadStreamError for anything else."""
    value = json_value(data)
    if not isinstance(value, dict):
        raise BadStreamError(f"not an object: {value!r:.80}")
    return value


def event_object(data: bytes) -> dict[str, object] | None:
    """The object of an event; None for a heartbeat: nothing, a bare word, or a value that can hold no text.

    BadStreamError for a broken object, and for a list, which could hold some.
    """
    if not data.startswith(b"{") and _BARE.fullmatch(data):
        return None
    value = json_value(data)
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value:
        raise BadStreamError(f"not an object: {value!r:.80}")
    return None


def is_whole(data: bytes) -> bool:
    """Whether data is one JSON object from its first to its last brace: nothing of it is missing."""
    if not data.lstrip().startswith(b"{"):
        return False
    try:
        json_object(data)
    except BadStreamError:
        return False
    return True


def _depth(data: bytes) -> int:
    brackets = (1 if byte in b"{[" else -1 for byte in _JSON_STRING.sub(b"", data) if byte in b"{[]}")
    return max(accumulate(brackets), default=0)


def as_object(value: object, name: str) -> dict[str, object]:
    """The object, {} for nothing; like its two neighbours raises BadStreamError for anything else."""
    if not value:
        return {}
    if not isinstance(value, dict):
        raise BadStreamError(f"{name} is not an object")
    return value


def as_list(value: object, name: str) -> list[object]:
    if not value:
        return []
    if not isinstance(value, list):
        raise BadStreamError(f"{name} is not a list")
    return value


def as_text(value: object, name: str) -> str:
    """The string, "" for nothing; a lone surrogate becomes U+FFFD, so that every text can be encoded."""
    if not value:
        return ""
    if not isinstance(value, str):
        raise BadStreamError(f"{name} is not a string")
    return value if value.isascii() else _LONE_SURROGATE.sub("\ufffd", value)


def as_name(value: object, longest: int) -> str | None:
    """A name, cut where it is too long to be kept in every record; None for what is no name."""
    return as_text(value, "a name")[:longest] or None if isinstance(value, str) else None


def as_count(value: object, most: int) -> int | None:
    """A count of tokens; None for what is none. `true` is an int to isinstance, and no count."""
    return value if type(value) is int and 0 <= value <= most else None
