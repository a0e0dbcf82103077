"""Platforms of containers: entries with weights, images and limits of their own; what does not fit is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.assets import asset
from kit.documents import Platform
from kit.errors import InputError
from kit.plan.platforms import load_platform, platform_names

SMOL = asset("compose", "platforms", "smol.yaml").read_text(encoding="utf-8")
YOGA = asset("compose", "platforms", "yoga.yaml").read_text(encoding="utf-8")
IN_CONTAINERS = [name for name in platform_names() if load_platform(name).engine == "docker"]
# Settings of each runtime that say how many requests it decodes together.
SLOTS = {"llamacpp": "slots", "vllm": "max_num_seqs", "ollama": "num_parallel", "realizar": "max_batch"}


def changed(tmp_path: Path, text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return str(path)


def test_the_platforms_of_the_issue_are_there() -> None:
    """Four machines of the original, and four that any machine can be."""
    anywhere = {"smol", "cpu-four", "lavapipe", "lavapipe-wgpu"}
    assert set(IN_CONTAINERS) == {"yoga", "gx10", "xeon", "radeon"} | anywhere


@pytest.mark.parametrize("name", IN_CONTAINERS)
def test_a_request_has_room_for_prompt_and_answer(name: str) -> None:
    """640 tokens at least: with 256 the original cut its answers short."""
    for entry in load_platform(name).entries:
        sizes = [entry.settings.get(key) for key in ("context_tokens_per_slot", "context_tokens", "max_model_len")]
        (size,) = (value for value in sizes if value is not None)
        assert isinstance(size, int)
        assert size >= 640, entry.name


@pytest.mark.parametrize("name", IN_CONTAINERS)
def test_every_user_has_a_slot_where_the_queue_is_not_the_point(name: str) -> None:
    """llama.cpp and vLLM decode all users together; Ollama's default and realizar's limit were published."""
    platform = load_platform(name)
    for entry in platform.entries:
        if entry.runtime in ("llamacpp", "vllm") or entry.name == "ollama-tuned":
            slots = entry.settings[SLOTS[entry.runtime]]
            highest = entry.max_concurrency or max(platform.workload.concurrencies)
            assert isinstance(slots, int)
            assert slots >= min(highest, max(platform.workload.concurrencies)), entry.name


@pytest.mark.parametrize("name", IN_CONTAINERS)
def test_the_device_is_one_that_the_entries_use(name: str) -> None:
    """No CUDA on a platform without NVIDIA; a platform with a GPU measures nothing on its CPU."""
    platform = load_platform(name)
    assert platform.hardware is not None
    wanted = {"nvidia": {"cuda"}, "vulkan": {"vulkan"}, "none": {"cpu", "lavapipe"}}
    assert {entry.variant for entry in platform.entries} <= wanted[platform.hardware.accelerator]


def entries_of(platform: Platform) -> dict[str, int | None]:
    return {entry.name: entry.max_concurrency for entry in platform.entries}


def test_yoga_measures_what_was_published_and_both_ways_of_ollama() -> None:
    """To 128 users where the original went so far, and 1900 MHz."""
    yoga = load_platform("yoga")
    assert yoga.workload.concurrencies == (1, 4, 8, 16, 32, 64, 128)
    limits = entries_of(yoga)
    assert {name for name, limit in limits.items() if limit is None} == {"realizar", "vllm-awq"}
    assert {name for name in limits if name.startswith("ollama-")} >= {"ollama-default", "ollama-tuned"}
    assert yoga.hardware is not None
    assert yoga.hardware.lock_clock_mhz == 1900


def test_gx10_measures_three_sizes() -> None:
    """The largest with four users at most, as in the original."""
    gx10 = load_platform("gx10")
    models = {entry.model or gx10.model for entry in gx10.entries}
    assert {name.split("-")[2] for name in models} == {"1.5b", "7b", "32b"}
    assert {entry.max_concurrency for entry in gx10.entries if "32b" in entry.name} == {4}


@pytest.mark.parametrize(
    ("text", "old", "new", "words"),
    [
        (SMOL, "variant: cpu", "variant: embedded", "does not run with the engine docker"),
        (SMOL, "engine: docker", "engine: process", "does not run with the engine process"),
        (SMOL, "model: smollm2-135m-instruct-bf16", "model: smollm2-135m-instruct-bf61", "unknown model"),
        (SMOL, "    model: smollm2-135m-instruct-bf16\n", "", "vllm loads a model that is a folder"),
        (
            SMOL,
            "model: smollm2-135m-instruct-q4_1",
            "model: smollm2-135m-instruct-bf16",
            "llamacpp loads a model that is a single file",
        ),
        (YOGA, "published: yoga", "published: yogo", "Did you mean 'yoga'"),
        (YOGA, "max_concurrency: 32", "max_concurrency: 0", "must be at least 1"),
        (
            YOGA,
            "concurrencies: [1, 4, 8, 16, 32, 64, 128]",
            "concurrencies: [64, 128]",
            "no concurrency is 32 or less",
        ),
        (YOGA, "gpu_memory_percent: 90", "gpu_memory_percent: 101", "from 1 to 100"),
        (YOGA, "gpu_memory_percent: 90", "gpu_memory_procent: 90", "Did you mean 'gpu_memory_percent'"),
        (YOGA, "    max_concurrency: 32\n", "    image: no-such-image\n", "unknown image 'no-such-image'"),
        (YOGA, "accelerator: nvidia", "accelerator: nvidea", 'did you mean "nvidia"'),
        (YOGA, "memory_gb_s: 256\n", "memory_gb_s: 0\n", "must be more than 0"),
        (YOGA, "  memory_gb_s: 256\n", "", "a bandwidth and its source come together"),
        (SMOL, "drain_s: 60", "drain_s: 60\n  first_timeout_s: 601", "must be at most 600"),
        (SMOL, "seed: 2026", "seed: 2026\ntarget: offical", 'did you mean "official"'),
    ],
)
def test_what_does_not_fit_is_named(text: str, old: str, new: str, words: str, tmp_path: Path) -> None:
    """With file and line, and the nearest right word."""
    with pytest.raises(InputError) as caught:
        load_platform(changed(tmp_path, text, old, new))
    message = str(caught.value)
    assert words in message
    assert "mine.yaml, line " in message or "mine.yaml: line " in message


def test_a_target_may_be_asked_for(tmp_path: Path) -> None:
    """Official images or those from sources; left out, the machine decides."""
    assert load_platform("smol").target is None
    path = changed(tmp_path, SMOL, "seed: 2026", "seed: 2026\ntarget: source")
    assert load_platform(path).target == "source"
