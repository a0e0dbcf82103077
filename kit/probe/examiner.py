"""Asks a server the correctness prompts and judges the answers, as many at once as a load has."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Literal

from kit.debuglog import logged
from kit.documents import AnswerCheck, Exchange
from kit.documents.shape import Api
from kit.errors import WrongAnswersError
from kit.loadgen.asking import Limits, ask, ask_all, question
from kit.plan.correctness import MAX_REASON_CHARS, SuiteLevel, Test, judge, kept, test_body, turns
from kit.plan.target import Access, Target
from kit.probe.http import (
    CONNECT_S,
    MAX_WORDS_CHARS,
    NO_ACCESS,
    EndpointError,
    UnreachableError,
    whole_body,
)
from kit.stream.error_words import message_of
from kit.text import plain_text

ANSWER_S = 180.0
MAX_ANSWER_BYTES = 1 << 20  # no test asks for more than some hundred tokens

Round = Literal["single", "concurrent"]
OnCheck = Callable[[Test, AnswerCheck], None]


class Examiner:
    """Asks the tests of one level; `on_check` gets each verdict as it comes. No question outlasts `answer_s`.

    Raises `UnreachableError` where nobody answers, and errors of the kit for what fails on this side: neither is a
    wrong answer.
    """

    def __init__(
        self,
        target: Target,
        model: str,
        level: SuiteLevel,
        access: Access = NO_ACCESS,
        *,
        api: Api = "chat",
        answer_s: float = ANSWER_S,
        on_check: OnCheck = lambda *_: None,
    ) -> None:
        self._target = target
        self._model = model
        self._level = level
        self._access = access
        self._api: Api = api
        self._answer_s = answer_s
        self._on_check = on_check

    @logged("examine")
    def single(self) -> list[AnswerCheck]:
        """Every test once, one after the other; after one that is not answered in time, none is asked any more."""
        limits = Limits(self._answer_s, MAX_ANSWER_BYTES, CONNECT_S)
        checks: list[AnswerCheck] = []
        stalled = ""
        for test in self._level.tests:
            if stalled:
                check = _check("single", test, 0, "", f"not asked: {stalled} to {checks[-1].test}")
            else:
                exchange = ask(self._target, self._access, self._question(test), limits)
                check = self._verdict("single", test, 0, exchange)
                stalled = exchange.failure_detail if exchange.failure == "timeout_total" else ""
            checks.append(check)
            self._on_check(test, check)
        return checks

    @logged("examine")
    def concurrent(self, requests: int) -> list[AnswerCheck]:
        """`requests` tests at the same time, going round the level's tests."""
        jobs = turns(self._level.tests, requests)
        checks: dict[int, AnswerCheck] = {}
        unreached: list[str] = []

        def judged(exchange: Exchange) -> None:
            test, copy = jobs[exchange.id]
            try:
                check = self._verdict("concurrent", test, copy, exchange)
            except UnreachableError as error:
                unreached.append(str(error))
                check = _check("concurrent", test, copy, "", str(error))
            checks[exchange.id] = check
            self._on_check(test, check)

        questions = [self._question(test) for test, _ in jobs]
        ask_all(self._target, self._access, questions, Limits(self._answer_s, MAX_ANSWER_BYTES), judged)
        if len(unreached) == len(jobs):
            raise UnreachableError(unreached[0])
        return [checks[number] for number in range(len(jobs))]

    def _question(self, test: Test) -> bytes:
        body = json.dumps(test_body(test, self._model, self._api), ensure_ascii=False).encode()
        return question(self._target, self._access, self._target.path_of(self._api), body)

    def _verdict(self, round_: Round, test: Test, copy: int, exchange: Exchange) -> AnswerCheck:
        try:
            answer = kept(answer_text(whole_body(exchange)))
            reason = judge(test, answer)
        except UnreachableError:
            raise
        except EndpointError as error:
            answer, reason = "", str(error)
        return _check(round_, test, copy, answer, reason)


def _check(round_: Round, test: Test, copy: int, answer: str, reason: str) -> AnswerCheck:
    return AnswerCheck(round_, test.name, copy, not reason, answer, reason[:MAX_REASON_CHARS])


def answer_text(body: bytes) -> str:
    """What the first choice of a completion says, whatever else is there; `EndpointError` if it says nothing.

    Reasoning in a field or a part of its own is not the answer.
    """
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise EndpointError("the answer is no JSON") from None
    choices = document.get("choices") if isinstance(document, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if isinstance(choice, dict) and not isinstance(message, dict) and isinstance(choice.get("text"), str):
        message = {"content": choice["text"]}  # of a raw prompt
    if not isinstance(message, dict):
        if isinstance(document, dict) and document.get("error"):
            raise EndpointError(f"the server says: {plain_text(message_of(document), MAX_WORDS_CHARS)}")
        raise EndpointError("the answer has no message at choices[0].message")
    content = message.get("content")
    text = "".join(map(_part_text, content)) if isinstance(content, list) else content
    if isinstance(text, str) and text.strip():
        return text.encode("utf-8", "replace").decode()  # half a pair of surrogates cannot be written to a file
    reasoning = next((message[key] for key in ("reasoning_content", "reasoning") if message.get(key)), None)
    if isinstance(reasoning, str):
        raise EndpointError(f"no answer yet: {len(reasoning)} characters of reasoning and no more")
    if isinstance(text, str):
        return text
    raise EndpointError("the answer has no text at choices[0].message.content")


def _part_text(part: object) -> str:
    """The text of one part of an answer that is a list of them; none of what is no answer."""
    if isinstance(part, str):
        return part
    text = (
        part.get("text") if isinstance(part, dict) and part.get("type") in ("text", "output_text", None) else None
    )
    return text if isinstance(text, str) else ""


def require_right(checks: Sequence[AnswerCheck]) -> None:
    """`WrongAnswersError` if there is no answer or one that is wrong."""
    wrong = [check for check in checks if not check.passed]
    if wrong or not checks:
        lines = tuple(f"{check.round} {check.test}: {check.reason}" for check in wrong[:5])
        raise WrongAnswersError(
            f"{len(wrong)} of {len(checks)} correctness answers are wrong.",
            "The cell is not measured; correct.jsonl in its folder has the answers.",
            lines,
        )
