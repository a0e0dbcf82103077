"""What Ollama, TGI, LM Studio, TensorRT-LLM, realizar, transformers and others send when all is well."""

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
    THOUGHTS,
    WITH_THOUGHTS,
    Item,
    Shape,
    Truth,
    apart,
    finished,
    running,
    spaced,
    with_all,
)
from tests.support.streams import chunk, event, usage

APRENDER = "https://github.com/paiml/aprender"
TRANSFORMERS = "https://huggingface.co/docs/transformers/main/en/serving"
LM_STUDIO = "https://lmstudio.ai/docs/developer/openai-compat"


def as_assistant(*words: str, finish: str | None = None) -> tuple[Item, ...]:
    """The role beside every word."""
    return tuple(chunk({"role": "assistant", "content": word}, finish) for word in words)


def unspaced(*items: Item) -> tuple[Item, ...]:
    """The events without the space behind the colon."""
    return tuple(b"data:" + event(item).removeprefix(b"data: ") for item in items)


OLLAMA = (
    Shape(
        "ollama",
        "Ollama",
        "ollama/ollama#4448",
        "the role beside every word, usage in a chunk of its own",
        (*as_assistant(*FIVE), *as_assistant("", finish="stop"), apart(5), DONE),
    ),
    Shape(
        "ollama-empty-finish",
        "Ollama",
        "ollama/ollama#4357",
        'the finish reason is "" until the last chunk',
        (*as_assistant(*FIVE, finish=""), *as_assistant("", finish="stop"), apart(5), DONE),
    ),
    Shape(
        "ollama-reasoning",
        "Ollama",
        "anomalyco/opencode#46061",
        'reasoning in `reasoning`, beside content ""',
        (*(chunk({"content": "", "reasoning": word}) for word in THOUGHTS), *TEXT, STOP, apart(7), DONE),
        THOUGHTFUL,
    ),
    Shape(
        "ollama-thinking",
        "Ollama",
        "spring-projects/spring-ai#5057",
        "reasoning in `thinking`, the name of Ollama's own interface",
        (*(chunk({"content": "", "thinking": word}) for word in THOUGHTS), *TEXT, STOP, apart(7), DONE),
        THOUGHTFUL,
    ),
)
TGI = (
    Shape(
        "tgi",
        "TGI",
        "huggingface/text-generation-inference#1427",
        "no space behind `data:`, the finish reason `eos_token`, no usage",
        unspaced(ROLE, *TEXT, chunk({}, "eos_token"), DONE),
        Truth(by="chunks", finish="eos_token"),
    ),
    Shape(
        "tgi-usage",
        "TGI",
        "huggingface/text-generation-inference#3003",
        "usage in a chunk of its own, null before",
        (*(chunk({"role": "assistant", "content": word}, usage=None) for word in FIVE), STOP, apart(5), DONE),
    ),
)
REALIZAR = (
    Shape(
        "realizar",
        "realizar",
        APRENDER,
        "`stream_mode` beside the role; finish reason and usage in one chunk",
        (
            chunk({"role": "assistant"}, stream_mode="live"),
            *TEXT,
            chunk({}, "length", usage=usage(5)),
            DONE,
        ),
        Truth(finish="length"),
    ),
    Shape(
        "realizar-first",
        "realizar",
        APRENDER,
        "0.8: a keep-alive comment, the role before prefill, no usage",
        (b": keep-alive\n\n", chunk({"role": "assistant"}), 10, *TEXT, STOP, DONE),
        Truth(by="chunks", first_text_ms=10),
    ),
    Shape(
        "realizar-replayed",
        "realizar",
        APRENDER,
        "`stream_mode` is `replayed`: the answer in one write when it was whole",
        (20, chunk({"role": "assistant"}, stream_mode="replayed"), *TEXT, chunk({}, "stop", usage=usage(5)), DONE),
        Truth(arrivals=1, itl=False, first_text_ms=20, dialect=("replayed",)),
    ),
    Shape(
        "realizar-replayed-slow",
        "realizar",
        APRENDER,
        "the same at a pace as if it were made just now",
        (20, chunk({"role": "assistant"}, stream_mode="replayed"), *spaced(TEXT, 3), STOP, apart(5), DONE),
        Truth(arrivals=5, itl=False, first_text_ms=20, dialect=("replayed",)),
    ),
    Shape(
        "realizar-wgpu",
        "realizar",
        APRENDER,
        "no role; usage, a pace of its own and `stop` (even at the token limit) in the last chunk",
        (*TEXT, chunk({}, "stop", usage=usage(5), x_wgpu_tok_s=0.6), DONE),
    ),
)
LMSTUDIO = (
    Shape(
        "lm-studio",
        "LM Studio",
        LM_STUDIO,
        "the name of the model as fingerprint too, empty `stats`, usage apart",
        (
            *(chunk({"role": "assistant", "content": word}, system_fingerprint="m", stats={}) for word in FIVE),
            *TAIL,
        ),
    ),
    Shape(
        "lm-studio-reasoning",
        "LM Studio",
        LM_STUDIO,
        "reasoning in `reasoning_content`",
        WITH_THOUGHTS,
        THOUGHTFUL,
    ),
)
TENSORRT_LLM = (
    Shape(
        "tensorrt-llm",
        "TensorRT-LLM",
        "NVIDIA/TensorRT-LLM#3280",
        "empty `tool_calls` and null members in every chunk, the finish reason beside empty text",
        (
            *(
                chunk(
                    {"role": None, "content": word, "reasoning_content": None, "tool_calls": []},
                    disaggregated_params=None,
                )
                for word in ("", *FIVE)
            ),
            finished(stop_reason=None),
            apart(5),
            DONE,
        ),
    ),
    Shape(
        "tensorrt-llm-running",
        "TensorRT-LLM",
        "https://nvidia.github.io/TensorRT-LLM/commands/trtllm-serve.html",
        "a running usage in every chunk, the last beside the finish reason",
        (ROLE, *running(1, 2, 3, 4, 5), chunk({}, "stop", usage=usage(5)), DONE),
        Truth(chunk_tokens=(1, 1, 1, 1, 1)),
    ),
)
REST = (
    Shape(
        "transformers-serve",
        "transformers serve",
        TRANSFORMERS,
        "finish reason and usage in one chunk, no `[DONE]`, the model as NAME@main",
        (*with_all((chunk({"role": "assistant"}), *TEXT, chunk({}, "stop", usage=usage(5))), model="m@main"),),
        Truth(dialect=("no-done",), model="m@main"),
    ),
    Shape(
        "mlx-lm",
        "mlx-lm",
        "ml-explore/mlx-lm#362",
        "comments with the progress of the prompt before the first word",
        (b": keepalive 512/2048\n\n", 8, b": keepalive 2048/2048\n\n", 8, *ANSWER),
        Truth(first_text_ms=16),
    ),
    Shape(
        "mistral-rs",
        "mistral.rs",
        "EricLBuehler/mistral.rs#1226",
        "the role beside every word, no `[DONE]`",
        (*as_assistant(*FIVE), chunk({"role": "assistant", "content": ""}, "stop", usage=usage(5))),
        Truth(dialect=("no-done",)),
    ),
    Shape(
        "mlc-llm",
        "MLC LLM",
        "mlc-ai/mlc-llm#1300",
        "no `[DONE]`, no usage",
        (ROLE, *TEXT, STOP),
        Truth(by="chunks", dialect=("no-done",)),
    ),
    Shape(
        "koboldcpp",
        "KoboldCpp",
        "PowerShell/AIShell#350",
        'the finish reason is the word "null" until the last chunk',
        (ROLE, *(chunk({"content": word}, "null") for word in FIVE), *TAIL),
    ),
    Shape(
        "dynamo",
        "Dynamo",
        "ai-dynamo/dynamo#11708",
        "usage null in every chunk but the last, which has no choices",
        (*with_all((ROLE, *TEXT, STOP), usage=None), apart(5), DONE),
    ),
    Shape(
        "omlx",
        "oMLX",
        "jundot/omlx#839",
        "a keep-alive comment before the first chunk",
        (b": keep-alive\n\n", *ANSWER),
    ),
    Shape(
        "legacy-completions",
        "the older completions endpoint",
        "https://platform.openai.com/docs/api-reference/completions",
        "`text` instead of `delta`",
        (
            *({"model": "m", "choices": [{"index": 0, "text": word, "finish_reason": None}]} for word in FIVE),
            {"model": "m", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]},
            apart(5),
            DONE,
        ),
    ),
)
SHAPES = (*OLLAMA, *TGI, *REALIZAR, *LMSTUDIO, *TENSORRT_LLM, *REST)
