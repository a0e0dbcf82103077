"""Whether the model of an entry fits into the memory that it has there: weights, and keys and values of its slots.

Known before anything is started or downloaded: of the plan's settings, the header of the model, and the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit.documents import Entry, Host, Plan
from kit.gguf.facts import ModelFacts
from kit.gguf.memory import USUAL_KV_TYPE, kv_bytes
from kit.plan.weights import weights_of
from kit.text import bytes_text

# By these names runtimes have their slots, and the context of one.
SLOTS = ("slots", "num_parallel", "max_batch", "max_num_seqs")
CONTEXTS = ("context_tokens_per_slot", "context_tokens", "max_model_len")
KV_GIB, KV_TYPE = "kv_gib", "kv_type"
ON_DEVICE = ("cuda", "vulkan", "rocm")
# Buffers of the computation, and whatever else is there: about a tenth, more with long prompts.
ROOM = 0.9
Verdict = Literal["fits", "tight", "does not fit", "unknown"]
NO_FACTS: Mapping[str, ModelFacts] = {}


@dataclass(frozen=True, slots=True)
class Fit:
    """What an entry needs and what there is; None is what nobody knows. `context` is that of one slot.

    `trained` is the longest context that the model was trained with, `memory` that of the device or the machine.
    """

    entry: str
    model: str
    weights: int | None
    kv: int | None
    slots: int
    context: int | None
    trained: int | None
    memory: int | None
    on_device: bool

    @property
    def needed(self) -> int | None:
        """Weights, and keys and values as far as they are known: at the least."""
        return None if self.weights is None else self.weights + (self.kv or 0)

    @property
    def verdict(self) -> Verdict:
        """Whether that fits, with room for what a server needs beside."""
        if self.needed is None or self.memory is None:
            return "unknown"
        if self.needed > self.memory:
            return "does not fit"
        return "fits" if self.needed <= ROOM * self.memory else "tight"

    @property
    def too_long(self) -> bool:
        """Whether a slot is to hold more tokens than the model was trained with."""
        return self.context is not None and self.trained is not None and self.context > self.trained

    def words(self) -> str:
        """One line for people."""
        shape = f"{self.slots} x {self.context:,} tokens" if self.context else f"{self.slots} slots"
        kv = f"KV cache unknown ({shape})" if self.kv is None else f"{bytes_text(self.kv)} KV cache ({shape})"
        where = "GPU memory" if self.on_device else "memory"
        weights = f"{bytes_text(self.weights)} weights" if self.weights is not None else "weights of unknown size"
        line = f"{weights} + {kv}, of {bytes_text(self.memory)} {where}: {self.verdict}"
        if self.too_long:
            line += f"; {self.model} was trained with {self.trained:,} tokens of context"
        return line


def fits(plan: Plan, host: Host, facts: Mapping[str, ModelFacts] = NO_FACTS) -> tuple[Fit, ...]:
    """Every entry of a plan on a machine; `facts` are the headers of models, by their names in the plan.

    Nothing of servers that already run: their weights are in memory.
    """
    return tuple(_fit(plan, entry, host, facts) for entry in plan.entries if entry.url is None)


def _fit(plan: Plan, entry: Entry, host: Host, facts: Mapping[str, ModelFacts]) -> Fit:
    pin = weights_of(plan, entry)
    known = facts.get(pin.name)
    slots, context = _setting(entry, SLOTS) or 1, _setting(entry, CONTEXTS)
    on_device = entry.variant in ON_DEVICE
    return Fit(
        entry=entry.name,
        model=pin.name,
        weights=pin.bytes,
        kv=_kv(entry, known, slots, context),
        slots=slots,
        context=context,
        trained=known.context if known else None,
        memory=_memory(host, plan.server_memory_bytes, on_device=on_device),
        on_device=on_device,
    )


def _setting(entry: Entry, names: tuple[str, ...]) -> int | None:
    found = (entry.settings[name] for name in names if name in entry.settings)
    return next((value for value in found if type(value) is int and value > 0), None)


def _kv(entry: Entry, facts: ModelFacts | None, slots: int, context: int | None) -> int | None:
    given = _setting(entry, (KV_GIB,))
    if given is not None:
        return given << 30
    if facts is None or context is None:
        return None
    return kv_bytes(facts, slots * context, str(entry.settings.get(KV_TYPE, USUAL_KV_TYPE)))


def _memory(host: Host, limit: int | None, *, on_device: bool) -> int | None:
    """That of one GPU, the largest; or of the machine, where containers have a limit of their own."""
    if on_device:
        return max((gpu.memory_bytes for gpu in host.gpus if gpu.memory_bytes), default=None)
    return min((size for size in (host.memory_bytes, limit) if size), default=None)
