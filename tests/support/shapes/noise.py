"""What servers and gateways send to keep a stream alive, and other noise: read over, wherever it stands."""

from __future__ import annotations

from tests.support.shapes.shape import (
    ANSWER,
    DONE,
    ROLE,
    SIBLING,
    STOP,
    TEXT,
    Item,
    Shape,
    Truth,
    apart,
    failed,
)
from tests.support.streams import DONE as DONE_EVENT
from tests.support.streams import chunk, event

PAUSE_MS = 6


def around(noise: Item) -> tuple[Item, ...]:
    """A good answer with the noise before, in and behind everything."""
    return (
        noise, PAUSE_MS, noise, ROLE, noise, PAUSE_MS, *TEXT[:2], noise, *TEXT[2:], noise, STOP, noise, apart(5),
        noise, DONE,
    )  # fmt: skip


ROWS: tuple[tuple[str, str, str, str, Item], ...] = (
    ("comment", "any", "WHATWG SSE", "the comment `: ping`", b": ping\n\n"),
    ("lone-colon", "llama.cpp", "mistralai/mistral-vibe#776", "an empty comment", b":\n\n"),
    ("comment-and-newline", "llmgateway", "theopenco/llmgateway#2334", "a comment and no blank line", b": ping\n"),
    ("heartbeat-comment", "Bifrost", "maximhq/bifrost#5874", "the comment `: heartbeat`", b": heartbeat\n\n"),
    ("empty-data", "gateways", "netease-lcap/wave-agent#1326", "an empty `data: `", b"data: \n\n"),
    ("bare-data", "gateways", "Growth-Circle/cadis#362", "an empty `data:`", b"data:\n\n"),
    ("data-without-colon", "any", "WHATWG SSE", "the field `data` without a colon", b"data\n\n"),
    ("blank-data", "gateways", "Growth-Circle/cadis#362", "data of spaces", b"data:    \n\n"),
    ("ping-event", "MCP servers", "modelcontextprotocol/python-sdk#1670", "event `ping`, no data",
     b"event: ping\n\n"),
    ("ping-empty", "copilot-api", "caozhiyuan/copilot-api#88", "event `ping`, data empty",
     b"event: ping\ndata:\n\n"),
    ("ping-quoted", "copilot-api", "caozhiyuan/copilot-api#88", 'event `ping`, data `""`',
     b'event: ping\ndata: ""\n\n'),
    ("ping-object", "Anthropic", "https://docs.anthropic.com/en/api/messages-streaming",
     "event `ping`, data of its own kind", b'event: ping\ndata: {"type": "ping"}\n\n'),
    ("ping-braces", "gateways", "Growth-Circle/cadis#362", "event `ping`, data `{}`",
     b"event: ping\ndata: {}\n\n"),
    ("ping-word", "gateways", "aaif-goose/goose#11816", "event `ping`, data `ping`",
     b"event: ping\ndata: ping\n\n"),
    ("heartbeat-object", "MCP servers", "PhilflowIO/dav-mcp#31", "a JSON heartbeat as data",
     event({"type": "heartbeat", "timestamp": "2025-10-31T11:30:41Z"})),
    ("null", "gateways", SIBLING, "data `null`", b"data: null\n\n"),
    ("quotes", "copilot-api", "caozhiyuan/copilot-api#88", 'data `""`', b'data: ""\n\n'),
    ("braces", "gateways", SIBLING, "data `{}`", b"data: {}\n\n"),
    ("keepalive-event", "gateways", SIBLING, "event `keepalive`, no data", b"event: keepalive\n\n"),
    ("retry", "any", "WHATWG SSE", "the field `retry`", b"retry: 3000\n\n"),
    ("id", "llmgateway", "theopenco/llmgateway#2334", "the field `id`", b"id: 17\n\n"),
    ("unknown-field", "any", "WHATWG SSE", "a field that nobody knows", b"x-trace: 17\n\n"),
    ("blank-lines", "DeepSeek", "https://api-docs.deepseek.com/quick_start/rate_limit", "blank lines", b"\n\n\n"),
    ("empty-choices", "Bedrock", "awslabs/llmeter#34", "a chunk without choices",
     event({"model": "m", "choices": []})),
    ("null-choices", "any", SIBLING, "a chunk with choices null",
     event({"model": "m", "choices": None})),
)  # fmt: skip

READ_OVER = tuple(
    Shape(
        f"noise-{name}",
        server,
        source,
        f"{sends}, before, in and behind the answer",
        around(noise),
        Truth(first_text_ms=2 * PAUSE_MS if isinstance(noise, bytes) else 0),
    )
    for name, server, source, sends, noise in ROWS
)
OTHER = (
    Shape(
        "noise-named-events",
        "gateways",
        "SamSaffron/term-llm#487",
        "`event: message` and an id beside every chunk, no space behind the colon",
        tuple(b"id:7\nevent:message\ndata:" + event(item)[len(b"data: ") :] for item in ANSWER),
    ),
    Shape(
        "noise-byte-order-mark",
        "any",
        "WHATWG SSE",
        "a byte order mark before the first event",
        (b"\xef\xbb\xbf" + event(ROLE), *ANSWER[1:]),
    ),
    Shape(
        "noise-behind-done",
        "any",
        "acheong08/ChatGPT-to-API#14",
        "`[DONE]` twice and a comment behind it",
        (*ANSWER, DONE_EVENT, b": bye\n\n"),
    ),
    Shape(
        "noise-in-json",
        "codex2api",
        "james-6-23/codex2api#696",
        "a keep-alive written into the middle of an event: half an event is no noise",
        (
            ROLE,
            *TEXT[:2],
            b'data: {"model":"m","cho' + b": keepalive\n\n" + b'ices":[]}\n\n',
            *TEXT[2:],
            *ANSWER[-3:],
        ),
        failed("protocol", "not JSON", " one two", model="m"),
    ),
    Shape(
        "noise-not-json",
        "any",
        SIBLING,
        "a chunk that is cut within its JSON, and others behind it",
        (ROLE, *TEXT[:2], event(chunk({"content": " three"}))[:40] + b"\n\n", *TEXT[3:], *ANSWER[-3:]),
        failed("protocol", "not JSON", " one two", model="m"),
    ),
)
SHAPES = (*READ_OVER, *OTHER)
