"""The header of a GGUF file: read rightly, and refused at once where it lies, whatever it claims."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.gguf import header as module
from kit.gguf.facts import KvShape, facts_of
from kit.gguf.header import Array, GgufError, read_header
from kit.gguf.memory import kv_bytes
from tests.support.gguf_files import CHATML, TINY, gguf, text, value

GOOD = gguf()


def read(data: bytes, size: int | None = None) -> module.Header:
    return read_header(io.BytesIO(data).read, len(data) if size is None else size)


def in_pieces(data: bytes, count: int) -> Callable[[int], bytes]:
    """A stream that gives at most so many bytes at once."""
    stream = io.BytesIO(data)
    return lambda wanted: stream.read(min(wanted, count))


@pytest.mark.parametrize("version", [2, 3])
def test_a_header_is_read_with_its_values_and_tensors(version: int) -> None:
    """And the file is just as long as its tensors need."""
    data = gguf(version=version)
    found = read(data)
    assert found.values["general.architecture"] == "llama"
    assert found.values["tokenizer.ggml.tokens"] == Array(3, None)
    assert [(tensor.name, tensor.type.name, tensor.elements, tensor.bytes) for tensor in found.tensors] == [
        ("token_embd.weight", "F16", 128, 256),
        ("output_norm.weight", "F32", 32, 128),
    ]
    assert found.least_bytes == len(data)


@pytest.mark.parametrize("count", [1, 3, 64])
def test_it_does_not_matter_in_which_pieces_it_comes(count: int) -> None:
    """As from a network."""
    assert read_header(in_pieces(GOOD, count), len(GOOD)) == read(GOOD)


def test_only_the_header_is_read() -> None:
    """Of a file of 40 GB too: not more than one block beyond."""
    stream = io.BytesIO(GOOD + bytes(64 << 20))
    read_header(stream.read)
    assert stream.tell() <= len(GOOD) + (1 << 18)


def test_facts_are_what_the_file_says() -> None:
    """Two layers with two heads of 16 numbers for keys and for values: 256 bytes a token as F16."""
    facts = facts_of(read(GOOD))
    assert (facts.architecture, facts.name, facts.license) == ("llama", "Tiny", "mit")
    assert (facts.quantisation, facts.dominant_type, facts.parameters) == ("F16", "F16", 160)
    assert (facts.layers, facts.heads, facts.context, facts.vocabulary) == (2, 4, 2048, 3)
    assert facts.kv == (KvShape(2, 16, 16),) * 2
    assert (facts.bos, facts.eos, facts.chat_template, facts.parts) == (1, 2, CHATML, 1)
    assert kv_bytes(facts, 1) == 2 * 2 * (16 + 16) * 2
    assert kv_bytes(facts, 100, "q8_0") == 2 * 2 * 32 * 100 * 34 // 32
    assert kv_bytes(facts, 1, "no-such-type") is None


@pytest.mark.parametrize(
    ("changes", "kv"),
    [
        ({"llama.attention.head_count_kv": None}, (KvShape(4, 16, 16),) * 2),
        ({"llama.attention.head_count_kv": [1, 3]}, (KvShape(1, 16, 16), KvShape(3, 16, 16))),
        ({"llama.attention.key_length": 8, "llama.attention.value_length": 4}, (KvShape(2, 8, 4),) * 2),
        ({"llama.attention.head_count": None, "llama.attention.head_count_kv": None}, ()),
        ({"llama.block_count": None}, ()),
    ],
)
def test_the_shape_of_the_cache_is_that_of_each_layer(changes: dict[str, Any], kv: tuple[KvShape, ...]) -> None:
    """Some models have another number of heads in each; what does not say it has no cache that is known."""
    assert facts_of(read(gguf(changes))).kv == kv


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"general.architecture": None}, "does not say its architecture"),
        ({"llama.block_count": -1}, "llama.block_count is not a whole number"),
        ({"llama.block_count": 10**9}, "llama.block_count is not a whole number"),
        ({"llama.context_length": "long"}, "llama.context_length is not a whole number"),
        ({"llama.attention.head_count_kv": [1]}, "not a number for each layer"),
        ({"llama.attention.head_count_kv": [1, -3]}, "not a number for each layer"),
        ({"general.alignment": 0}, "general.alignment"),
    ],
)
def test_numbers_that_no_model_has_are_refused(changes: dict[str, Any], words: str) -> None:
    """None of them is counted with."""
    with pytest.raises(GgufError, match=words):
        facts_of(read(gguf(changes)))


def head(tensors: int, keys: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + rest


HUGE = 1 << 62
LIES = {
    "nothing": (b"", "ends in the midst"),
    "another format": (b"PK\x03\x04" + bytes(100), "does not begin with GGUF"),
    "version 1": (head(0, 0, version=1), "version 1"),
    "big-endian": (head(0, 0, version=3 << 24), "big-endian"),
    "tensors without end": (head(HUGE, 0), "claims"),
    "keys without end": (head(0, HUGE), "claims"),
    "a long key": (head(0, 1, struct.pack("<Q", HUGE)), "a key claims"),
    "a long text": (head(0, 1, text("a") + struct.pack("<IQ", 8, HUGE)), "the value of a claims"),
    "an endless array": (head(0, 1, text("a") + struct.pack("<IIQ", 9, 4, HUGE)), "the array a claims"),
    "a long array": (head(0, 1, text("a") + struct.pack("<IIQ", 9, 10, 4_000_000)), "ends in the midst"),
    "an array longer than a header": (
        head(0, 3, b"".join(text(n) + struct.pack("<IIQ", 9, 10, 4_000_000) + bytes(32_000_000) for n in "abc")),
        "more than 64 MiB",
    ),
    "a text in an array without end": (
        head(0, 1, text("a") + struct.pack("<IIQQ", 9, 8, 1, HUGE)), "claims more than 64 MiB",
    ),
    "an array of arrays": (head(0, 1, text("a") + struct.pack("<IIQ", 9, 9, 1)), "cannot stand there"),
    "an unknown type": (head(0, 1, text("a") + struct.pack("<I", 99)), "unknown type 99"),
    "a key twice": (head(0, 2, (text("a") + value(1)) * 2), "stands twice"),
    "a tensor twice": (head(2, 0, (text("t") + struct.pack("<IQIQ", 1, 1, 0, 0)) * 2), "one name"),
    "many dimensions": (head(1, 0, text("t") + struct.pack("<I", 9)), "claims 9 dimensions"),
    "an unknown tensor type": (head(1, 0, text("t") + struct.pack("<IQIQ", 1, 1, 77, 0)), "unknown type 77"),
    "half a block": (head(1, 0, text("t") + struct.pack("<IQIQ", 1, 33, 2, 0)), "dimensions that it cannot have"),
    "more numbers than there are": (
        head(1, 0, text("t") + struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0)), "dimensions that it cannot have",
    ),
    "tensors behind the end": (head(1, 0, text("t") + struct.pack("<IQIQ", 1, 1, 0, HUGE)), "is cut off"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_is_refused_without_memory_for_what_it_claims(name: str) -> None:
    """A block, a text of 1 MiB: never what a number in the file asks for."""
    data, words = LIES[name]
    tracemalloc.start()
    try:
        with pytest.raises(GgufError, match=words):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@given(st.integers(0, len(GOOD) - 1))
def test_a_file_that_was_cut_off_anywhere_is_refused(end: int) -> None:
    """In its header, or in the data of its tensors."""
    with pytest.raises(GgufError):
        read(GOOD[:end])


@given(st.data())
def test_a_damaged_header_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Some bytes of it are others."""
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(GOOD) - 1))] = data.draw(st.integers(0, 255))
    with suppress(GgufError):
        facts_of(read(bytes(damaged)))


@given(st.binary(max_size=400))
def test_any_bytes_after_the_beginning_are_read_or_refused(rest: bytes) -> None:
    """With counts that are small enough to be looked at."""
    with suppress(GgufError):
        facts_of(read(head(1, 2, rest)))


def test_names_in_a_file_cannot_move_the_cursor_of_a_terminal() -> None:
    """What comes from the file is made printable."""
    facts = facts_of(read(gguf({"general.name": "a\x1b[2Jb\n"})))
    assert (facts.name or "").isprintable()
    with pytest.raises(GgufError) as caught:
        read(head(0, 1, text("\x1b[2J") + struct.pack("<I", 99)))
    assert str(caught.value).isprintable()
    assert TINY["general.name"] == "Tiny"
