"""The pieces of text of one request, millions in a bundle: read as a tuple of tuples, kept in arrays."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import TypeAlias, overload

Chunk: TypeAlias = tuple[int, int, int]
MAX_SHORT = 0xFFFF


class Chunks(Sequence[Chunk]):
    """(stamp_ns, characters, channel) of each chunk: equal to the tuple of them, in an eighth of its memory."""

    __slots__ = ("channels", "chars", "stamps")

    def __init__(self, stamps: Sequence[int], chars: Sequence[int], channels: Sequence[int]) -> None:
        """`OverflowError` for a number of more than 63 bits, `ValueError` for a channel beyond 255."""
        self.stamps = array("q", stamps)
        self.chars = array("H" if max(chars, default=0) <= MAX_SHORT else "q", chars)
        self.channels = bytes(channels)

    def __len__(self) -> int:
        return len(self.stamps)

    def __iter__(self) -> Iterator[Chunk]:
        return zip(self.stamps, self.chars, self.channels, strict=True)

    @overload
    def __getitem__(self, at: int) -> Chunk: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Chunk, ...]: ...
    def __getitem__(self, at: int | slice) -> Chunk | tuple[Chunk, ...]:
        if isinstance(at, slice):
            return tuple(zip(self.stamps[at], self.chars[at], self.channels[at], strict=True))
        return self.stamps[at], self.chars[at], self.channels[at]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Chunks):
            mine, theirs = (self.stamps, self.chars, self.channels), (other.stamps, other.chars, other.channels)
            return mine == theirs
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[type[Chunks], tuple[Sequence[int], Sequence[int], bytes]]:
        return Chunks, (self.stamps, self.chars, self.channels)


def stamps_of(chunks: Sequence[Chunk]) -> Sequence[int]:
    """The stamp of each chunk, in order."""
    return chunks.stamps if isinstance(chunks, Chunks) else [chunk[0] for chunk in chunks]


def chars_of(chunks: Sequence[Chunk]) -> int:
    """How many characters these chunks have together."""
    return sum(chunks.chars if isinstance(chunks, Chunks) else [chunk[1] for chunk in chunks])


def channels_of(chunks: Sequence[Chunk]) -> Sequence[int]:
    """The channel of each chunk, in order."""
    return chunks.channels if isinstance(chunks, Chunks) else [chunk[2] for chunk in chunks]
