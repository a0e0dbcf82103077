"""kit.stream.error_words: whatever a server answers instead of a stream, its own words are found."""

from __future__ import annotations

import json
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.stream.error_words import MAX_DETAIL_CHARS, clean, words_of_body

WORDS = "the request exceeds the available context size"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": WORDS, "type": "invalid_request_error", "code": 400}},  # OpenAI, llama.cpp, vLLM
        {"error": WORDS},  # Ollama, TGI, Triton
        {"error": WORDS, "error_type": "validation"},
        {"object": "error", "message": WORDS, "code": 400},  # vLLM before 0.10
        {"type": "error", "error": {"type": "overloaded_error", "message": WORDS}},
        {"detail": WORDS},  # FastAPI
        {"detail": [{"type": "value_error", "msg": WORDS}]},
        {"title": "Bad Request", "status": 400, "detail": WORDS},  # RFC 9457
        {"errors": [{"message": WORDS}]},
        {"message": WORDS},  # Kong, API gateways
        {"Message": WORDS},
        {"fault": {"faultstring": WORDS}},  # Apigee
        {"error": {"code": 8, "error_message": WORDS}},
        {"error": True, "message": WORDS},
        {"error": None, "msg": WORDS},
        [{"error": {"code": 429, "message": WORDS}}],  # Google
        [{"msg": WORDS}],
    ],
    ids=str,
)
def test_the_words_are_found_in_every_usual_shape(body: object) -> None:
    assert clean(words_of_body(json.dumps(body).encode())) == WORDS


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"upstream connect error, reset before headers\n", "upstream connect error, reset before headers"),
        (b"\xef\xbb\xbferror code: 1020", "error code: 1020"),
        (b"", ""),
        (b"   \r\n ", ""),
        (
            b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1>"
            b"</center>\r\n<hr><center>nginx/1.27.0</center>\r\n</body>\r\n</html>\r\n",
            "502 Bad Gateway nginx/1.27.0",
        ),
        (
            b"<!DOCTYPE html><style>h1 { a > b }</style><script>if (a < b) { x() }</script><h1>Down</h1>",
            "Down",
        ),
        (b"<", "<"),
        (b"[1, 2]", "[1, 2]"),
        (b'{"code": 17}', '{"code": 17}'),
        (b'{"error": "Bad Request", "message": "model is missing", "statusCode": 400}',
         "Bad Request: model is missing"),
        (b'{"detail": [{"loc": ["body", "max_tokens"], "msg": "less than 10"}, {"msg": "and so on"}]}',
         "body.max_tokens: less than 10; and so on"),
        (b'{"error": {"message": "\\u001b[31mred\\u202e\\u009b\\u0000"}}', "[31mred"),
    ],
)  # fmt: skip
def test_what_has_no_known_shape_is_told_as_it_is(body: bytes, words: str) -> None:
    """Plain text, a page of a proxy, JSON without words; nothing that moves a cursor or turns a line."""
    assert clean(words_of_body(body)) == words


@given(st.binary(max_size=2000))
def test_any_body_gives_a_printable_line(body: bytes) -> None:
    found = clean(words_of_body(body))
    assert len(found) <= MAX_DETAIL_CHARS
    assert found.isprintable()


@pytest.mark.parametrize("unit", [b"<script>", b"<", b"< ", b"<style ", b"{", b"[", b" ", b"a-", b'{"error":'])
def test_a_hostile_body_takes_no_longer_than_its_size(unit: bytes) -> None:
    """A megabyte of what patterns stumble over."""
    body = unit * (1_000_000 // len(unit))
    began = perf_counter()
    words_of_body(body)
    assert perf_counter() - began < 4
