"""kit.loadgen.talking: users who ask turn after turn, against reference endpoints and scripted peers."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from kit.documents import Load, LoadFacts, PlannedRequest, Record, SessionWork, Span
from kit.documents.sessions import Seconds, Sessions
from kit.errors import InputError
from kit.loadgen.loadrun import LoadRun
from kit.loadgen.recorder import keep
from kit.loadgen.talking import TalkingSession, Talks, talks_of
from kit.plan.chat_body import Message
from kit.plan.target import parse_target, request_head
from kit.plan.workloads.session_records import turn_of, turn_record
from kit.plan.workloads.sessions import Thread, answered, decided, total_turns, user_text
from kit.strict import read_jsonl, record_from
from tests.support.hostile import asked, limits
from tests.support.scripted import MS, PROMPTS, behaving, in_thread

TALK = SessionWork(
    "chat", turns=Span(2, 4), first_tokens=Span(5, 20), turn_tokens=Span(3, 9), think_s=Seconds(0, 0.01)
)


def sessions(**changes: Any) -> Sessions:
    return decided(replace(TALK, **changes), None)


def load_of(url: str, talk: Sessions, *, concurrency: int = 3, seconds: float | None = None) -> Load:
    """A load of these sessions: by their number, or so many seconds."""
    load = replace(asked(url, concurrency=concurrency, tokens=(2, 6)), sessions=talk, timeouts=limits())
    if seconds is None:
        return replace(load, requests=total_turns(talk, load.seed, load.lane))
    return replace(load, requests=None, window_ns=round(seconds * 1e9), drain_ns=5_000 * MS)


def ran(load: Load) -> tuple[LoadRun, list[Record], list[str]]:
    """Run a load of sessions in this thread: how it went, its records, its texts."""
    assert load.sessions is not None
    target = parse_target(load.url)
    talks = talks_of(load, load.sessions, PROMPTS, request_head(target))
    run = TalkingSession(talks, load, target, _no_body, lambda _: None).run()
    with contextlib.closing(run.exchanges):
        judged = [turn_record(load, load.sessions, each, limited=True) for each in run.exchanges]
    return run, [record for record, _ in judged], [text for _, text in judged]


def _no_body(_: int) -> bytes:
    raise AssertionError("a request of a session was asked for by its number alone")


def of_sessions(records: list[Record]) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for record in records:
        assert record.session is not None
        found.setdefault(record.session, []).append(record)
    return found


def test_a_load_of_so_many_sessions_has_all_their_turns_and_no_others() -> None:
    """Every session whole, its turns in order, by the worker whose it is, with the history sent each time."""
    talk = replace(sessions(), count=7)
    with in_thread(behaving(ttft_ms=1, itl_ms=0)) as url:
        run, records, texts = ran(load_of(url, talk))
    assert run.window is not None
    found = of_sessions(records)
    assert sorted(found) == list(range(7))
    said = {record.id: text for record, text in zip(records, texts, strict=True)}
    for session, mine in found.items():
        assert {record.worker for record in mine} == {session % 3}
        assert [record.turn for record in mine] == list(range(mine[0].turns))
        assert {record.outcome for record in mine} == {"ok"}
        assert [record.messages_sha256 for record in mine] == histories(load_of("http://h", talk), mine, said)
        for before, after in pairwise(mine):
            assert after.intended_ns == before.done_ns + after.think_ns


def histories(load: Load, mine: list[Record], said: dict[int, str]) -> list[str]:
    """The digest of each turn's messages, made again from the seed and the answers."""
    assert load.sessions is not None
    thread, found = Thread(), []
    for record in mine:
        turn = turn_of(load, load.sessions, record.session or 0, record.turn)
        words = user_text(load.sessions, load.seed, load.lane, turn, PROMPTS[turn.prompt])
        if record.turn:
            thread.say("user", words)
        else:
            thread.open(turn.salt, words, system=True, own=True)
        found.append(thread.sha256)
        thread.say("assistant", answered(said[record.id], record.chunks))
    return found


def test_a_load_by_time_goes_through_the_drain_and_cuts_what_is_left() -> None:
    """Workers go on with their sessions; those of the end are unfinished."""
    with in_thread(behaving(ttft_ms=3, itl_ms=1)) as url:
        run, records, _ = ran(load_of(url, sessions(think_s=Seconds(0, 0)), seconds=0.4))
    assert run.window is not None
    assert run.window.end_ns - run.window.start_ns == 400 * MS
    assert len(of_sessions(records)) > 6
    sent_in_window = [each for each in records if each.sent_ns is not None and each.sent_ns < run.window.end_ns]
    assert {each.outcome for each in sent_in_window} == {"ok"}
    assert Counter(each.outcome for each in records)["unfinished"] <= 3


def test_a_turn_that_fails_ends_its_session_and_the_load_ends_all_the_same() -> None:
    """After it comes the first turn of the worker's next session; nobody waits for the turns that are lost."""
    talk = replace(sessions(turns=Span(3, 3)), count=6)
    with in_thread(behaving("status-500:4", "error-event:9", ttft_ms=1, itl_ms=0)) as url:
        run, records, _ = ran(load_of(url, talk, concurrency=2))
    assert run.window is not None
    found = of_sessions(records)
    assert sorted(found) == list(range(6))
    failed = [each for each in records if each.outcome == "failed"]
    assert {each.error for each in failed} == {"http_status", "error_event"}
    for record in failed:
        assert found[record.session or 0][-1] is record
    assert len(records) == 18 - sum(each.turns - each.turn - 1 for each in failed)


def test_an_endpoint_that_never_answers_well_still_lets_the_load_end() -> None:
    """Each session fails at its first turn, with pauses between that double."""
    talk = replace(sessions(turns=Span(4, 4)), count=4)
    with in_thread(behaving("status-500:1", ttft_ms=1)) as url:
        run, records, _ = ran(load_of(url, talk, concurrency=2))
    assert len(records) == 4
    assert {each.turn for each in records} == {0}
    later = sorted((each for each in records if each.session in (2, 3)), key=lambda each: each.id)
    firsts = {each.worker: each for each in records if each.session in (0, 1)}
    assert all(each.intended_ns - firsts[each.worker].done_ns == 10 * MS for each in later)
    assert run.window is not None


def test_records_of_turns_are_kept_with_their_place(tmp_path: Any) -> None:
    """What is written is what was judged during the load, and adds up to numbers of sessions."""
    talk = replace(sessions(), count=3)
    with in_thread(behaving(ttft_ms=1, itl_ms=0)) as url:
        load = load_of(url, talk)
        target = parse_target(url)
        talks = talks_of(load, talk, PROMPTS, request_head(target))
        run = TalkingSession(talks, load, target, _no_body, lambda _: None).run()
        with contextlib.closing(run.exchanges):
            facts = keep(tmp_path, run, _no_request, load)
    assert isinstance(facts, LoadFacts)
    lines = [record_from(value, "r") for _, value in read_jsonl((tmp_path / "records.jsonl").read_bytes(), "r")]
    assert {line.session for line in lines} == {0, 1, 2}
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["sessions"]["begun"], metrics["sessions"]["whole"]) == (3, 3)
    assert metrics["sessions"]["hit_rate"] == 0.0


def _no_request(_: int) -> PlannedRequest:
    raise AssertionError("a turn was planned by its id alone")


def test_whole_chats_cannot_begin_a_session() -> None:
    """A user's file of chats is for single requests."""
    load = replace(asked("http://h"), sessions=sessions())
    with pytest.raises(InputError, match="whole chats"):
        Talks(load, sessions(), [(Message("user", "hello"),)], lambda *_: b"")
