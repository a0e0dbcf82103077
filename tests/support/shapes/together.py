"""Several events in one read: they arrived at one time, whatever the server's pace was."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.shapes.shape import DONE, ROLE, SIBLING, STOP, Http, Item, Shape, Truth, apart, say
from tests.support.streams import event

WORDS = tuple(f" w{number:02}" for number in range(20))
PAUSE_MS = 12  # between writes: longer than a reader may linger


def flushed(size: int, words: Sequence[str] = WORDS) -> tuple[Item, ...]:
    """The words in writes of so many events."""
    rows = [words[at : at + size] for at in range(0, len(words), size)]
    return tuple(item for row in rows for item in (*say(*row), PAUSE_MS))


def answer(*text: Item) -> tuple[Item, ...]:
    return (ROLE, PAUSE_MS, *text, STOP, apart(len(WORDS)), DONE)


def truth(arrivals: int, *, itl: bool = True) -> Truth:
    return Truth(text="".join(WORDS), tokens=len(WORDS), arrivals=arrivals, itl=itl, first_text_ms=PAUSE_MS)


def halved(item: Item) -> tuple[Item, ...]:
    """An event in two writes."""
    if isinstance(item, int | float | bytes):
        return (item,)
    data = event(item)
    return data[:40], PAUSE_MS, data[40:]


def cut_at(size: int) -> tuple[Item, ...]:
    """The text cut into blocks of so many bytes, as a proxy with a buffer sends it."""
    body = b"".join(event(item) for item in say(*WORDS) if not isinstance(item, int | float | bytes))
    return tuple(item for at in range(0, len(body), size) for item in (body[at : at + size], PAUSE_MS))


def arrivals_of(size: int) -> int:
    """At how many times the events end that `cut_at` has cut."""
    lengths = [len(event(item)) for item in say(*WORDS) if not isinstance(item, int | float | bytes)]
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    return len({(end - 1) // size for end in ends})


SHAPES = (
    Shape("together-none", "any", "ggml-org/llama.cpp#24774", "a write an event", answer(*flushed(1)), truth(20)),
    Shape("together-2", "any", "vllm-project/vllm#45678", "two events a write", answer(*flushed(2)), truth(10)),
    Shape(
        "together-5",
        "proxies",
        "confidential-dot-ai/c8s#140",
        "five events a write",
        answer(*flushed(5)),
        truth(4, itl=False),
    ),
    Shape(
        "together-10",
        "nginx",
        "confidential-dot-ai/c8s#144",
        "ten events a write, all in one chunk of HTTP",
        answer(*flushed(10)),
        truth(2, itl=False),
        Http(each="write"),
    ),
    Shape(
        "together-all",
        "nginx",
        "ggml-org/llama.cpp#20872",
        "the whole answer in one write at its end (`proxy_buffering on`)",
        (2 * PAUSE_MS, ROLE, *flushed(20)[:-1], STOP, apart(20), DONE),
        Truth(text="".join(WORDS), tokens=20, arrivals=1, itl=False, first_text_ms=2 * PAUSE_MS),
    ),
    Shape(
        "together-cut-anywhere",
        "nginx",
        "mostlygeek/llama-swap#236",
        "blocks of a fixed size, which end in the middle of events",
        answer(*cut_at(500)),
        truth(arrivals_of(500), itl=False),
    ),
    Shape(
        "together-halves",
        "any",
        SIBLING,
        "every event in two writes: its stamp is that of the second",
        answer(*(half for item in flushed(1, WORDS[:6]) for half in halved(item)), *flushed(1, WORDS[6:])),
        truth(20),
    ),
    Shape(
        "together-at-first",
        "vLLM",
        "vllm-project/vllm#45678",
        "five events in the first write, one in each of the others",
        answer(*flushed(5, WORDS[:5]), *flushed(1, WORDS[5:])),
        truth(16),
    ),
    Shape(
        "together-at-last",
        "any",
        "vllm-project/vllm#36944",
        "the last word, the finish reason, usage and `[DONE]` in one write, as most servers do",
        answer(*flushed(1)[:-1]),
        truth(20),
    ),
    Shape(
        "together-role-and-text",
        "llama.cpp",
        "ggml-org/llama.cpp#14268",
        "the role and the first word in one write",
        (PAUSE_MS, ROLE, *flushed(1), STOP, apart(20), DONE),
        truth(20),
    ),
)
