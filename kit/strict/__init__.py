"""The strict readers in one place: bytes of JSON, JSONL or YAML in, values of `kit.documents` out, and back.

Everything doubtful is a `StrictError` that names file and place; nothing else is ever raised for bad input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.strict.decode import plain, typed
from kit.strict.json_reader import (
    Json,
    StrictError,
    jsonl_lines,
    read_json,
    read_jsonl,
    read_line,
    write_json,
    write_jsonl_line,
)
from kit.strict.record_decoder import quick_record, record_from

if TYPE_CHECKING:
    from kit.strict.yaml_reader import Located, read_yaml

__all__ = [
    "Json",
    "Located",
    "StrictError",
    "jsonl_lines",
    "plain",
    "quick_record",
    "read_json",
    "read_jsonl",
    "read_line",
    "read_yaml",
    "record_from",
    "typed",
    "write_json",
    "write_jsonl_line",
]


def __getattr__(name: str) -> object:
    """What reads YAML is imported when it is asked for: PyYAML is a tenth of the start of the load generator."""
    if name not in ("Located", "read_yaml"):
        raise AttributeError(name)
    from kit.strict import yaml_reader

    return getattr(yaml_reader, name)
