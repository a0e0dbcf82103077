"""A prefix cache as servers have one: blocks of tokens, each known by all that stands before it.

What was least recently used is given up. A token is BYTES_PER_TOKEN bytes of what the messages say, so the same
text has the same tokens whoever said it. Only whole blocks are kept, and the last token of a prompt is always
computed: there must be one to go on from.
Not modelled: that running requests hold their blocks, so the capacity must be larger than what runs at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from kit.reference.requests import BYTES_PER_TOKEN

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class PrefixCacheShape:
    """How many tokens are kept, in blocks of how many."""

    tokens: int
    block_tokens: int = 16


class PrefixCache:
    """The blocks that are kept, the least recently used first."""

    def __init__(self, shape: PrefixCacheShape) -> None:
        self._block_tokens = shape.block_tokens
        self._most = shape.tokens // shape.block_tokens
        self._kept: OrderedDict[bytes, None] = OrderedDict()

    def take(self, prompt: bytes) -> int:
        """How many tokens of a prompt need not be computed; all its blocks are kept from now on."""
        blocks = list(self._blocks(prompt))
        hits = 0
        for block in blocks:
            if block not in self._kept:
                break
            hits += 1
        self._keep(blocks)
        return min(hits, max(0, len(prompt) // BYTES_PER_TOKEN - 1) // self._block_tokens) * self._block_tokens

    def add(self, prompt: bytes, answer: bytes) -> None:
        """An answer was computed behind a prompt: its blocks are kept too."""
        self._keep(list(self._blocks(prompt + answer)))

    def _blocks(self, text: bytes) -> Iterator[bytes]:
        size = self._block_tokens * BYTES_PER_TOKEN
        before = b""
        for at in range(0, len(text) - size + 1, size):
            before = blake2b(before + text[at : at + size], digest_size=_DIGEST_BYTES).digest()
            yield before

    def _keep(self, blocks: list[bytes]) -> None:
        """The end of a text is given up before its beginning, without which it is worth nothing."""
        for block in reversed(blocks):
            self._kept[block] = None
            self._kept.move_to_end(block)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
