"""The table of docs/streams.md: every shape of the corpus, where it is from, and how the kit reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.support.shapes import GROUPS
from tests.support.shapes.shape import FIVE, Shape, Truth

_HARMLESS = ("Noise", "Framing", "Odd members")
_HEAD = ("| stream | what is sent | from | the kit |", "|---|---|---|---|")
ANY_SERVER = "any"  # the server of a shape that none is known by
READ, OVER, NOTED, FAILS = "read", "read over", "noted", "fails"


def kind(group: str, truth: Truth) -> str:
    """Whether a stream is read, read over, read and noted, or fails."""
    if truth.outcome != "ok":
        return FAILS
    if truth.fault or truth.dialect or truth.untimed != 0 or _together(truth):
        return NOTED
    return OVER if group in _HARMLESS else READ


def _together(truth: Truth) -> bool:
    """Whether the chunks came at fewer times than there are chunks."""
    return truth.arrivals is not None and truth.arrivals < len(truth.text.split())


def _remarks(truth: Truth) -> Iterator[str]:
    """What the kit says of a stream that it reads."""
    if truth.fault:
        yield f"`{truth.fault}`, so {truth.by} are counted"
    elif truth.by != "usage":
        yield f"{truth.by} are counted"
    if truth.untimed is None:
        yield f"{truth.tokens} tokens, and which of them were sent cannot be told: no pace"
    elif truth.untimed:
        yield f"{truth.untimed} of {truth.tokens} tokens have no time"
    elif truth.chunk_tokens and set(truth.chunk_tokens) != {1}:
        yield "tokens of each chunk as counted"
    elif truth.by == "usage" and (truth.tokens or 0) > len(FIVE) + 2 and truth.arrivals is None:
        yield "tokens spread over the chunks"
    if _together(truth):
        times = "once" if truth.arrivals == 1 else f"{truth.arrivals} times"
        yield f"{len(truth.text.split())} chunks arrive at {times}" + ("" if truth.itl else ", no ITL")
    for word in truth.dialect:
        yield f"`{word}`"


def reading(group: str, truth: Truth) -> str:
    """The last column of a row."""
    if truth.outcome != "ok":
        return f"**{FAILS}**: `{truth.error}`" + (f", “{truth.detail}”" if truth.detail else "")
    return ": ".join(filter(None, (f"**{kind(group, truth)}**", ", ".join(_remarks(truth)))))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def row(group: str, shape: Shape) -> str:
    """One row of the table."""
    name = "source" if shape.url and shape.server == ANY_SERVER else shape.server
    server = f"[{name}]({shape.url})" if shape.url else name
    return f"| {shape.id} | {_cell(shape.sends)} | {server} | {_cell(reading(group, shape.truth))} |"


def table() -> str:
    """Everything that is made."""
    kinds = Counter(kind(group, shape.truth) for group, shapes in GROUPS.items() for shape in shapes)
    counts = ", ".join(f"{kinds[word]} {word}" for word in (READ, OVER, NOTED, FAILS))
    lines = [f"{kinds.total()} streams: {counts}."]
    for group, shapes in GROUPS.items():
        lines += ["", f"## {group}", "", *_HEAD, *(row(group, shape) for shape in shapes)]
    return "\n".join(lines)
