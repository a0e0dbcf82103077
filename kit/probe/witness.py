"""Asks the questions of a witness, one by one, streamed as a load asks, with log probabilities if it can."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from kit.debuglog import logged
from kit.documents import Exchange
from kit.documents.shape import Api
from kit.documents.witness import WitnessAnswer
from kit.loadgen.asking import Limits, ask, question
from kit.plan.target import Access, Target
from kit.plan.witness import WitnessQuestion
from kit.probe.http import CONNECT_S, MAX_WORDS_CHARS, UnreachableError
from kit.stream.answer import parse
from kit.stream.error_words import clean, words_of_body
from kit.stream.logprobs import tokens_of
from kit.stream.record import is_success
from kit.text import plain_text

ANSWER_S = 180.0
MAX_ANSWER_BYTES = 4 << 20
MAX_TEXT_CHARS = 16_384
# As many as every server that has them gives; a near tie is among the first.
WITH_TOKENS = {"logprobs": True, "top_logprobs": 5}
REFUSED = range(400, 500)


@logged("witness")
def ask_witness(
    target: Target, access: Access, api: Api, questions: Iterable[WitnessQuestion]
) -> list[WitnessAnswer]:
    """The answers, in the order of the questions; one without text has an error.

    A server that refuses to tell log probabilities is asked without. `UnreachableError` where nobody answers.
    """
    return list(_answers(target, access, api, questions))


def _answers(
    target: Target, access: Access, api: Api, questions: Iterable[WitnessQuestion]
) -> Iterator[WitnessAnswer]:
    limits = Limits(ANSWER_S, MAX_ANSWER_BYTES, CONNECT_S)
    more: dict[str, object] = dict(WITH_TOKENS) if api == "chat" else {}
    path = target.path_of(api)

    def sent(asked: WitnessQuestion) -> Exchange:
        data = json.dumps({**json.loads(asked.body), **more}, ensure_ascii=False).encode()
        exchange = ask(target, access, question(target, access, path, data), limits)
        if exchange.failure == "connect":
            raise UnreachableError(plain_text(exchange.failure_detail, MAX_WORDS_CHARS))
        return exchange

    for asked in questions:
        exchange = sent(asked)
        if more and exchange.status in REFUSED:
            more.clear()
            exchange = sent(asked)
        yield _answer(asked, exchange)


def _answer(asked: WitnessQuestion, exchange: Exchange) -> WitnessAnswer:
    answer = parse(exchange.pieces if is_success(exchange.status) else ())
    text = answer.text[:MAX_TEXT_CHARS]
    error = _error(exchange, answer.error_detail, text)
    return WitnessAnswer(
        round=asked.round,
        id=asked.id,
        text="" if error else text,
        finish_reason=None if error else answer.finish_reason,
        elapsed_ns=max(0, exchange.done_ns - (exchange.sent_ns or 0)),
        tokens=() if error else tokens_of(exchange.pieces, text),
        error=error,
    )


def _error(exchange: Exchange, told: str, text: str) -> str:
    if exchange.status is not None and not is_success(exchange.status):
        body = b"".join(data for _, data in exchange.pieces)
        return clean(f"HTTP {exchange.status} {words_of_body(body)}") or "refused"
    if exchange.failure is not None:
        return clean(exchange.failure_detail) or exchange.failure
    return clean(told) or ("" if text else "no text")
