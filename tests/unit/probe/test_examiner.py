"""The examiner: as many at once as asked, no fault of ours counted as a wrong answer, and only answers judged."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kit.documents import AnswerCheck
from kit.errors import InternalError, WrongAnswersError
from kit.loadgen.connector import Dial
from kit.plan import correctness
from kit.plan.correctness import Check, SuiteLevel, judge
from kit.plan.target import Access, parse_target
from kit.probe import examiner, probe_of
from kit.probe.examiner import Examiner, answer_text, require_right
from kit.probe.http import EndpointError, UnreachableError
from tests.support.fakes import SUITE, FakeRunning, TinyServer
from tests.support.gathering import completion, gathering
from tests.support.hostile import Peer, serving

THREE = SuiteLevel(
    "correctness",
    "three",
    tuple(correctness.Test(word, "k", f"Say {word}.", 8, (Check("contains", word),)) for word in ("a", "b", "c")),
    "0" * 64,
)


@pytest.fixture
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


def examining(url: str, level: SuiteLevel = SUITE, **more: Any) -> Examiner:
    return Examiner(parse_target(url), "tiny", level, **more)


def said_word(body: bytes) -> str:
    """The word that a question of `THREE` asks for."""
    prompt: str = json.loads(body)["messages"][-1]["content"]
    return prompt.removeprefix("Say ").removesuffix(".")


# --- asking ---------------------------------------------------------------------------------------------


def test_right_answers_pass(server: TinyServer) -> None:
    """Alone and three at once."""
    examiner = examining(server.url)
    checks = examiner.single() + examiner.concurrent(3)
    assert [(check.round, check.copy, check.passed) for check in checks] == [
        ("single", 0, True),
        ("concurrent", 0, True),
        ("concurrent", 1, True),
        ("concurrent", 2, True),
    ]
    require_right(checks)


@pytest.mark.parametrize("at_once", [2, 3, 100, 101, 150, 500, 1000])
def test_exactly_so_many_are_asked_at_once(at_once: int) -> None:
    """By the examiner and by the gate of a cell; the server answers none before all are there."""
    with gathering(at_once, lambda body: completion(said_word(body))) as server:
        checks = probe_of(FakeRunning(server.url)).examine(THREE, "tiny", at_once)
    assert server.most == at_once
    assert [(check.test, check.copy) for check in checks] == [("abc"[n % 3], n // 3) for n in range(at_once)]
    assert all(check.passed for check in checks)


def test_many_answers_keep_to_their_questions() -> None:
    """A server that mixes up its slots at 150 at once is found out, one by one."""
    mixed = {"b": "c"}
    with gathering(150, lambda body: completion(mixed.get(said_word(body), said_word(body)))) as server:
        checks = examining(server.url, THREE).concurrent(150)
    assert {check.test for check in checks if not check.passed} == {"b"}
    assert sum(not check.passed for check in checks) == 50


@pytest.mark.parametrize(
    "code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EBADF, errno.EADDRNOTAVAIL]
)
def test_a_fault_of_ours_is_no_wrong_answer(
    code: int, server: TinyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the examination as an error of the kit."""
    monkeypatch.setattr(Dial, "start", lambda dial, _: dial._fail(os.strerror(code)))
    with pytest.raises(InternalError, match=os.strerror(code)):
        examining(server.url).concurrent(3)


