"""The header of a GGUF file: keys and values, and the list of tensors. Strict, and safe on files made to harm.

Read forward, once, from any stream: of a file, or of a download that is given up after the header. What a header
says of lengths never decides how much memory is taken; long arrays (the vocabulary) are walked over and not kept.
Format: ggml docs/gguf.md, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from kit.errors import InputError
from kit.gguf.types import TENSOR_TYPES, TensorType
from kit.text import plain_text

Scalar = int | float | bool | str
Read = Callable[[int], bytes]  # at most so many bytes, none at the end

MAGIC = b"GGUF"
MAX_HEADER_BYTES = 64 << 20  # the longest vocabularies with their merges take about 20 MiB
MAX_KEYS = 10_000
MAX_TENSORS = 100_000
MAX_NAME_BYTES = 512
MAX_STRING_BYTES = 1 << 20  # a chat template takes up to 100 kB
MAX_ITEMS = 4_000_000
MAX_KEPT_ITEMS = 4096  # of an array of numbers: one for each layer
MAX_DIMENSIONS = 8
DEFAULT_ALIGNMENT = 32
_BLOCK = 1 << 18
_STRING, _ARRAY = 8, 9
_NUMBERS: Mapping[int, str] = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip


class GgufError(InputError):
    """A file that is no GGUF file, or a damaged one; `message` says why, without the file's name."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(f"Not a GGUF file that can be read: {message}.", "Get the file again, or give another.")

    def __reduce__(self) -> tuple[type[GgufError], tuple[str]]:
        return type(self), (self.message,)


@dataclass(frozen=True, slots=True)
class Array:
    """An array of a header: how many items it has, and these themselves if they are few numbers."""

    length: int
    items: tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: its name, its type, how many numbers it holds, and where its bytes begin among the data."""

    name: str
    type: TensorType
    elements: int
    offset: int

    @property
    def bytes(self) -> int:
        """What it takes in the file."""
        return self.elements // self.type.block * self.type.block_bytes


Value = Scalar | Array


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the data of the tensors; these begin at `data_start`."""

    version: int
    values: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    data_start: int

    @property
    def least_bytes(self) -> int:
        """How long the file must be at the least to hold every tensor."""
        return self.data_start + max((tensor.offset + tensor.bytes for tensor in self.tensors), default=0)


def read_header(read: Read, size: int | None = None) -> Header:
    """The header at the beginning of what `read` gives; `GgufError` if it is none, or the file ends too early.

    With the `size` of the file, that must hold all the tensors.
    """
    reader = _Reader(read)
    if reader.take(4) != MAGIC:
        raise GgufError("it does not begin with GGUF")
    version = reader.number("<I")
    if version not in (2, 3):
        words = "big-endian" if version in (2 << 24, 3 << 24) else f"version {version}; versions 2 and 3 are known"
        raise GgufError(words)
    tensor_count, key_count = reader.number("<Q"), reader.number("<Q")
    if tensor_count > MAX_TENSORS or key_count > MAX_KEYS:
        raise GgufError(f"it claims {tensor_count} tensors and {key_count} keys")
    values: dict[str, Value] = {}
    for _ in range(key_count):
        key = reader.string(MAX_NAME_BYTES, "a key")
        if key in values:
            raise GgufError(f"the key {plain_text(key)} stands twice")
        values[key] = _value(reader, key)
    tensors = tuple(_tensor(reader) for _ in range(tensor_count))
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise GgufError("two tensors have one name")
    header = Header(version, values, tensors, _aligned(reader.position, values))
    if size is not None and size < header.least_bytes:
        raise GgufError(f"it is cut off: {size:,} bytes, its tensors need {header.least_bytes:,}")
    return header


