"""How much memory a model takes while it serves: keys and values of every token it holds. Pure."""

from __future__ import annotations

from kit.gguf.facts import ModelFacts
from kit.gguf.types import BY_NAME

USUAL_KV_TYPE = "f16"


def kv_bytes(facts: ModelFacts, tokens: int, kv_type: str = USUAL_KV_TYPE) -> int | None:
    """Keys and values of so many tokens; None where the file does not say their shape, or for an unknown type.

    Every layer counts in full: layers that look back a little way only need less, so this is the most.
    """
    stored = BY_NAME.get(kv_type)
    if stored is None or not facts.kv:
        return None
    numbers = sum(layer.heads * (layer.key + layer.value) for layer in facts.kv) * tokens
    return -(-numbers // stored.block) * stored.block_bytes
