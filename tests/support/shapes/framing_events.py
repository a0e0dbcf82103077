"""How the event stream frames an answer: line ends, cuts and characters."""

from __future__ import annotations

import json

from tests.support.shapes.shape import (
    ANSWER,
    BODY,
    DONE,
    ROLE,
    SIBLING,
    STOP,
    TAIL,
    TEXT,
    UMLAUTS,
    Item,
    Shape,
    Truth,
    apart,
    say,
)
from tests.support.streams import chunk, event

PROTOCOL = ("[DONE]", 'data: {"error": "no"}\n\n', "event: error\n", '"}}]}', "\r\n0\r\n\r\n")
ESCAPED = (
    r'{"model":"m","choices":[{"index":0,"delta":{"content":" \u00e9\ud83d\ude00\ud83d"},"finish_reason":null}]}'
)
PRETTY = tuple(
    b"".join(b"data: " + line.encode() + b"\n" for line in json.dumps(item, indent=1).splitlines()) + b"\n"
    for item in ANSWER[:-1]
)


def halves(character: str) -> tuple[Item, ...]:
    """An event that is cut within its only character."""
    data = event(chunk({"content": character}))
    at = data.index(character.encode()) + 1
    return data[:at], 6, data[at:]


def lines(end: bytes) -> tuple[Item, ...]:
    """The answer with other line ends in its event stream."""
    return (BODY.replace(b"\n", end),)


SHAPES = (
    Shape(
        "frame-cut-character",
        "any",
        "kubernetes-sigs/inference-perf#781",
        "a chunk of HTTP that ends within a character",
        (ROLE, *TEXT[:4], *halves("ü"), *TAIL),
        Truth(text=" one two three fourü"),
    ),
    Shape(
        "frame-unicode",
        "any",
        "Soju06/codex-lb#1011",
        "characters of several bytes, and U+2028, which ends no line of an event stream",
        (ROLE, *say(*UMLAUTS), *TAIL),
        Truth(text="".join(UMLAUTS)),
    ),
    Shape(
        "frame-escapes",
        "any",
        "rfc8259#7",
        "escaped characters, one of them half a pair",
        (ROLE, ESCAPED, STOP, apart(3), DONE),
        Truth(text=" é😀\ufffd", tokens=3),
    ),
    Shape("frame-crlf", "any", "miruamel/xuan#194", "CR LF at the end of each line", lines(b"\r\n")),
    Shape("frame-cr", "any", "WHATWG SSE", "CR at the end of each line", lines(b"\r")),
    Shape(
        "frame-cut-crlf",
        "any",
        "heroku/vegur#82",
        "CR LF, cut between the two",
        (
            *(
                part
                for half in BODY.replace(b"\n", b"\r\n").split(b"\r\n\r\n")[:-1]
                for part in (half + b"\r\n\r", b"\n")
            ),
        ),
    ),
    Shape(
        "frame-single-newlines",
        "GLM and Kimi services",
        "rexxars/eventsource-parser#31",
        "one newline between events instead of a blank line",
        (BODY.replace(b"\n\n", b"\n") + b"\n",),
        Truth(dialect=("single-newlines",)),
    ),
    Shape(
        "frame-single-crlf",
        "GLM and Kimi services",
        SIBLING,
        "one CR LF between events",
        (BODY.replace(b"\n\n", b"\r\n") + b"\r\n",),
        Truth(dialect=("single-newlines",)),
    ),
    Shape(
        "frame-some-single",
        "GLM and Kimi services",
        SIBLING,
        "one newline between some of the events",
        (BODY.replace(b"\n\n", b"\n", 3),),
        Truth(dialect=("single-newlines",)),
    ),
    Shape(
        "frame-text-of-protocol",
        "any",
        SIBLING,
        "text that looks like the stream around it",
        (ROLE, *say(*PROTOCOL), *TAIL),
        Truth(text="".join(PROTOCOL)),
    ),
    Shape(
        "frame-pretty",
        "any",
        "SamSaffron/term-llm#454",
        "the JSON of an event in several `data` lines",
        (*PRETTY, DONE),
    ),
    Shape(
        "frame-one-event-two-lines",
        "any",
        "WHATWG SSE",
        "two `data` lines that are one JSON only together",
        (
            ROLE,
            *TEXT[:4],
            b'data: {"model":"m","choices":[{"index":0,\ndata: "delta":{"content":" five"}}]}\n\n',
            *TAIL,
        ),
    ),
    Shape(
        "frame-long-event",
        "TensorRT-LLM",
        "NVIDIA/TensorRT-LLM#3280",
        "the whole text in one event of 60 KB",
        (ROLE, chunk({"content": " word" * 12_000}, "stop"), {"model": "m", "choices": []}, DONE),
        Truth(text=" word" * 12_000, tokens=1, by="chunks"),
    ),
)
