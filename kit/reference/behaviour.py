"""How a reference endpoint behaves: one frozen value, decided before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.reference.faults import FaultRule
from kit.reference.prefix_cache import PrefixCacheShape
from kit.reference.shapes import Shape
from kit.reference.timing import Delay

Batching = Literal["serial", "slots", "continuous"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`ttft` runs from the complete receipt of a request (or the time its slot is free) to its first text.

    `itl` is the gap before each further token; a chunk carries `tokens_per_chunk` of them and leaves when its
    last one is due. `slots` None: nobody waits. serial: one at a time; slots: each at its own pace;
    continuous: all at common steps of `itl`, which a new request joins at the first step after its ttft. Each
    token of a prompt that is not in the `cache` adds `prefill_ns_per_token` to its ttft.
    """

    ttft: Delay
    itl: Delay
    batching: Batching = "slots"
    slots: int | None = None
    shape: Shape = "llamacpp"
    tokens_per_chunk: int = 1
    faults: tuple[FaultRule, ...] = ()
    seed: int = 0
    close_after_answer: bool = False
    prefill_ns_per_token: int = 0
    cache: PrefixCacheShape | None = None

    @property
    def places(self) -> int | None:
        return 1 if self.batching == "serial" else self.slots
