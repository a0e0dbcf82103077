"""Does it fit: weights, and keys and values of all slots, against the memory that there is."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from kit.documents import Gpu, Plan
from kit.gguf.facts import facts_of
from kit.gguf.header import read_header
from kit.machine.here import describe_host
from kit.plan.choosing.fit import Fit, fits
from tests.support.container_plans import plan_of
from tests.support.fakes import demo_plan
from tests.support.gguf_files import gguf

GIB = 1 << 30
FACTS = facts_of(read_header(io.BytesIO(gguf()).read))  # 256 bytes of keys and values a token
HOST = replace(describe_host(), memory_bytes=GIB, gpus=(Gpu("a", 2 * GIB), Gpu("b", None)))


def found(plan: Plan, **changes: object) -> dict[str, Fit]:
    return {fit.entry: fit for fit in fits(plan, replace(HOST, **changes), {plan.model.name: FACTS})}  # type: ignore[arg-type]


def test_an_entry_needs_its_weights_and_the_cache_of_all_its_slots() -> None:
    """By its planned slots and context; the demo has one of 640 tokens, and four."""
    serial, batched = found(demo_plan()).values()
    size = demo_plan().model.bytes
    assert (serial.slots, serial.context, serial.kv, serial.needed) == (1, 640, 640 * 256, size + 640 * 256)
    assert (batched.slots, batched.kv) == (4, 4 * 640 * 256)
    assert (serial.memory, serial.on_device, serial.verdict) == (GIB, False, "fits")
    assert "4 x 640 tokens" in batched.words()
    assert batched.words().endswith("1.1 GB memory: fits")


@pytest.mark.parametrize(
    ("memory", "verdict"),
    [(98_362_432, "does not fit"), (105_000_000, "tight"), (120_000_000, "fits"), (None, "unknown")],
)
def test_what_a_server_needs_beside_has_its_room(memory: int | None, verdict: str) -> None:
    """A tenth of the memory."""
    assert found(demo_plan(), memory_bytes=memory)["llamacpp-serial"].verdict == verdict


def test_a_limit_of_the_containers_is_the_memory_there() -> None:
    """And a GPU variant has the memory of one GPU."""
    limited = replace(plan_of("smol"), server_memory_bytes=GIB // 2)
    assert found(limited)["llamacpp"].memory == GIB // 2
    assert found(limited)["vllm"].kv == GIB  # it is told how much to take
    on_gpu = found(plan_of("yoga"))["llamacpp"]
    assert (on_gpu.memory, on_gpu.on_device) == (2 * GIB, True)
    assert "GPU memory" in on_gpu.words()
    assert found(plan_of("yoga"), gpus=())["llamacpp"].verdict == "unknown"
    assert found(plan_of("lavapipe"))["llamacpp"].on_device is False


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    """The header of a model that is not here, the size of one that nobody has."""
    plan = demo_plan()
    (serial, _) = fits(plan, HOST)
    assert (serial.kv, serial.needed, serial.verdict) == (None, plan.model.bytes, "fits")
    assert "KV cache unknown" in serial.words()
    (largest,) = [fit for fit in fits(plan_of("gx10"), HOST) if fit.entry == "realizar-32b"]
    assert (largest.weights, largest.verdict) == (None, "unknown")
    assert "weights of unknown size" in largest.words()


def test_a_context_that_the_model_was_not_trained_with_is_said() -> None:
    """It fits, and answers are bad."""
    plan = demo_plan()
    first = plan.entries[0]
    longer = replace(first, settings={**first.settings, "context_tokens_per_slot": 4096})
    (fit, _) = fits(replace(plan, entries=(longer, plan.entries[1])), HOST, {plan.model.name: FACTS})
    assert fit.too_long
    assert "was trained with 2,048 tokens" in fit.words()
