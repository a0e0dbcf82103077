"""Tokens and their log probabilities out of streams: those that make up the text, or none. No bytes raise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents.witness import OtherToken, WitnessToken
from kit.stream.logprobs import LEAST_MILLINATS, tokens_of


def token(text: str, logprob: object = -0.25, **more: object) -> dict[str, object]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), **more}


def stream(*events: object) -> tuple[tuple[int, bytes], ...]:
    return tuple((at, b"data: " + json.dumps(event).encode() + b"\n\n") for at, event in enumerate(events))


def chunk(*tokens: object) -> dict[str, object]:
    text = "".join(str(each.get("token")) if isinstance(each, dict) else "" for each in tokens)
    return {"choices": [{"delta": {"content": text}, "logprobs": {"content": list(tokens)}}]}


def test_tokens_come_with_what_else_was_likely() -> None:
    """In thousandths; the token itself is none of the others."""
    top = [token(" a", -0.25), token(" b", -1.5), token(" c", float("-inf"))]
    found = tokens_of(stream(chunk(token(" a", top_logprobs=top))), " a")
    assert found == (WitnessToken(2, -250, (OtherToken(" b", -1500), OtherToken(" c", LEAST_MILLINATS))),)


def test_parts_of_a_letter_are_tokens_of_their_bytes() -> None:
    """They have no text of their own."""
    first, second = "ü".encode()
    parts = [{"token": "\ufffd", "logprob": -1, "bytes": [each]} for each in (first, second)]
    assert [each.bytes for each in tokens_of(stream(chunk(*parts)), "ü")] == [1, 1]


@pytest.mark.parametrize(
    "events",
    [
        (),
        ({"choices": [{"delta": {"content": "ab"}}]},),
        (chunk(token("xy")),),
        (chunk(token("a")),),
        (chunk({"token": 3}),),
        (chunk({"token": "ab", "bytes": [300]}),),
        (chunk("ab"),),
        ({"choices": [{"logprobs": {"content": {"a": 1}}}]},),
    ],
)
def test_tokens_that_are_none_or_make_up_another_text_are_left_out(events: tuple[object, ...]) -> None:
    assert tokens_of(stream(*events), "ab") == ()


@given(st.lists(st.binary(max_size=200), max_size=5), st.text(max_size=10))
def test_no_bytes_raise(parts: list[bytes], text: str) -> None:
    tokens_of([(0, part) for part in parts], text)


NAMES = st.sampled_from(["token", "bytes", "logprob", "top_logprobs", "content", "logprobs", "choices"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_no_document_raises(document: object) -> None:
    tokens_of(stream({"choices": [{"logprobs": {"content": [document]}}]}), "ab")
    tokens_of(stream(document), "ab")