def _aligned(position: int, values: Mapping[str, Value]) -> int:
    alignment = values.get("general.alignment", DEFAULT_ALIGNMENT)
    if type(alignment) is not int or not 1 <= alignment <= 1 << 16:
        raise GgufError("general.alignment is not a number from 1 to 65536")
    return -(-position // alignment) * alignment


def _value(reader: _Reader, key: str) -> Value:
    kind = reader.number("<I")
    if kind == _STRING:
        return reader.string(MAX_STRING_BYTES, f"the value of {plain_text(key)}")
    if kind in _NUMBERS:
        return reader.scalar(_NUMBERS[kind])
    if kind != _ARRAY:
        raise GgufError(f"the value of {plain_text(key)} has the unknown type {kind}")
    of, length = reader.number("<I"), reader.number("<Q")
    if length > MAX_ITEMS:
        raise GgufError(f"the array {plain_text(key)} claims {length} items")
    if of == _STRING:
        for _ in range(length):
            reader.skip(reader.number("<Q"))
        return Array(length, None)
    if of not in _NUMBERS:
        raise GgufError(f"the array {plain_text(key)} is of the type {of}, which cannot stand there")
    form = _NUMBERS[of]
    if length > MAX_KEPT_ITEMS:
        reader.skip(length * struct.calcsize(form))
        return Array(length, None)
    return Array(length, tuple(reader.scalar(form) for _ in range(length)))


def _tensor(reader: _Reader) -> Tensor:
    name = reader.string(MAX_NAME_BYTES, "the name of a tensor")
    count = reader.number("<I")
    if count > MAX_DIMENSIONS:
        raise GgufError(f"the tensor {plain_text(name)} claims {count} dimensions")
    dimensions = [reader.number("<Q") for _ in range(count)]
    kind, offset = reader.number("<I"), reader.number("<Q")
    if kind not in TENSOR_TYPES:
        raise GgufError(f"the tensor {plain_text(name)} has the unknown type {kind}")
    made, elements = TENSOR_TYPES[kind], prod(dimensions)
    if elements >> 63 or (dimensions and dimensions[0] % made.block):
        raise GgufError(f"the tensor {plain_text(name)} has dimensions that it cannot have")
    return Tensor(name, made, elements, offset)


class _Reader:
    """Takes a stream piece by piece, never more at once than is there, and never more than a header may have."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._buffer = b""
        self._at = 0
        self.position = 0

    def take(self, count: int) -> bytes:
        """Exactly so many bytes; the caller has seen that they are few."""
        end = self._at + count
        if end <= len(self._buffer):
            found = self._buffer[self._at : end]
            self._at = end
            self._moved(count)
            return found
        parts, missing = [self._buffer[self._at :]], count - (len(self._buffer) - self._at)
        while missing > 0:
            self._fill()
            parts.append(self._buffer[:missing])
            self._at = min(missing, len(self._buffer))
            missing -= self._at
        self._moved(count)
        return b"".join(parts)

    def skip(self, count: int) -> None:
        """So many bytes that nobody wants, however many are claimed."""
        if self.position + count > MAX_HEADER_BYTES:
            raise GgufError(f"its header claims more than {MAX_HEADER_BYTES >> 20} MiB")
        left = count - (len(self._buffer) - self._at)
        self._at = min(self._at + count, len(self._buffer))
        while left > 0:
            self._fill()
            self._at = min(left, len(self._buffer))
            left -= self._at
        self._moved(count)

    def number(self, form: str) -> int:
        """A whole number."""
        found: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return found

    def scalar(self, form: str) -> Scalar:
        """A number, or true or false."""
        found: Scalar = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return found

    def string(self, at_most: int, what: str) -> str:
        """A text; what is not UTF-8 in it is replaced, for nothing depends on it."""
        length = self.number("<Q")
        if length > at_most:
            raise GgufError(f"{what} claims {length} bytes")
        return self.take(length).decode("utf-8", "replace")

    def _fill(self) -> None:
        self._buffer, self._at = self._read(_BLOCK), 0
        if not self._buffer:
            raise GgufError("it ends in the midst of its header")

    def _moved(self, count: int) -> None:
        self.position += count
        if self.position > MAX_HEADER_BYTES:
            raise GgufError(f"its header is longer than {MAX_HEADER_BYTES >> 20} MiB")
