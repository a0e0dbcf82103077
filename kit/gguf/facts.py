"""From a header to what people and plans want to know of a model: sizes, shape, quantisation, template. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from kit.gguf.header import Array, GgufError, Header, Value
from kit.gguf.types import FILE_TYPES
from kit.text import plain_text

MAX_LAYERS = 10_000
MAX_SIZE = 1 << 40  # of a dimension, a context or a vocabulary: far above all there is
MAX_WORDS = 200


@dataclass(frozen=True, slots=True)
class KvShape:
    """What one layer keeps of each token: `heads` keys of `key` numbers and as many values of `value`."""

    heads: int
    key: int
    value: int


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model, as its file describes it; None is what it does not say.

    `quantisation` is what the whole file is called, `dominant_type` the type that most of the numbers have.
    `kv` is the shape of each layer's cache. `parts` is above 1 for a file that is one of several.
    """

    architecture: str
    name: str | None
    license: str | None
    quantisation: str | None
    dominant_type: str | None
    parameters: int
    tensor_bytes: int
    layers: int | None
    embedding: int | None
    heads: int | None
    kv: tuple[KvShape, ...]
    context: int | None
    vocabulary: int | None
    experts: int | None
    bos: int | None
    eos: int | None
    chat_template: str | None
    parts: int = 1


def facts_of(header: Header) -> ModelFacts:
    """What a header says; `GgufError` where it has no architecture, or numbers that no model has."""
    values = header.values
    architecture = _text(values, "general.architecture")
    if architecture is None:
        raise GgufError("it does not say its architecture (general.architecture)")
    own = _Own(values, architecture)
    by_type: Counter[str] = Counter()
    for tensor in header.tensors:
        by_type[tensor.type.name] += tensor.elements
    layers = own.number("block_count", MAX_LAYERS)
    file_type = values.get("general.file_type")
    return ModelFacts(
        architecture=plain_text(architecture, 60),
        name=_text(values, "general.name"),
        license=_text(values, "general.license"),
        quantisation=FILE_TYPES.get(file_type) if type(file_type) is int else None,
        dominant_type=by_type.most_common(1)[0][0] if by_type else None,
        parameters=sum(by_type.values()),
        tensor_bytes=sum(tensor.bytes for tensor in header.tensors),
        layers=layers,
        embedding=own.number("embedding_length"),
        heads=_first(own.numbers("attention.head_count", layers or 0)),
        kv=own.kv(layers or 0),
        context=own.number("context_length"),
        vocabulary=_vocabulary(own, values),
        experts=own.number("expert_count") or None,
        bos=_token(values, "bos"),
        eos=_token(values, "eos"),
        chat_template=_raw(values, "tokenizer.chat_template"),
        parts=_parts(values),
    )


def _raw(values: Mapping[str, Value], key: str) -> str | None:
    found = values.get(key)
    return found if isinstance(found, str) and found else None


def _text(values: Mapping[str, Value], key: str) -> str | None:
    found = _raw(values, key)
    return None if found is None else plain_text(found, MAX_WORDS)


def _token(values: Mapping[str, Value], name: str) -> int | None:
    found = values.get(f"tokenizer.ggml.{name}_token_id")
    return found if type(found) is int and 0 <= found < MAX_SIZE else None


def _vocabulary(own: _Own, values: Mapping[str, Value]) -> int | None:
    tokens = values.get("tokenizer.ggml.tokens")
    return tokens.length if isinstance(tokens, Array) else own.number("vocab_size")


def _parts(values: Mapping[str, Value]) -> int:
    found = values.get("split.count")
    return found if type(found) is int and found > 1 else 1


def _first(numbers: tuple[int, ...]) -> int | None:
    return max(numbers) if numbers else None


@dataclass(frozen=True, slots=True)
class _Own:
    """The values that stand under the name of the architecture."""

    values: Mapping[str, Value]
    architecture: str

    def number(self, key: str, most: int = MAX_SIZE) -> int | None:
        found = self.values.get(f"{self.architecture}.{key}")
        if found is None:
            return None
        if type(found) is not int or not 0 <= found <= most:
            raise GgufError(f"{plain_text(self.architecture)}.{key} is not a whole number up to {most}")
        return found

    def numbers(self, key: str, layers: int) -> tuple[int, ...]:
        """One number for each layer: some models have one for all, some an array."""
        found = self.values.get(f"{self.architecture}.{key}")
        if not isinstance(found, Array):
            one = self.number(key)
            return () if one is None else (one,) * layers
        items = found.items or ()
        if len(items) < layers or any(type(each) is not int or not 0 <= each <= MAX_SIZE for each in items):
            raise GgufError(f"{plain_text(self.architecture)}.{key} is not a number for each layer")
        return tuple(int(each) for each in items[:layers])

    def kv(self, layers: int) -> tuple[KvShape, ...]:
        """Without a number of its own for keys and values, a model has as many heads of them as of queries."""
        heads = self.numbers("attention.head_count", layers)
        kv_heads = self.numbers("attention.head_count_kv", layers) or heads
        embedding, widest = self.number("embedding_length"), _first(heads)
        usual = embedding // widest if embedding and widest else None
        key, value = self.number("attention.key_length") or usual, self.number("attention.value_length") or usual
        if key is None or value is None:
            return ()
        return tuple(KvShape(each, key, value) for each in kv_heads)
