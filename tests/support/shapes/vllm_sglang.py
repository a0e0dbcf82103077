"""What vLLM, SGLang and its router send when all is well."""

from __future__ import annotations

from tests.support.shapes.shape import (
    DONE,
    FIVE,
    ROLE,
    STOP,
    TAIL,
    TEXT,
    THOUGHTFUL,
    THOUGHTS,
    WITH_THOUGHTS,
    Item,
    Shape,
    Truth,
    apart,
    finished,
    running,
    say,
    spaced,
    think,
    tool,
)
from tests.support.streams import chunk, usage


def sglang(*words: str, **delta: object) -> tuple[Item, ...]:
    """Every member in every chunk, those without a value as null."""
    blank = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None}
    rest = {"logprobs": None, "finish_reason": None, "matched_stop": None}
    deltas: list[dict[str, object]] = [{**blank, "content": word, **delta} for word in words]
    return tuple(
        {"model": "m", "choices": [{"index": 0, "delta": each, **rest}], "usage": None} for each in deltas
    )


PIECES = (" one, two and three,", " four, five and six,", " seven, eight, nine")
LOGPROBS = {"content": [{"token": " one", "logprob": -0.25, "bytes": [32, 111], "top_logprobs": []}]}

VLLM = (
    Shape(
        "vllm",
        "vLLM",
        "vllm-project/vllm#19662",
        "a role chunk with empty text, the finish reason beside empty text, usage in a chunk of its own",
        (ROLE, *TEXT, finished(logprobs=None, stop_reason=None), apart(5), DONE),
    ),
    Shape(
        "vllm-finish-with-text",
        "vLLM",
        "vllm-project/vllm#35705",
        "the finish reason beside the last word",
        (ROLE, *TEXT[:-1], chunk({"content": FIVE[-1]}, "length"), apart(5), DONE),
        Truth(finish="length"),
    ),
    Shape(
        "vllm-continuous-usage",
        "vLLM",
        "vllm-project/vllm#6652",
        "a running usage in every chunk, 0 beside the role (`continuous_usage_stats`)",
        (chunk({"role": "assistant", "content": ""}, usage=usage(0)), *running(1, 2, 3, 4, 5), *TAIL),
        Truth(chunk_tokens=(1, 1, 1, 1, 1)),
    ),
    Shape(
        "vllm-speculative",
        "vLLM",
        "vllm-project/vllm#45678",
        "accepted draft tokens together in one chunk, with a running usage",
        (ROLE, *running(1, 4, 6, words=PIECES), STOP, apart(6), DONE),
        Truth(text="".join(PIECES), tokens=6, chunk_tokens=(1, 3, 2)),
    ),
    Shape(
        "vllm-stream-interval",
        "vLLM",
        "llm-d/llm-d-inference-sim#308",
        "several tokens a chunk (`--stream-interval`), one usage at the end, and text enough for all",
        (ROLE, *say(*PIECES), STOP, apart(15), DONE),
        Truth(text="".join(PIECES), tokens=15),
    ),
    Shape(
        "vllm-reasoning",
        "vLLM",
        "MorpheusAIs/Morpheus-Lumerin-Node#757",
        "reasoning in `reasoning`, then the answer",
        (ROLE, *think(*THOUGHTS, name="reasoning"), *TEXT, STOP, apart(7), DONE),
        THOUGHTFUL,
    ),
    Shape(
        "vllm-reasoning-content",
        "vLLM",
        "https://docs.vllm.ai/en/v0.9.2/examples/online_serving/openai_chat_completion_with_reasoning_streaming.html",
        "reasoning in `reasoning_content`, then the answer",
        WITH_THOUGHTS,
        THOUGHTFUL,
    ),
    Shape(
        "vllm-reasoning-twice",
        "vLLM",
        "vllm-project/vllm#34030",
        "the same reasoning under both names: once in the text",
        (
            ROLE,
            *(chunk({"reasoning": word, "reasoning_content": word}) for word in THOUGHTS),
            *TEXT,
            STOP,
            apart(7),
            DONE,
        ),
        THOUGHTFUL,
    ),
    Shape(
        "vllm-tool-call",
        "vLLM",
        "vllm-project/vllm#30999",
        "the arguments of a tool call in pieces, the text null",
        (
            ROLE,
            tool("", name="write"),
            *(tool(part) for part in ('{"to"', ': "Ada', "Lov", 'elace"', "}")),
            chunk({}, "tool_calls"),
            apart(5),
            DONE,
        ),
        Truth(text='{"to": "AdaLovelace"}', finish="tool_calls", channels="ttttt"),
    ),
    Shape(
        "vllm-logprobs",
        "vLLM",
        "vllm-project/vllm-omni#2313",
        "log probabilities and token ids beside the text",
        (
            ROLE,
            *(
                {
                    "model": "m",
                    "choices": [
                        {
                            "index": 0,
                            "delta": {"content": word},
                            "logprobs": LOGPROBS,
                            "finish_reason": None,
                            "token_ids": [11],
                        }
                    ],
                    "prompt_token_ids": None,
                }
                for word in FIVE
            ),
            *TAIL,
        ),
    ),
    Shape(
        "vllm-no-finish-member",
        "vLLM",
        "vllm-project/vllm#19650",
        "no `finish_reason` member before the last chunk",
        (ROLE, *({"model": "m", "choices": [{"index": 0, "delta": {"content": word}}]} for word in FIVE), *TAIL),
    ),
)

