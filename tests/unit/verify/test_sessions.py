"""Runs of sessions: an honest one passes, and a turn, a history or a cache that cannot be is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import Record
from kit.storage.bundle import pack_files
from kit.verify.evidence import open_bundle
from kit.verify.verdict import verify
from tests.support.forge import changed, record_fields
from tests.support.good_sessions import (
    Change,
    Judged,
    changed_sessions,
    in_turn,
    other_answer,
    session_bundle,
    session_files,
    turn_fields,
)


def found_in(bundle: bytes) -> dict[str, str]:
    """Each rule that found something, with the first of its words."""
    found: dict[str, str] = {}
    for finding in verify(open_bundle(bundle)).findings:
        found.setdefault(finding.rule, finding.message)
    return found


def test_an_honest_run_of_sessions_passes_every_rule() -> None:
    """Nothing is said against it, and the rules of sessions looked at all of its turns."""
    verdict = verify(open_bundle(session_bundle()))
    assert verdict.findings == ()
    assert verdict.label == "consistent"
    turns = verdict.checked["load.schedule"]
    assert turns > 40
    assert verdict.checked["sessions.history"] == turns
    assert 0 < verdict.checked["sessions.grown"] < turns
    assert verdict.checked["sessions.cached"] > 0


def test_a_run_in_which_turns_fail_passes_too() -> None:
    """A failed turn ends its session; its user pauses and begins the next."""
    bundle = pack_files(session_files(faults={3: "http_status", 4: "http_status", 9: "http_status"})).data
    assert found_in(bundle) == {}


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        (turn_fields(1, session=999), "load.schedule", "is turn 1 of"),
        (turn_fields(1, turn=0), "load.schedule", "is turn 0 of"),
        (turn_fields(0, turns=9), "load.schedule", "its worker was at turn 0 of"),
        (turn_fields(1, salt="0" * 16), "load.schedule", "another prompt, salt or length"),
        (turn_fields(1, max_tokens=63), "load.schedule", "another prompt, salt or length"),
        (turn_fields(1, think_ns=1), "load.schedule", "was thought about for 1 ns"),
        (turn_fields(0, session=None, turn=0, turns=0), "load.schedule", "is turn 0 of 0 of session None"),
        (turn_fields(1, messages_sha256="0" * 64), "sessions.history", "other messages"),
        (in_turn(0, other_answer), "sessions.history", "other messages"),
    ],
)
def test_a_turn_that_is_not_the_planned_one_is_refused(change: Change, rule: str, words: str) -> None:
    """Its place, its words, its pause, and the answer that the next turn repeats."""
    bundle = changed_sessions(change)
    found = found_in(bundle)
    assert words in found[rule]
    assert verify(open_bundle(bundle)).label == "rejected"


def test_a_user_who_thinks_longer_than_he_says_is_refused() -> None:
    """The pause is that of the schedule, so the request was meant for another time."""

    def later(each: Judged) -> Judged:
        record, text = each
        return replace(record, intended_ns=record.intended_ns - 1), text

    assert "had thought after request" in found_in(changed_sessions(in_turn(1, later)))["load.closed_loop"]


def test_a_cache_that_knows_what_was_never_said_is_flagged() -> None:
    """The newest words of a user cannot have been read before; nor a first turn."""

    def all_of(each: Judged) -> Judged:
        record, text = each
        long = (record.prompt_tokens or 0) + 500
        return replace(record, prompt_tokens=long, cached_tokens=long), text

    for turn in (0, 1):
        found = found_in(changed_sessions(in_turn(turn, all_of)))
        assert "came from a cache" in found["sessions.cached"]
    assert verify(open_bundle(changed_sessions(in_turn(0, all_of)))).label == "self-reported"


def test_a_server_that_cuts_the_history_is_flagged() -> None:
    """A prompt that shrinks from one turn to the next is not the whole history."""

    def short(each: Judged) -> Judged:
        record, text = each
        return replace(record, prompt_tokens=5, cached_tokens=0), text

    assert "the server has cut the history" in found_in(changed_sessions(in_turn(1, short)))["sessions.grown"]


def test_a_record_of_a_session_in_a_plan_without_any_is_refused() -> None:
    """Nothing can be regenerated for it."""
    bundle = changed(record_fields(session=1, turns=2, messages_sha256="0" * 64))
    assert "the plan has none" in found_in(bundle)["load.schedule"]


def test_what_is_drawn_for_a_turn_stands_in_its_record() -> None:
    """Every record says which turn of how many it is."""
    evidence = open_bundle(session_bundle())
    records: list[Record] = [r for cell in evidence.cells.values() for r in cell.records or ()]
    assert {record.session is None for record in records} == {False}
    assert {record.turns for record in records} == {2, 3, 4}
    assert all(record.turn < record.turns for record in records)
