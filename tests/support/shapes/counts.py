"""Counts of tokens that cannot be, and such as are there in part: the next best source counts, and it is said."""

from __future__ import annotations

from tests.support.shapes.shape import (
    DONE,
    ROLE,
    SIBLING,
    STOP,
    TEXT,
    Item,
    Shape,
    Truth,
    apart,
    reasoned,
    running,
)
from tests.support.streams import chunk, usage

NO_COUNT, BELOW, ABOVE, MISSING = "not-a-count", "below-chunks", "above-limit", "missing-part"


def ended(value: object) -> tuple[Item, ...]:
    """What follows the text where this is the usage."""
    return STOP, {"model": "m", "choices": [], "usage": value}, DONE


def counted(tokens: object, **more: object) -> dict[str, object]:
    """Usage with this for the tokens of the completion."""
    return usage(5) | {"completion_tokens": tokens, **more}


CANNOT_BE: tuple[tuple[str, str, str, str, object, str], ...] = (
    ("minus", "any", SIBLING, "the count is -1", counted(-1), NO_COUNT),
    ("fraction", "Bedrock adapters", "philschmid/easyllm#40", "the count is 37.25", counted(37.25), NO_COUNT),
    ("word", "any", SIBLING, 'the count is "five"', counted("five"), NO_COUNT),
    ("true", "any", SIBLING, "the count is true", counted(True), NO_COUNT),
    ("list", "any", "langfuse/langfuse#4961", "the count is a list", counted([{"token_count": 5}]), NO_COUNT),
    ("huge", "any", SIBLING, "the count is 10^18", counted(10**18), NO_COUNT),
    ("usage-list", "any", SIBLING, "usage is a list", [5], NO_COUNT),
    ("usage-word", "any", SIBLING, "usage is a word", "5 tokens", NO_COUNT),
    ("zero", "mini-sglang", "sgl-project/mini-sglang#126", "zeros beside text", usage(0, 0), BELOW),
    ("one", "llama-cpp-python", "abetlen/llama-cpp-python#1344", "the count is always 1", counted(1), BELOW),
    ("two", "lmdeploy", "InternLM/lmdeploy#3832", "2 tokens in five chunks", counted(2), BELOW),
    ("above", "vLLM", "vllm-project/vllm#8625", "2000 tokens where 64 were allowed", counted(2000), ABOVE),
)  # fmt: skip
IN_PART: tuple[tuple[str, str, str, str, object], ...] = (
    ("braces", "Mistral", "BerriAI/litellm#1371", "usage is `{}`", {}),
    ("null", "OpenAI agents", "openai/openai-agents-python#1179", "every count is null",
     {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}),
    ("details", "any", "langfuse/langfuse#4961", "usage has details only",
     {"prompt_tokens_details": {"cached_tokens": 3}}),
    ("prompt-only", "any", SIBLING, "the tokens of the prompt only", {"prompt_tokens": 7}),
    ("total-only", "any", SIBLING, "the total only", {"total_tokens": 12}),
)  # fmt: skip

SHAPES = (
    *(
        Shape(
            f"count-{name}", server, source, sends, (ROLE, *TEXT, *ended(value)), Truth(by="chunks", fault=fault)
        )
        for name, server, source, sends, value, fault in CANNOT_BE
    ),
    *(
        Shape(
            f"count-{name}", server, source, sends, (ROLE, *TEXT, *ended(value)), Truth(by="chunks", fault=MISSING)
        )
        for name, server, source, sends, value in IN_PART
    ),
    Shape(
        "count-zero-and-reasoning",
        "CLIProxyAPI",
        "router-for-me/CLIProxyAPI#5733",
        "0 tokens, of which 60 are reasoning",
        (ROLE, *TEXT, *ended(counted(0, **reasoned(60)))),
        Truth(by="chunks", fault=BELOW, reasoning_tokens=60),
    ),
    Shape(
        "count-whole-float",
        "Lua and JavaScript gateways",
        "philschmid/easyllm#42",
        "the count is 5.0",
        (ROLE, *TEXT, *ended(counted(5.0))),
        Truth(by="chunks", fault=NO_COUNT),
    ),
    Shape(
        "count-in-quotes",
        "any",
        SIBLING,
        'the count is "5"',
        (ROLE, *TEXT, *ended(counted("5"))),
        Truth(by="chunks", fault=NO_COUNT),
    ),
    Shape(
        "count-delta",
        "lmdeploy",
        "InternLM/lmdeploy#3832",
        "a delta of 1 in every chunk and at the end, never a total",
        (ROLE, *running(1, 1, 1, 1, 1), chunk({}, "stop", usage=usage(1)), DONE),
        Truth(by="chunks", fault=BELOW),
    ),
    Shape(
        "count-falling",
        "any",
        SIBLING,
        "a running usage that falls; the last is the total",
        (ROLE, *running(1, 2, 6, 4, 5), *ended(usage(5))),
    ),
    Shape(
        "count-last-zero",
        "gateways",
        "BerriAI/litellm#8349",
        "the true usage, then one of zeros",
        (ROLE, *TEXT, chunk({}, "stop", usage=usage(5)), apart(0), DONE),
    ),
    Shape(
        "count-last-null",
        "gateways",
        "openai/openai-agents-python#1179",
        "the true usage, then one of nulls",
        (
            ROLE,
            *TEXT,
            chunk({}, "stop", usage=usage(5)),
            *ended({"prompt_tokens": None, "completion_tokens": None}),
        ),
    ),
    Shape(
        "count-bad-prompt",
        "any",
        "openai/openai-agents-python#1179",
        "the tokens of the prompt are null, those of the completion are right",
        (ROLE, *TEXT, *ended({"prompt_tokens": None, "completion_tokens": 5})),
    ),
    Shape(
        "count-bad-cached",
        "any",
        SIBLING,
        "the cached tokens are a word",
        (ROLE, *TEXT, *ended(usage(5) | {"prompt_tokens_details": {"cached_tokens": "many"}})),
    ),
    Shape(
        "count-bad-details",
        "any",
        SIBLING,
        "the details are a list",
        (ROLE, *TEXT, *ended(usage(5) | {"prompt_tokens_details": [], "completion_tokens_details": []})),
    ),
    Shape(
        "count-other-names",
        "gateways",
        "openai/openai-agents-python#1181",
        "usage under the names of another interface",
        (ROLE, *TEXT, *ended({"input_tokens": 7, "output_tokens": 5})),
    ),
    Shape(
        "count-end-token",
        "gittensor",
        "entrius/gittensor#1749",
        "the token that ends the text is counted and not sent",
        (ROLE, *TEXT, STOP, apart(6), DONE),
        Truth(tokens=6),
    ),
    Shape(
        "count-usage-and-timings",
        "llama.cpp",
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        "a usage that cannot be beside timings: the timings count",
        (
            ROLE,
            *TEXT,
            STOP,
            {"model": "m", "choices": [], "usage": counted(-1), "timings": {"predicted_n": 5}},
            DONE,
        ),
        Truth(by="timings", fault=NO_COUNT),
    ),
    Shape(
        "count-short-word",
        "any",
        SIBLING,
        "a count one below the chunks: a word may be cut within a token",
        (ROLE, *TEXT, STOP, apart(4), DONE),
        Truth(tokens=4),
    ),
)
