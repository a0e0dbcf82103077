"""`kit.strict` is the one door to the strict readers: bytes in, values of the model out, and back."""

from __future__ import annotations

import pytest

from kit import strict
from kit.strict import (
    StrictError,
    plain,
    read_json,
    read_jsonl,
    read_yaml,
    record_from,
    typed,
    write_json,
    write_jsonl_line,
)
from tests.support.documents import MODELS, RECORD


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_value_survives_the_way_to_bytes_and_back(name: str) -> None:
    """Writing, reading and building give an equal value, and JSON is good YAML too."""
    kind = type(MODELS[name])
    data = write_json(plain(MODELS[name]))
    assert typed(kind, read_json(data, name), name) == MODELS[name]
    assert typed(kind, read_yaml(data, name).value, name) == MODELS[name]


def test_records_survive_the_way_through_lines() -> None:
    """A file of records is read line by line with the quick reader."""
    data = write_jsonl_line(plain(RECORD)) * 3
    assert [record_from(value, f"line {line}") for line, value in read_jsonl(data, "f")] == [RECORD] * 3


def test_the_door_has_what_it_promises_and_one_error_for_all() -> None:
    """Every exported name exists, and each reader raises the same `StrictError`."""
    assert all(hasattr(strict, name) for name in strict.__all__)
    for bad in (lambda: read_json(b"{", "f"), lambda: read_yaml(b"{", "f"), lambda: record_from({}, "f")):
        with pytest.raises(StrictError):
            bad()
