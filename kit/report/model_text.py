"""What is known of one model, in words and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kit.catalogue import ModelEntry
from kit.gguf.chat import chat_family
from kit.gguf.facts import ModelFacts
from kit.gguf.memory import kv_bytes
from kit.text import NO_DATA, bytes_text, plain_text

KV_AT = 4096  # tokens, for a first idea


def model_document(entry: ModelEntry, facts: ModelFacts) -> dict[str, object]:
    """What `kit models show --json` prints."""
    family, default_system = chat_family(facts.chat_template)
    widest = max(facts.kv, key=lambda layer: layer.heads, default=None)
    return {
        "name": entry.name,
        "file": entry.file,
        "sha256": entry.sha256,
        "bytes": entry.bytes,
        "catalogue": entry.catalogue,
        "origin": entry.origin,
        "license": entry.license,
        "architecture": facts.architecture,
        "title": facts.name,
        "parameters": facts.parameters,
        "quantisation": facts.quantisation,
        "dominant_type": facts.dominant_type,
        "layers": facts.layers,
        "heads": facts.heads,
        "kv_heads": widest.heads if widest else None,
        "key_length": widest.key if widest else None,
        "value_length": widest.value if widest else None,
        "embedding": facts.embedding,
        "experts": facts.experts,
        "vocabulary": facts.vocabulary,
        "context_tokens": facts.context,
        "kv_bytes_per_token": kv_bytes(facts, 1),
        "bos": facts.bos,
        "eos": facts.eos,
        "chat_family": family,
        "default_system": default_system,
        "chat_template": facts.chat_template,
    }


def model_lines(entry: ModelEntry, facts: ModelFacts) -> Iterator[str]:
    """What `kit models show` prints."""
    place = (
        "of the catalogue"
        if entry.catalogue
        else f"not of the catalogue, from {plain_text(entry.origin or '?', 300)}"
    )
    yield f"{entry.name}: {place}"
    yield f"sha256        {entry.sha256 or 'unknown'}"
    yield f"license       {plain_text(entry.license, 100)}"
    experts = f", {facts.experts} experts" if facts.experts else ""
    shown = f" ({plain_text(facts.name, 100)})" if facts.name else ""
    yield f"architecture  {facts.architecture}, {_count(facts.parameters)} parameters{experts}{shown}"
    kind = facts.quantisation or "unknown"
    yield f"quantisation  {kind}, most numbers {facts.dominant_type or 'unknown'}"
    yield f"weights       {bytes_text(entry.bytes)}"
    yield f"shape         {_shape(facts)}"
    yield f"context       {facts.context:,} tokens" if facts.context else "context       not stated"
    yield f"KV cache      {_kv(facts)}"
    yield f"chat          {_chat(facts)}"
    yield f"tokens        vocabulary {_plain(facts.vocabulary)}, BOS {_plain(facts.bos)}, EOS {_plain(facts.eos)}"


def _plain(value: int | None) -> str:
    return NO_DATA if value is None else f"{value:,}"


def _count(parameters: int) -> str:
    for size, unit in ((10**9, "billion"), (10**6, "million")):
        if parameters >= size:
            return f"{parameters / size:.3g} {unit}"
    return f"{parameters:,}"


def _shape(facts: ModelFacts) -> str:
    heads = sorted({layer.heads for layer in facts.kv})
    kv = " or ".join(map(str, heads)) or NO_DATA
    return f"{_plain(facts.layers)} layers, {_plain(facts.heads)} heads, {kv} of keys and values"


def _kv(facts: ModelFacts) -> str:
    one, many = kv_bytes(facts, 1), kv_bytes(facts, KV_AT)
    if one is None:
        return "not stated"
    return f"{bytes_text(one)} a token as F16, {bytes_text(many)} for {KV_AT:,} tokens"


def _chat(facts: ModelFacts) -> str:
    if facts.chat_template is None:
        return "no template in the file: a base model, or one that is asked by a template from elsewhere"
    family, default_system = chat_family(facts.chat_template)
    if family is None:
        return f"a template of its own ({len(facts.chat_template):,} characters), of no family that the kit knows"
    system = f", default system message {plain_text(default_system, 100)!r}" if default_system else ""
    return f"template of the family {family}{system}"
