"""What the servers of llama.cpp send when all is well."""

from __future__ import annotations

from tests.support.shapes.shape import (
    ANSWER,
    DONE,
    FIVE,
    ROLE,
    STOP,
    TAIL,
    TEXT,
    THOUGHTFUL,
    WITH_THOUGHTS,
    Shape,
    Truth,
    apart,
    spaced,
    with_all,
)
from tests.support.streams import chunk, usage

README = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"
PATH = "/models" + "/part" * 46 + "-"


def timed(predicted: int) -> dict[str, object]:
    """llama.cpp's account of a request."""
    return {"timings": {"prompt_n": 7, "prompt_ms": 3.5, "predicted_n": predicted, "predicted_ms": 9.1}}


SHAPES = (
    Shape(
        "llamacpp",
        "llama.cpp",
        "ggml-org/llama.cpp#14268",
        "the role beside null text, `delta: {}` at the finish, usage and timings in a chunk of their own",
        (
            chunk({"role": "assistant", "content": None}),
            *TEXT,
            STOP,
            {"model": "m", "choices": [], "usage": usage(5), **timed(5)},
            DONE,
        ),
    ),
    Shape(
        "llamacpp-timings-only",
        "llama.cpp",
        README,
        "timings in the last chunk and no usage",
        (ROLE, *TEXT, chunk({}, "stop", **timed(5)), DONE),
        Truth(by="timings"),
    ),
    Shape(
        "llamacpp-timings-per-token",
        "llama.cpp",
        "ggml-org/llama.cpp#25348",
        "running timings in every chunk (`timings_per_token`)",
        (ROLE, *(chunk({"content": word}, None, **timed(n)) for n, word in enumerate(FIVE, 1)), *TAIL),
    ),
    Shape(
        "llamacpp-progress",
        "llama.cpp",
        "ggml-org/llama.cpp#15827",
        "chunks with the progress of the prompt before the first word (`return_progress`)",
        (
            ROLE,
            *spaced(
                (
                    chunk({}, prompt_progress={"total": 9, "cache": 0, "processed": n, "time_ms": n})
                    for n in (3, 9)
                ),
                8,
            ),
            8,
            *TEXT,
            *TAIL,
        ),
        Truth(first_text_ms=24),
    ),
    Shape(
        "llamacpp-pings",
        "llama.cpp",
        "ggml-org/llama.cpp#25241",
        "a lone colon every second of a long prefill",
        (8, b":\n\n", 8, b":\n\n", 8, *ANSWER),
        Truth(first_text_ms=24),
    ),
    Shape(
        "llamacpp-reasoning",
        "llama.cpp",
        README,
        "reasoning in `reasoning_content` (`--reasoning-format`)",
        (*WITH_THOUGHTS[:-2], {"model": "m", "choices": [], "usage": usage(7), **timed(7)}, DONE),
        THOUGHTFUL,
    ),
    Shape(
        "llamacpp-long-name",
        "llama.cpp",
        "simonw/llm-llama-server#2",
        "the model is the whole path of its file, 238 characters: 200 are kept",
        with_all(ANSWER, model=PATH),
        Truth(model=PATH[:200]),
    ),
    Shape(
        "ik-llamacpp",
        "ik_llama.cpp",
        "ikawrakow/ik_llama.cpp#467",
        "no `[DONE]`",
        (ROLE, *TEXT, STOP, apart(5)),
        Truth(dialect=("no-done",)),
    ),
    Shape(
        "llama-cpp-python",
        "llama-cpp-python",
        "abetlen/llama-cpp-python#1958",
        "no usage at all, a token a chunk",
        (chunk({"role": "assistant"}), *TEXT, STOP, DONE),
        Truth(by="chunks"),
    ),
)
