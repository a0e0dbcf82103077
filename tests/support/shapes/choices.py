"""Choices that are numbered otherwise than most servers do."""

from __future__ import annotations

from tests.support.shapes.shape import DONE, FIVE, SIBLING, Item, Shape, Truth, apart


def numbered(index: int, *words: str) -> tuple[Item, ...]:
    """A good answer in a choice of this index."""
    texts = ({"model": "m", "choices": [{"index": index, "delta": {"content": word}}]} for word in words)
    last = {"model": "m", "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]}
    return (*texts, last, apart(len(words)), DONE)


SHAPES = (
    Shape(
        "odd-index-one",
        "any",
        SIBLING,
        "the only choice has the index 1: a server that numbers from 1",
        numbered(1, *FIVE),
        Truth(dialect=("odd-index",)),
    ),
    Shape(
        "odd-index-late",
        "any",
        SIBLING,
        "a chunk of a choice 1 comes before those of choice 0, which is the answer",
        ({"model": "m", "choices": [{"index": 1, "delta": {"content": "x"}}]}, *numbered(0, *FIVE)),
        Truth(by="chunks", fault="several-choices", dialect=("choices",)),
    ),
)