def test_a_bug_of_ours_is_no_wrong_answer(server: TinyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the judge or in the reader."""

    def bug(*_: object) -> object:
        raise TypeError("a bug of ours")

    for place in ("judge", "answer_text", "ask"):
        with monkeypatch.context() as patched:
            patched.setattr(f"kit.probe.examiner.{place}", bug)
            with pytest.raises(TypeError, match="a bug of ours"):
                examining(server.url).single()


def test_a_dead_server_is_no_wrong_one() -> None:
    """Nobody listens on port 9: alone and at once."""
    for ask in (examining("http://127.0.0.1:9").single, lambda: examining("http://127.0.0.1:9").concurrent(3)):
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="refused"):
            ask()
        assert time.monotonic() - began < 3


def test_a_stall_costs_no_more_than_the_limit() -> None:
    """One by one, what comes after it is not asked any more; at once, the others are answered."""

    def play(peer: Peer) -> None:
        word = said_word(peer.request().partition(b"\r\n\r\n")[2])
        peer.wait() if word == "b" else peer.send(completion(word))

    with serving(play) as server:
        began = time.monotonic()
        single = examining(server.url, THREE, answer_s=0.5).single()
        at_once = examining(server.url, THREE, answer_s=0.5).concurrent(6)
        took_s = time.monotonic() - began
    assert took_s < 2
    assert [check.passed for check in single] == [True, False, False]
    assert single[1].reason == "no whole answer within 0.5 s"
    assert single[2].reason == "not asked: no whole answer within 0.5 s to b"
    assert [check.passed for check in at_once] == [True, False, True] * 2


def test_verdicts_come_as_the_answers_do() -> None:
    """One after the other, not all at the end."""
    seen: list[str] = []
    asked: list[str] = []

    def play(peer: Peer) -> None:
        word = said_word(peer.request().partition(b"\r\n\r\n")[2])
        asked.append(f"{word} after {','.join(seen)}")
        peer.send(completion(word))

    def on_check(test: correctness.Test, check: AnswerCheck) -> None:
        assert check.passed
        seen.append(test.name)

    with serving(play) as server:
        Examiner(parse_target(server.url), "tiny", THREE, on_check=on_check).single()
    assert asked == ["a after ", "b after a", "c after a,b"]


def test_questions_go_where_the_load_goes_with_what_lets_it_in() -> None:
    """Path, host and headers."""
    heads: list[bytes] = []

    def play(peer: Peer) -> None:
        heads.append(peer.head())
        peer.send(completion("4"))

    with serving(play) as server:
        target = parse_target(server.url + "/api/v3")
        Examiner(target, "tiny", SUITE, Access(headers=(("X-Key", "k"),))).single()
    assert heads[0].startswith(b"POST /api/v3/chat/completions HTTP/1.1\r\nHost: " + target.authority.encode())
    assert b"X-Key: k" in heads[0]


# --- judging --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ("five", 200, "'4' is not in the answer"),
        ("4", 500, "HTTP status 500"),
        ("", 200, "the answer is empty"),
        ("<think>4", 200, "no answer yet"),
        ("<think>4</think>5", 200, "'4' is not in the answer"),
    ],
)
def test_wrong_answers_are_refused_with_their_reason(
    answer: str, status: int, reason: str, server: TinyServer
) -> None:
    """Wrong text, an error status, nothing at all, a draft."""
    server.answer, server.chat_status = answer, status
    checks = examining(server.url).single()
    assert not checks[0].passed
    assert reason in checks[0].reason
    with pytest.raises(WrongAnswersError, match="1 of 1"):
        require_right(checks)


def test_any_good_status_is_good(server: TinyServer) -> None:
    """201 for a completion is what some gateways say."""
    server.chat_status = 201
    assert examining(server.url).single()[0].passed


def test_what_is_kept_is_judged_the_same_again(server: TinyServer) -> None:
    """By the verifier, whatever the length of the draft."""
    for answer in ("4", "5"):
        server.answer = f"<think>{'4 or 5? ' * 2000}</think>{answer}"
        check = examining(server.url).single()[0]
        assert len(check.answer) <= correctness.MAX_JUDGED_CHARS
        assert (check.passed, check.reason) == (answer == "4", judge(SUITE.tests[0], check.answer))


def test_no_answers_are_not_right_answers() -> None:
    """A suite that asked nothing proves nothing."""
    with pytest.raises(WrongAnswersError):
        require_right([])


def message(**members: object) -> bytes:
    return json.dumps({"choices": [{"message": members}]}).encode()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (message(content="4"), "4"),
        (message(content="4", reasoning_content="5?"), "4"),
        (message(content=[{"type": "text", "text": "4"}]), "4"),
        (message(content=[{"type": "thinking", "thinking": "5?"}, {"type": "text", "text": "4"}]), "4"),
        (message(content=[{"type": "reasoning", "text": "5?"}, {"type": "output_text", "text": "4"}]), "4"),
        (message(content=["4"]), "4"),
        (b"\xef\xbb\xbf" + message(content="4"), "4"),
        (b'{"choices": [{"message": {"content": "4"}, "logprobs": NaN}], "created": 123456789012345678901}', "4"),
        (b'{"choices": [{"message": {"content": "4"}}, {"message": {"content": "5"}}]}', "4"),
        (b'{"choices": [{"message": {"content": "4\\ud800"}}]}', "4?"),
        (message(content=""), ""),
        (message(content="", reasoning_content=None), ""),
    ],
)
def test_the_answer_is_what_the_first_choice_says(body: bytes, text: str) -> None:
    """Whatever stands beside it; reasoning in a place of its own is none."""
    assert answer_text(body) == text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (message(content=None, reasoning_content="56?"), "no answer yet: 3 characters of reasoning"),
        (message(content="", reasoning="56?"), "no answer yet: 3 characters of reasoning"),
        (message(content=[{"type": "thinking", "thinking": "56"}], reasoning="56?"), "no answer yet"),
        (message(content=None), "no text"),
        (message(tool_calls=[]), "no text"),
        (message(content=5), "no text"),
        (b'{"choices": []}', "no message"),
        (b'{"choices": {}}', "no message"),
        (b"[]", "no message"),
        (b'{"error": {"message": "out of memory"}}', "the server says: out of memory"),
        (b"<html>", "no JSON"),
        (b"", "no JSON"),
        (b"\xff\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_answer_says_why(body: bytes, words: str) -> None:
    """And is never a fault of ours."""
    with pytest.raises(EndpointError, match=words):
        answer_text(body)


def test_the_limit_of_an_answer_is_some_minutes() -> None:
    """A large model on a small machine is slow; a stalled server must not hold a run for an hour."""
    assert 60 <= examiner.ANSWER_S <= 300
