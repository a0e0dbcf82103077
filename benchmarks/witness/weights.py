"""Weights that are not what they are called: a file of Q4_1 with fewer bits, or without the work of a layer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from kit.gguf.header import Header, Tensor, read_header

Q4_1, SCALES_BYTES = "Q4_1", 4  # a block: two half-precision numbers, then 32 numbers of 4 bits
# What a layer adds to the stream of the model goes through these two: zeros there, and it adds nothing.
LAST_OF_LAYER = r"blk\.{layer}\.(?:attn_output|ffn_down)\.weight"
# What each of 16 numbers becomes: as often more as less, so that no weight is shifted on the whole.
LEVELS = {
    3: (0, 0, 2, 4, 4, 4, 6, 8, 8, 8, 10, 12, 12, 12, 14, 14),
    2: (1, 1, 1, 1, 6, 6, 6, 6, 9, 9, 9, 9, 14, 14, 14, 14),
}


def with_fewer_bits(source: Path, made: Path, bits: int, tensors: str = "") -> Path:
    """The same weights, 4-bit numbers of `tensors` named so rounded to one of fewer, up as often as down."""
    table = _coarser(bits)

    def change(tensor: Tensor, data: bytes) -> bytes:
        if tensor.type.name != Q4_1 or not re.search(tensors, tensor.name):
            return data
        out = bytearray(data.translate(table))
        step = tensor.type.block_bytes
        for at in range(SCALES_BYTES):  # the scales of each block stay as they are
            out[at::step] = data[at::step]
        return bytes(out)

    return _changed(source, made, change)


def without_layer(source: Path, made: Path, layer: int) -> Path:
    """The same weights, but that this layer adds nothing: as if it had been left out."""
    name = re.compile(LAST_OF_LAYER.format(layer=layer))
    return _changed(source, made, lambda tensor, data: bytes(len(data)) if name.fullmatch(tensor.name) else data)


def _coarser(bits: int) -> bytes:
    level = LEVELS[bits]
    return bytes(level[byte >> 4] << 4 | level[byte & 15] for byte in range(256))


def _header(source: Path) -> Header:
    with source.open("rb") as file:
        return read_header(file.read)


def _changed(source: Path, made: Path, change: Callable[[Tensor, bytes], bytes]) -> Path:
    header, data = _header(source), bytearray(source.read_bytes())
    for tensor in header.tensors:
        at = header.data_start + tensor.offset
        data[at : at + tensor.bytes] = change(tensor, bytes(data[at : at + tensor.bytes]))
    made.write_bytes(data)
    return made
