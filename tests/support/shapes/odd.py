"""Members that are odd: what matters must be right, and what does not is read over."""

from __future__ import annotations

from tests.support.shapes.shape import (
    ANSWER,
    ANY,
    DONE,
    FIVE,
    ROLE,
    SIBLING,
    STOP,
    TAIL,
    TEXT,
    THOUGHTFUL,
    THOUGHTS,
    Item,
    Shape,
    Truth,
    apart,
    failed,
    tool,
    with_all,
)
from tests.support.streams import chunk, event

NAMED = "simonw/llm-llama-server#2"


def part(word: str) -> dict[str, object]:
    return {"type": "text", "text": word}


def all_with(**members: object) -> tuple[Item, ...]:
    """A good answer with these members in every chunk."""
    return with_all(ANSWER, **members)


def choices(**members: object) -> tuple[Item, ...]:
    """A good answer with these members in every choice."""
    return (
        *(
            {"model": "m", "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None, **members}]}
            for word in FIVE
        ),
        *TAIL,
    )


def ended(reason: object) -> tuple[Item, ...]:
    """A good answer with this for its finish reason."""
    last = {"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return (ROLE, *TEXT, last, apart(5), DONE)


def both(word: str, other: str) -> dict[str, object]:
    """Two choices in one chunk."""
    texts = enumerate((word, other))
    return {"model": "m", "choices": [{"index": n, "delta": {"content": each}} for n, each in texts]}


RAW_NAN = (
    b'data: {"model":"m","choices":[{"index":0,"delta":{"content":"%b"},"logprobs":{"x":[NaN,-Infinity]}}]}\n\n'
)
DEEP = b'data: {"model":"m","choices":[],"x":' + b"[" * 100 + b"]" * 100 + b"}\n\n"
PARTS = Truth(dialect=("content-parts",))
ODD_FINISH = Truth(finish=ANY, dialect=("odd-finish",))

HARMLESS: tuple[tuple[str, str, str, str, tuple[Item, ...]], ...] = (
    ("model-object", "any", NAMED, "the model is an object", all_with(model={"id": "m"})),
    ("model-number", "any", SIBLING, "the model is a number", all_with(model=7)),
    ("timings-list", "any", NAMED, "`timings` is a list", all_with(timings=[])),
    ("timings-float", "llama.cpp", "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
     "`predicted_n` is 5.0", all_with(timings={"predicted_n": 5.0})),
    ("error-empty", "any", NAMED, '`error` is ""', all_with(error="")),
    ("error-braces", "any", SIBLING, "`error` is {}", all_with(error={})),
    ("error-false", "any", SIBLING, "`error` is false", all_with(error=False)),
    ("error-null", "any", SIBLING, "`error` is null", all_with(error=None)),
    ("error-list", "any", SIBLING, "`error` is []", all_with(error=[])),
    ("created-float", "SambaNova", "mlcommons/modelbench#1287", "`created` is 1757876416.566",
     all_with(created=1757876416.566)),
    ("id-number", "any", SIBLING, "`id` is a number", all_with(id=17)),
    ("object-missing", "mini-sglang", "sgl-project/mini-sglang#126", "`object` is `text_completion.chunk`",
     all_with(object="text_completion.chunk")),
    ("finish-list", "any", SIBLING, "`finish_reason` is [] before the last chunk", choices(finish_reason=[])),
    ("finish-false", "any", SIBLING, "`finish_reason` is false before the last chunk",
     choices(finish_reason=False)),
    ("index-word", "any", SIBLING, '`index` is "0"', choices(index="0")),
    ("index-missing", "any", SIBLING, "no `index`",
     (*({"model": "m", "choices": [{"delta": {"content": word}}]} for word in FIVE), *TAIL)),
    ("logprobs-word", "any", SIBLING, "`logprobs` is a word", choices(logprobs="none")),
    ("nan", "Python servers", "rfc8259#6", "NaN and -Infinity among the log probabilities",
     (ROLE, *(RAW_NAN % word.encode() for word in FIVE), *TAIL)),
    ("unknown", "any", SIBLING, "members that nobody knows",
     all_with(x_trace={"a": [1, 2, {"b": None}]}, citations=["u"], metrics={}, modality="text")),
    ("long-member", "any", SIBLING, "a member of 10,000 characters", all_with(system_fingerprint="f" * 10_000)),
    ("twice", "any", "rfc8259#4", "the same member twice: the last counts",
     (ROLE, *(event(chunk({"content": w})).replace(b'"content"', b'"content":"x","content"') for w in FIVE),
      *TAIL)),
)  # fmt: skip

SHAPES = (
    *(
        Shape(f"odd-{name}", server, source, sends, stream, Truth(model=None if name.startswith("model") else "m"))
        for name, server, source, sends, stream in HARMLESS
    ),
    Shape(
        "odd-parts",
        "Mistral",
        "meilisearch/meilisearch#6327",
        "the text as a list of parts",
        (ROLE, *(chunk({"content": [part(word)]}) for word in FIVE), *TAIL),
        PARTS,
    ),
    Shape(
        "odd-parts-thinking",
        "Mistral",
        "epam/ai-dial-adapter-openai#395",
        "reasoning and text as parts of one list",
        (
            ROLE,
            *(chunk({"content": [{"type": "thinking", "thinking": [part(word)]}]}) for word in THOUGHTS),
            *TEXT,
            STOP,
            apart(7),
            DONE,
        ),
        Truth(text=THOUGHTFUL.text, tokens=7, channels="rrccccc", dialect=("content-parts",)),
    ),
    Shape(
        "odd-parts-unknown",
        "Mistral",
        "meilisearch/meilisearch#6327",
        "a part of an unknown type beside the text",
        (
            ROLE,
            *(chunk({"content": [{"type": "reference", "reference_ids": [1]}, part(word)]}) for word in FIVE),
            *TAIL,
        ),
        PARTS,
    ),
    Shape(
        "odd-parts-empty",
        "Mistral",
        "NousResearch/hermes-agent#4748",
        "an empty list of parts beside the role",
        (chunk({"role": "assistant", "content": []}), *TEXT, *TAIL),
        Truth(dialect=()),
    ),
    Shape(
        "odd-two-choices",
        "any",
        "ollama/ollama#4448",
        "two choices in every chunk, though one was asked for: the first counts, usage is of both",
        (*(both(word, " other") for word in FIVE), STOP, apart(10), DONE),
        Truth(by="chunks", fault="several-choices", dialect=("choices",)),
    ),
    Shape(
        "odd-two-choices-unnumbered",
        "any",
        SIBLING,
        "two choices without `index`: the first of the list counts",
        (
            *(
                {"model": "m", "choices": [{"delta": {"content": word}}, {"delta": {"content": " x"}}]}
                for word in FIVE
            ),
            STOP,
            apart(10),
            DONE,
        ),
        Truth(by="chunks", fault="several-choices", dialect=("choices",)),
    ),
    Shape(
        "odd-two-choices-no-usage",
        "any",
        SIBLING,
        "two choices and no usage: the chunks of the first count",
        (*(both(word, " other") for word in FIVE), STOP, DONE),
        Truth(by="chunks", dialect=("choices",)),
    ),
    Shape(
        "odd-second-choice",
        "any",
        "sgl-project/sglang#8417",
        "chunks of a second choice between those of the first",
        (
            ROLE,
            *(
                item
                for word in FIVE
                for item in (
                    chunk({"content": word}),
                    {"model": "m", "choices": [{"index": 1, "delta": {"content": "x"}}]},
                )
            ),
            STOP,
            apart(10),
            DONE,
        ),
        Truth(by="chunks", fault="several-choices", dialect=("choices",)),
    ),
    Shape("odd-finish-number", "any", SIBLING, "the finish reason is 2", ended(2), ODD_FINISH),
    Shape("odd-finish-true", "any", SIBLING, "the finish reason is true", ended(True), ODD_FINISH),
    Shape(
        "odd-finish-object",
        "any",
        SIBLING,
        "the finish reason is an object",
        ended({"type": "stop", "stop": "</s>"}),
        ODD_FINISH,
    ),
    Shape(
        "odd-finish-long",
        "any",
        SIBLING,
        "the finish reason has 300 characters",
        ended("s" * 300),
        Truth(finish="s" * 200),
    ),
    Shape(
        "odd-arguments-object",
        "Ollama proxies",
        SIBLING,
        "the arguments of a tool call as an object",
        (ROLE, tool({"to": "Ada"}, name="write"), chunk({}, "tool_calls"), apart(5), DONE),
        Truth(text='{"to": "Ada"}', tokens=5, finish="tool_calls", channels="t", untimed=None),
    ),
    Shape(
        "odd-tool-null",
        "any",
        "sgl-project/sglang#9657",
        "a tool call without a function, and null for all of them",
        (ROLE, chunk({"tool_calls": [{"index": 0, "function": None}]}), chunk({"tool_calls": None}), *TEXT, *TAIL),
    ),
    Shape(
        "odd-model-changes",
        "routers",
        SIBLING,
        "another model from the second chunk on: the first name is kept",
        (ROLE, *with_all(TEXT, model="other"), *TAIL),
    ),
    Shape(
        "odd-model-empty",
        "llama.cpp",
        "ggml-org/llama.cpp#14268",
        'the model is ""',
        all_with(model=""),
        Truth(model=None),
    ),
    Shape(
        "odd-content-number",
        "any",
        SIBLING,
        "the text is a number: what matters is wrong",
        (ROLE, *TEXT[:2], chunk({"content": 3}), *TAIL),
        failed("protocol", "content", " one two"),
    ),
    Shape(
        "odd-choices-word",
        "any",
        SIBLING,
        "the choices are a word: what matters is wrong",
        (ROLE, *TEXT[:2], {"model": "m", "choices": "none"}, *TAIL),
        failed("protocol", "choices", " one two"),
    ),
    Shape(
        "odd-delta-word",
        "any",
        SIBLING,
        "the delta is a word: what matters is wrong",
        (ROLE, *TEXT[:2], chunk(" three"), *TAIL),
        failed("protocol", "delta", " one two"),
    ),
    Shape(
        "odd-deep",
        "any",
        "rfc8259#9",
        "a member that nests a hundred deep: more than 64 are not read",
        (ROLE, *TEXT[:2], DEEP, *TAIL),
        failed("protocol", "nested deeper than 64", " one two"),
    ),
    Shape(
        "odd-list",
        "any",
        SIBLING,
        "a list of chunks in one event: what matters is wrong",
        (ROLE, *TEXT[:2], b'data: [{"choices": []}, {"choices": []}]\n\n', *TAIL),
        failed("protocol", "not an object", " one two"),
    ),
)
