"""kit.plan.workloads.sessions: what is drawn, who has which session, what is said, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import CONTENT, REASONING, Loop, OutputTokens, Seconds, SessionKind, Sessions, SessionWork, Span
from kit.errors import InputError
from kit.plan.prompts import load_prompts
from kit.plan.workloads.sessions import (
    Thread,
    answered,
    check_load,
    decided,
    faults,
    place_of,
    planned_turn,
    session_of,
    session_turns,
    smallest_session_tokens,
    total_turns,
    user_text,
)

OUTPUT = OutputTokens("uniform", 16, 32)
ASKED = decided(SessionWork("chat", turns=Span(2, 5), first_tokens=Span(10, 20), turn_tokens=Span(3, 9)))
LANE = "r1-c4"

spans = st.tuples(st.integers(1, 50), st.integers(0, 50)).map(lambda pair: Span(pair[0], sum(pair)))


@st.composite
def sessions(draw: st.DrawFn) -> Sessions:
    """Any sessions that may be asked for, small."""
    kinds: tuple[SessionKind, ...] = ("chat", "agent")
    think = Seconds(0, draw(st.floats(0, 10)))
    return decided(SessionWork(draw(st.sampled_from(kinds)), draw(spans), draw(spans), draw(spans), think))


# --- the schedule -----------------------------------------------------------------------------------------


def test_turns_are_the_vectors_of_the_method() -> None:
    """As written in docs/sessions.md: anybody can recompute them."""
    first = planned_turn(ASKED, 2026, LANE, 40, OUTPUT, 0, 0)
    assert (first.turns, first.prompt, first.salt, first.tokens, first.max_tokens, first.think_ns) == VECTORS[0]
    later = planned_turn(ASKED, 2026, LANE, 40, OUTPUT, 7, 1)
    assert (later.turns, later.prompt, later.salt, later.tokens, later.max_tokens, later.think_ns) == VECTORS[1]
    said = user_text(ASKED, 2026, LANE, later, "?")
    assert sha256(said.encode()).hexdigest() == VECTORS[2]


VECTORS = (
    (2, 9, "1e89f27b5f9d2d2a", 18, 26, 0),
    (5, 13, "a0fb5f21c218aae2", 7, 27, 3_621_567_104),
    "bad5ac84ffe5a26092c110718678a43008b4ce63c709f5fad6b43c881dad11e9",
)


@given(sessions(), st.integers(0, 2**53), st.integers(0, 10**6), st.integers(0, 30))
def test_a_turn_keeps_its_ranges_and_depends_on_nothing_else(
    asked: Sessions, seed: int, session: int, turn: int
) -> None:
    """Asked twice it is the same, and all that is drawn lies where it was asked for."""
    made = planned_turn(asked, seed, LANE, 40, OUTPUT, session, turn)
    assert made == planned_turn(asked, seed, LANE, 40, OUTPUT, session, turn)
    words = asked.turn_tokens if turn else asked.first_tokens
    assert words.min <= made.tokens <= words.max
    assert asked.turns.min <= made.turns <= asked.turns.max
    assert OUTPUT.min <= made.max_tokens <= OUTPUT.max
    assert made.think_ns == 0 if turn == 0 else asked.think_ns.min <= made.think_ns <= asked.think_ns.max
    assert 0 <= made.prompt < 40
    assert len(user_text(asked, seed, LANE, made, "")) >= made.tokens  # a letter a word, at least


@given(st.integers(1, 64), st.integers(0, 200))
def test_every_session_belongs_to_one_worker(workers: int, count: int) -> None:
    """Each number once, and in the order of its worker."""
    numbers = sorted(session_of(worker, workers, place) for worker in range(workers) for place in range(count))
    assert numbers == list(range(workers * count))
    assert all(place_of(session_of(w, workers, count), workers) == count for w in range(workers))


def test_sessions_say_different_things_in_each_turn() -> None:
    """No two messages of a load are alike, in either kind."""
    for kind in ("chat", "agent"):
        asked = replace(ASKED, kind=kind, first_tokens=Span(30, 30), turn_tokens=Span(30, 30))
        said = [
            user_text(asked, 1, LANE, planned_turn(asked, 1, LANE, 40, OUTPUT, session, turn), "?")
            for session in range(20)
            for turn in range(5)
        ]
        assert len(set(said)) == len(said)


def test_the_turns_of_a_load_by_number_are_those_of_its_sessions() -> None:
    """So a load knows when it is over."""
    asked = replace(ASKED, count=9)
    assert total_turns(asked, 5, LANE) == sum(session_turns(ASKED, 5, LANE, session) for session in range(9))
    assert total_turns(ASKED, 5, LANE) == 0


# --- what is said -----------------------------------------------------------------------------------------


def test_a_question_without_words_beside_it_stands_alone() -> None:
    """As a request of any other load."""
    asked = replace(ASKED, first_tokens=Span(0, 0))
    assert user_text(asked, 1, LANE, planned_turn(asked, 1, LANE, 40, OUTPUT, 3, 0), "What is a heap?") == (
        "What is a heap?"
    )


def test_an_agent_reads_files_of_lines() -> None:
    """Long first contexts come as files, with the question at their end."""
    asked = replace(ASKED, kind="agent", first_tokens=Span(1500, 1500))
    said = user_text(asked, 1, LANE, planned_turn(asked, 1, LANE, 40, OUTPUT, 0, 0), "What next?")
    assert said.startswith("These are the files of the project:\n--- 1 ---\n")
    assert "\n\n--- 3 ---\n" in said
    assert said.endswith("\n\nWhat next?")
    assert len(said.split()) > 1500


texts = st.text(max_size=40)


@given(st.lists(st.tuples(st.sampled_from(("user", "assistant")), texts), max_size=8))
def test_the_digest_of_a_thread_is_that_of_its_lines(said: list[tuple[str, str]]) -> None:
    """A line of JSON for each message; it grows as the thread does."""
    thread = Thread()
    for role, content in said:
        thread.say(role, content)
    lines = b"".join(json.dumps(list(each), ensure_ascii=False).encode() + b"\n" for each in said)
    assert thread.sha256 == sha256(lines).hexdigest()
    assert [(each["role"], each["content"]) for each in thread.messages] == said


def test_the_salt_stands_first_of_all() -> None:
    """In the system message, or where there is none before the question."""
    thread, alone = Thread(), Thread()
    thread.open("00ff" * 4, "Why?", system=True, own=True)
    alone.open("00ff" * 4, "Why?", system=False, own=False)
    assert [each["role"] for each in thread.messages] == ["system", "user"]
    assert [each["role"] for each in alone.messages] == ["user"]
    assert thread.messages[0]["content"].startswith("00ff00ff00ff00ff is the number")
    assert alone.messages[0]["content"] == "00ff00ff00ff00ff is the number of this conversation.\n\nWhy?"


def test_reasoning_is_not_sent_back() -> None:
    """A client keeps the content of an answer."""
    chunks = [(1, 3, REASONING), (2, 2, CONTENT), (3, 1, REASONING), (4, 2, CONTENT)]
    assert answered("abcDEfGH", chunks) == "DEGH"
    assert answered("", []) == ""


# --- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (SessionWork("chat", turns=Span(3, 2)), "turns: min is above max"),
        (SessionWork("chat", turns=Span(0, 2)), "turns goes beyond 1 to 1000"),
        (SessionWork("chat", first_tokens=Span(0, 200_001)), "first_tokens goes beyond"),
        (SessionWork("agent", turn_tokens=Span(9, 8)), "turn_tokens: min is above max"),
        (SessionWork("agent", think_s=Seconds(2, 1)), "think_ns: min is above max"),
        (SessionWork("agent", think_s=Seconds(0, 3601)), "think_ns goes beyond"),
    ],
)
def test_ranges_that_are_none_are_refused(work: SessionWork, words: str) -> None:
    """Empty, or beyond what the schedule can draw."""
    with pytest.raises(InputError, match=words):
        decided(work)


@pytest.mark.parametrize("kind", ["chat", "agent"])
def test_what_a_kind_leaves_open_is_a_range(kind: str) -> None:
    """The defaults of each kind are sessions that may be asked for."""
    asked = decided(SessionWork("agent" if kind == "agent" else "chat"))
    assert faults(asked) == []
    assert asked.caches == "on"
    assert smallest_session_tokens(asked, 10) >= asked.turns.min * 10


def test_loads_that_can_have_no_sessions_are_refused() -> None:
    """An open loop, whole chats as prompts, two ends, fewer sessions than users."""
    prompts = load_prompts("micro")
    many = replace(ASKED, count=4)
    closed = Loop("closed", 4)
    check_load(many, closed, prompts, ends_otherwise=False)
    check_load(ASKED, closed, prompts, ends_otherwise=True)
    with pytest.raises(InputError, match="closed loop"):
        check_load(ASKED, Loop("open", None, "poisson", 1000), prompts, ends_otherwise=True)
    with pytest.raises(InputError, match="no other end"):
        check_load(many, closed, prompts, ends_otherwise=True)
    with pytest.raises(InputError, match="4 sessions are fewer than 5 users"):
        check_load(many, Loop("closed", 5), prompts, ends_otherwise=False)
    with pytest.raises(InputError, match="whole chats"):
        check_load(ASKED, closed, replace(prompts, chats=((),)), ends_otherwise=True)
