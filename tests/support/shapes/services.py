"""What services and gateways with the same interface send when all is well."""

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
    reasoned,
    with_all,
)
from tests.support.streams import chunk, usage

SAFE = {"hate": {"filtered": False, "severity": "safe"}}
LONG = (" one, two and three,", " four, five and six")
PROCESSING = b": OPENROUTER PROCESSING\n\n"


def as_choice(*words: str) -> tuple[Item, ...]:
    """Chunks whose choice has no finish reason member."""
    return tuple({"model": "m", "choices": [{"index": 0, "delta": {"content": word}}]} for word in words)


SHAPES = (
    Shape(
        "openai",
        "OpenAI",
        "ENTERPILOT/GoModel#46",
        "padding (`obfuscation`), a service tier and usage null in every chunk but the last",
        (
            *with_all(
                (chunk({"role": "assistant", "content": "", "refusal": None}), *TEXT, STOP),
                obfuscation="kJ3",
                service_tier="default",
                usage=None,
            ),
            apart(5, **reasoned(0)),
            DONE,
        ),
        Truth(reasoning_tokens=0),
    ),
    Shape(
        "openai-refusal",
        "OpenAI",
        "braintrustdata/braintrust-sdk-python#258",
        "a refusal in pieces, in `refusal`: generated text as any other",
        (ROLE, *(chunk({"refusal": word}) for word in FIVE), *TAIL),
    ),
    Shape(
        "azure",
        "Azure OpenAI",
        "AbanteAI/archive-old-cli-mentat#429",
        "a first chunk without choices and with an empty model: what the prompt's filter found",
        (
            {
                "choices": [],
                "created": 0,
                "model": "",
                "prompt_filter_results": [{"content_filter_results": SAFE}],
            },
            *ANSWER,
        ),
    ),
    Shape(
        "azure-filter-behind",
        "Azure OpenAI",
        "uezo/aiavatarkit#124",
        "chunks without a delta, with what the filter found, behind the finish reason",
        (
            ROLE,
            *TEXT,
            STOP,
            {"model": "", "choices": [{"index": 0, "finish_reason": None, "content_filter_results": SAFE}]},
            apart(5),
            DONE,
        ),
    ),
    Shape(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/docs/api-reference/streaming",
        "comments while it waits; usage in a chunk that has a choice with empty text",
        (
            PROCESSING,
            8,
            PROCESSING,
            8,
            *with_all((ROLE, *TEXT), provider="p"),
            {
                "model": "m",
                "choices": [
                    {"index": 0, "delta": {"content": ""}, "finish_reason": "stop", "native_finish_reason": "STOP"}
                ],
            },
            chunk({"role": "assistant", "content": ""}, usage=usage(5) | {"cost": 0.00012, "is_byok": False}),
            DONE,
        ),
        Truth(first_text_ms=16),
    ),
    Shape(
        "openrouter-details",
        "OpenRouter",
        "dimetron/pi-go#205",
        "reasoning in `reasoning` and once more in `reasoning_details`",
        (
            ROLE,
            *(
                chunk(
                    {
                        "content": "",
                        "reasoning": word,
                        "reasoning_details": [{"type": "reasoning.text", "text": word}],
                    }
                )
                for word in THOUGHTS
            ),
            *TEXT,
            STOP,
            apart(7),
            DONE,
        ),
        THOUGHTFUL,
    ),
    Shape(
        "deepseek",
        "DeepSeek",
        "https://api-docs.deepseek.com/quick_start/rate_limit",
        "keep-alive comments while it waits; usage beside the finish reason",
        (
            b": keep-alive\n\n",
            8,
            b": keep-alive\n\n",
            8,
            *WITH_THOUGHTS[:-3],
            chunk({"content": "", "reasoning_content": None}, "stop", usage=usage(7) | reasoned(2)),
            DONE,
        ),
        Truth(text=THOUGHTFUL.text, tokens=7, channels="rrccccc", reasoning_tokens=2, first_text_ms=16),
    ),
    Shape(
        "groq",
        "Groq",
        "vercel/ai#1651",
        "usage in `x_groq` only, where the interface has none: chunks are counted",
        (ROLE, *TEXT, chunk({}, "stop", x_groq={"id": "r", "usage": usage(5) | {"queue_time": 0.07}}), DONE),
        Truth(by="chunks"),
    ),
    Shape(
        "groq-usage",
        "Groq",
        "Portkey-AI/gateway#1338",
        "empty `tool_calls` beside the role, usage in `x_groq` and in a chunk of its own",
        (
            chunk({"role": "assistant", "content": "", "tool_calls": []}),
            *TEXT,
            chunk({}, "stop", x_groq={"usage": usage(5)}),
            apart(5),
            DONE,
        ),
    ),
    Shape(
        "gemini",
        "Gemini",
        "ogx-ai/ogx#5122",
        "a running usage in every chunk, long chunks, the finish reason beside the last text",
        (
            chunk({"role": "assistant", "content": LONG[0]}, usage=usage(5)),
            chunk({"role": "assistant", "content": LONG[1]}, "stop", usage=usage(9)),
            DONE,
        ),
        Truth(text="".join(LONG), tokens=9, chunk_tokens=(5, 4)),
    ),
    Shape(
        "gemini-both-spellings",
        "Gemini",
        "jakobdylanc/llmcord#84",
        "`finishReason` beside `finish_reason`",
        (
            ROLE,
            *TEXT,
            {
                "model": "m",
                "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "finishReason": "stop"}],
            },
            apart(5),
            DONE,
        ),
    ),
    Shape(
        "grok",
        "xAI",
        "BerriAI/litellm#17136",
        "usage in the chunk before the last, which has neither choices nor usage",
        (ROLE, *TEXT, chunk({}, "stop", usage=usage(5)), {"model": "m", "choices": []}, DONE),
    ),
    Shape(
        "mistral",
        "Mistral",
        "BerriAI/litellm#1371",
        "usage `{}` in every chunk, the true one beside the finish reason",
        (*with_all((ROLE, *TEXT), usage={}), chunk({"content": ""}, "stop", usage=usage(5)), DONE),
    ),
    Shape(
        "litellm",
        "LiteLLM",
        "BerriAI/litellm#10554",
        "the options of the request in every chunk; usage in a chunk with an empty delta",
        (
            *with_all(as_choice(*FIVE), stream_options={"include_usage": True}),
            {"model": "m", "choices": [{"finish_reason": "stop", "index": 0, "delta": {}}]},
            {"model": "m", "choices": [{"index": 0, "delta": {}}], "usage": usage(5) | reasoned(0)},
            DONE,
        ),
        Truth(reasoning_tokens=0),
    ),
    Shape(
        "litellm-fields",
        "LiteLLM",
        "BerriAI/litellm#12417",
        "`provider_specific_fields`, `citations` and null members in every chunk",
        (
            *(
                chunk(
                    {"content": word, "function_call": None, "audio": None, "provider_specific_fields": None},
                    citations=None,
                )
                for word in FIVE
            ),
            *TAIL,
        ),
    ),
    Shape(
        "portkey",
        "Portkey",
        "Portkey-AI/gateway#1338",
        "`provider` in every chunk, the model under the name of another",
        (*with_all(ANSWER[:-1], provider="groq", model="gemma2-9b-it"), DONE),
        Truth(model="gemma2-9b-it"),
    ),
    Shape(
        "done-with-space",
        "pipelines",
        "open-webui/pipelines#297",
        "white space around `[DONE]`",
        (*ANSWER[:-1], b"data: [DONE] \n\n"),
    ),
)