SGLANG = (
    Shape(
        "sglang",
        "SGLang",
        "sgl-project/sglang#9657",
        "every member in every chunk, most of them null; `matched_stop` beside the finish reason",
        (*sglang("", role="assistant"), *sglang(*FIVE), finished(matched_stop=151645), apart(5), DONE),
    ),
    Shape(
        "sglang-empty-finish",
        "SGLang",
        "sgl-project/sglang#3912",
        'the finish reason is "" until the last chunk',
        (ROLE, *(chunk({"content": word}, "") for word in FIVE), *TAIL),
    ),
    Shape(
        "sglang-finish-twice",
        "SGLang",
        "sgl-project/sglang#8417",
        "the finish reason beside the last word, and again in a chunk of its own",
        (ROLE, *TEXT[:-1], chunk({"content": FIVE[-1]}, "stop"), *TAIL),
    ),
    Shape(
        "sglang-null-chunks",
        "SGLang",
        "sgl-project/sglang#18335",
        "chunks of nothing but nulls while the reasoning parser waits; the first text is the first text",
        (*spaced(sglang(*[""] * 3, content=None), 8), 8, *TEXT, *TAIL),
        Truth(first_text_ms=32),
    ),
    Shape(
        "sglang-no-usage",
        "SGLang",
        "sgl-project/sglang#954",
        "usage is null although it was asked for",
        (*sglang("", role="assistant"), *sglang(*FIVE), finished(), DONE),
        Truth(by="chunks"),
    ),
    Shape(
        "sglang-jumping-usage",
        "SGLang",
        "sgl-project/sglang#36272",
        "a running usage that jumps by 16 where a parser swallowed them: a chunk has no more tokens than bytes",
        (ROLE, *running(1, 17, 31, words=(" I", '{"day', '": 3}')), STOP, apart(31), DONE),
        Truth(text=' I{"day": 3}', tokens=31, untimed=None),
    ),
    Shape(
        "sglang-router",
        "sglang-router",
        "sgl-project/sglang#19895",
        "the role and null reasoning beside every word",
        (
            *(
                chunk(
                    {"role": "assistant", "content": word, "reasoning_content": None}, system_fingerprint="default"
                )
                for word in FIVE
            ),
            *TAIL,
        ),
    ),
)

SHAPES = (*VLLM, *SGLANG)
