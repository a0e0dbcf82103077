"""The body of the request that asks a prompt: a pure function of (load, prompt texts, planned request).

Apart from `kit.plan.prompts`, so that the load generator need not load what reads and checks YAML.
"""

from __future__ import annotations

from collections.abc import Sequence

from kit.documents import Load, PlannedRequest
from kit.errors import InputError

# What a load must not override: it decides what is measured and how it is counted.
RESERVED_KEYS = frozenset({"model", "messages", "max_tokens", "stream", "stream_options"})
SEED_LIMIT = 2**31  # servers read the seed into a signed 32-bit integer


def messages(texts: Sequence[str], request: PlannedRequest, *, system: bool = True) -> list[dict[str, str]]:
    """The chat of one request. The salt stands first of all, so no two requests share a prefix to be cached.

    Without `system` both messages are one.
    """
    first = f"{request.salt} is the number of this request. You are a careful programmer."
    if not system:
        return [{"role": "user", "content": f"{first}\n\n{texts[request.prompt]}"}]
    return [{"role": "system", "content": first}, {"role": "user", "content": texts[request.prompt]}]


def body(load: Load, texts: Sequence[str], request: PlannedRequest) -> dict[str, object]:
    """The whole OpenAI chat completion request; `InputError` if `extra_body` would override what is measured."""
    reserved = sorted(RESERVED_KEYS & load.extra_body.keys())
    if reserved:
        raise InputError(
            f"The load's extra_body may not set {', '.join(reserved)}.",
            "The plan decides that; take it out of extra_body.",
        )
    return {
        "model": load.model,
        "messages": messages(texts, request, system=load.chat == "system-user"),
        "max_tokens": request.max_tokens,
        "temperature": 0,
        "top_p": 1,
        "seed": load.seed % SEED_LIMIT,
        "stream": True,
        "stream_options": {"include_usage": True},
        **load.extra_body,
    }
