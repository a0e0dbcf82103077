"""kit.reference.truth: one line for each request, as its class and its schema say."""

from __future__ import annotations

import dataclasses
from array import array
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kit.errors import InputError, StorageError
from kit.reference.faults import FAULTS
from kit.reference.response_plan import ResponsePlan
from kit.reference.truth import Truth, TruthLog, read_truth, truth_line
from kit.strict import StrictError, plain, read_json, write_jsonl_line
from kit.strict.schema import registry, schema

BARE = Truth(1, "00ff00ff00ff00ff", 10**17, "cut", 10**17 + 5, (), 10**17 + 9, 0)
FULL = dataclasses.replace(BARE, sent=((7, 3), (9, 3), (11, 1)), tokens=7)
PLAY = ResponsePlan(9, 3, "keep", full=2, last_tokens=1)


def errors(document: Any) -> list[str]:
    return [
        error.message for error in Draft202012Validator(schema("truth"), registry=registry()).iter_errors(document)
    ]


def test_a_line_is_what_the_slow_writer_would_write_and_reads_back() -> None:
    """Same bytes, same value."""
    line = truth_line(FULL)
    assert line == write_jsonl_line(plain(FULL))
    assert list(read_truth(line + truth_line(BARE), "t")) == [FULL, BARE]


def test_the_schema_has_the_keys_of_the_class_and_accepts_its_lines() -> None:
    """With and without what may be missing, for every fault."""
    contents = schema("truth")
    names = {field.name for field in dataclasses.fields(Truth)}
    later = {"prompt_tokens", "cached_tokens"}  # of an endpoint with a prefix cache
    assert set(contents["properties"]) == names
    assert set(contents["required"]) == names - later
    assert set(contents["properties"]["fault"]["enum"]) == {*FAULTS, None}
    for fault in (*FAULTS, None):
        truth = dataclasses.replace(FULL, fault=fault, salt=None, due_ns=None, finished_ns=None)
        assert errors(read_json(truth_line(truth), "t")) == []


@pytest.mark.parametrize(
    "change",
    [
        {"salt": "xyz"},
        {"received_ns": -1},
        {"fault": "fire"},
        {"sent": [[1]]},
        {"sent": [[1, 2, 3]]},
        {"tokens": None},
        {"more": 1},
    ],
)
def test_the_schema_refuses_what_is_no_truth(change: dict[str, Any]) -> None:
    """Key by key."""
    document = read_json(truth_line(FULL), "t")
    assert isinstance(document, dict)
    assert errors({**document, **change})


def test_a_line_that_is_no_truth_is_named() -> None:
    """File and line."""
    with pytest.raises(StrictError, match="log: line 2"):
        list(read_truth(truth_line(BARE) + b"{}\n", "log"))


def test_stamps_become_chunks_with_their_tokens(tmp_path: Path) -> None:
    """Full chunks, then the last; an answer cut short has only the first of them."""
    log = TruthLog(tmp_path / "t.jsonl")
    for stamps in ([7, 9, 11], [7], []):
        log.add(BARE, array("q", stamps), PLAY)
    log.add(BARE, None, None)
    log.close()
    found = list(read_truth((tmp_path / "t.jsonl").read_bytes(), "t"))
    assert found == [FULL, dataclasses.replace(BARE, sent=((7, 3),), tokens=3), BARE, BARE]


def test_a_log_is_written_when_it_is_told_to(tmp_path: Path) -> None:
    """Not before, and only once."""
    path = tmp_path / "t.jsonl"
    log = TruthLog(path)
    log.add(BARE, None, None)
    assert path.read_bytes() == b""
    log.flush()
    log.close()
    assert path.read_bytes() == truth_line(BARE)


def test_a_log_that_holds_too_much_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the number of stamps; a flush empties it."""
    monkeypatch.setattr("kit.reference.truth.MAX_STAMPS_HELD", 3)
    log = TruthLog(tmp_path / "t.jsonl")
    log.add(BARE, array("q", [7, 9]), PLAY)
    assert not log.full
    log.add(BARE, array("q", [7, 9]), PLAY)
    assert log.full
    log.flush()
    assert not log.full
    log.close()


def test_a_log_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    """No folder: bad input; a full disk: storage."""
    with pytest.raises(InputError, match="cannot be written"):
        TruthLog(tmp_path / "none" / "t.jsonl")
    full = Path("/dev/full")
    if full.exists():
        log = TruthLog(full)
        log.add(BARE, None, None)
        with pytest.raises(StorageError, match="No space left"):
            log.flush()
        with pytest.raises(StorageError, match="No space left"):
            log.close()
