"""What an entry may choose beside the settings that all have: flags, GPUs, and settings on demand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.documents import Entry, Setting
from kit.runtimes import OWN
from kit.runtimes.chosen import explicit, flag_names, setting_faults
from kit.runtimes.launch import choice_faults, entry_container, entry_process
from kit.runtimes.protocol import ServedModel
from kit.strict import plain

MODEL = ServedModel("m", "m.gguf", "ab" * 32, "volume")


def entry(runtime: str, variant: str, settings: dict[str, Setting] | None = None, **more: Any) -> Entry:
    asked = replace(Entry("e", runtime, variant, settings or {}), **more)
    return replace(asked, settings=explicit(OWN[runtime], asked, 4))


def faults(runtime: str, variant: str, *flags: str, **more: Any) -> tuple[str, ...]:
    return choice_faults(entry(runtime, variant, flags=flags, **more), OWN[runtime])


def test_a_plan_without_choices_is_what_it_was() -> None:
    """Neither flags nor GPUs nor a setting on demand stand in it, and the command is the compose file's."""
    written = plain(entry("llamacpp", "cuda"))
    assert isinstance(written, dict)
    assert written.keys() == {"name", "runtime", "variant", "settings"}
    for runtime, variant in (("llamacpp", "cuda"), ("vllm", "cuda"), ("ollama", "cuda")):
        assert entry(runtime, variant).settings.keys() == OWN[runtime].settings(variant).keys()
        assert not OWN[runtime].additions(variant, entry(runtime, variant).settings, ()).flags
        assert not OWN[runtime].additions(variant, entry(runtime, variant).settings, ()).environment


@pytest.mark.parametrize(
    ("runtime", "variant", "settings", "words"),
    [
        ("llamacpp", "cpu", {"kv_type": "q8_0"}, ("--cache-type-k", "q8_0", "--cache-type-v", "q8_0")),
        ("vllm", "cuda", {"kv_type": "fp8"}, ("--kv-cache-dtype", "fp8")),
        ("vllm", "cuda", {"tensor_parallel": 2}, ("--tensor-parallel-size", "2")),
        ("vllm", "program-gpu", {"tensor_parallel": 4}, ("--tensor-parallel-size", "4")),
    ],
)
def test_settings_on_demand_stand_behind_the_command(
    runtime: str, variant: str, settings: dict[str, Setting], words: tuple[str, ...]
) -> None:
    """And the user's own flags behind them."""
    chosen = entry(runtime, variant, settings, flags=("--mine", "1"))
    if variant in OWN[runtime].PROCESS_VARIANTS:
        command = entry_process(chosen, "cell", "model", 1).command
    else:
        command = entry_container(chosen, MODEL, "image").command
    assert command[-len(words) - 2 :] == (*words, "--mine", "1")


def test_ollama_is_told_by_its_environment() -> None:
    """It takes no flags; the type of the cache and several GPUs are variables."""
    chosen = entry("ollama", "cuda", {"kv_type": "q8_0"}, gpus=(0, 1))
    spec = entry_container(chosen, MODEL, "image")
    assert spec.environment["OLLAMA_KV_CACHE_TYPE"] == "q8_0"
    assert spec.environment["OLLAMA_SCHED_SPREAD"] == "1"
    assert spec.gpus == (0, 1)
    assert faults("ollama", "cpu", "--x") == ("ollama/cpu takes no flags",)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kv_type": "q9"}, "kv_type is not one of"),
        ({"kv_type": 1}, "kv_type is not one of"),
        ({"tensor_parallel": 2}, "tensor_parallel is unknown"),
        ({"slots": "4"}, "slots is not a whole number from 1 to 1024"),
        ({"slots": True}, "slots is not a whole number"),
    ],
)
def test_a_setting_of_another_kind_or_range_is_refused(settings: dict[str, Setting], words: str) -> None:
    """Words are words, numbers are numbers, and what a runtime does not have is unknown."""
    usual = entry("llamacpp", "cuda").settings
    found = list(setting_faults(OWN["llamacpp"], "cuda", {**usual, **settings}))
    assert len(found) == 1
    assert words in found[0]


# --- flags ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runtime", "variant", "flags"),
    [
        ("llamacpp", "cpu", ("--mlock",)),
        ("llamacpp", "cpu", ("--temp", "-1", "--seed", "7")),
        ("llamacpp", "program", ("--numa", "distribute")),
        ("vllm", "cuda", ("--enable-chunked-prefill", "--max-num-batched-tokens", "8192")),
        ("realizar", "cpu", ("--verbose",)),
    ],
)
def test_a_flag_that_no_setting_makes_is_free(runtime: str, variant: str, flags: tuple[str, ...]) -> None:
    """With its values, negative numbers too."""
    assert faults(runtime, variant, *flags) == ()


@pytest.mark.parametrize(
    ("runtime", "variant", "flag", "words"),
    [
        ("llamacpp", "cpu", "--ctx-size", "the kit sets it"),
        ("llamacpp", "cpu", "--ctx-size=99", "the kit sets it"),
        ("llamacpp", "cpu", "-c", "use context_tokens_per_slot"),
        ("llamacpp", "cpu", "-np", "use slots"),
        ("llamacpp", "cpu", "--cache-prompt", "the kit sets it"),
        ("llamacpp", "cpu", "--cache-reuse", "the kit switches prompt caches off"),
        ("llamacpp", "cpu", "-ctk", "use kv_type"),
        ("llamacpp", "cpu", "--cache-type-v", "use kv_type"),
        ("llamacpp", "cuda", "--main-gpu", "use gpus"),
        ("llamacpp", "program", "--model", "the kit sets it"),
        ("vllm", "cuda", "--max-model-len", "the kit sets it"),
        ("vllm", "cuda", "--max_model_len", "the kit sets it"),
        ("vllm", "cuda", "--max-model", "the kit sets it"),
        ("vllm", "cuda", "--enable-prefix-caching", "the kit sets it"),
        ("vllm", "cuda", "-tp", "use tensor_parallel"),
        ("vllm", "cuda", "--kv-cache-dtype", "use kv_type"),
        ("vllm", "cuda", "--config", "every setting must stand in the plan"),
        ("vllm", "program", "--port", "the kit sets it"),
    ],
)
def test_a_flag_that_contradicts_a_setting_is_refused(runtime: str, variant: str, flag: str, words: str) -> None:
    """In every spelling: short, negated, with underscores, abbreviated, with its value in the same word."""
    found = faults(runtime, variant, "--harmless", flag)
    assert found == (f"the flag {flag.partition('=')[0]} is not free: {words}",)


def test_the_first_word_is_a_flag() -> None:
    """A word alone would be taken for a model or for nothing."""
    assert faults("llamacpp", "cpu", "model.gguf") == (
        "'model.gguf' is no flag: the first word must begin with a dash",
    )
    assert faults("llamacpp", "embedded", "--x") == ("llamacpp/embedded takes no flags",)


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("--no-Cache_Prompt=1", ("cache-prompt",)),
        ("-1", ()),
        ("-ngl", ("ngl",)),
        ("x", ()),
        ("--", ()),
        ("--no-", ()),
    ],
)
def test_a_flag_has_one_name(word: str, names: tuple[str, ...]) -> None:
    """Whatever its spelling."""
    assert flag_names(word) == names


# --- GPUs -------------------------------------------------------------------------------------------------


def test_gpus_are_given_and_named_once() -> None:
    """Where a variant has none to choose, or tensor parallelism needs more, it is said."""
    assert faults("llamacpp", "cuda", gpus=(0, 2)) == ()
    assert faults("llamacpp", "cpu", gpus=(0,)) == ("the GPUs of llamacpp/cpu cannot be chosen",)
    assert faults("vllm", "cuda", gpus=(1, 1)) == ("a GPU is named twice",)
    parallel = entry("vllm", "cuda", {"tensor_parallel": 2}, gpus=(0,))
    assert choice_faults(parallel, OWN["vllm"]) == ("tensor_parallel is 2, but the entry has 1 GPUs",)


def test_a_server_sees_the_gpus_of_its_entry() -> None:
    """In a container they are all it is given, numbered anew; a process sees them by its environment."""
    spec = entry_container(entry("llamacpp", "cuda", gpus=(1, 3)), MODEL, "image")
    assert spec.gpus == (1, 3)
    assert spec.command[-2:] == ("--device", "CUDA0,CUDA1")
    assert spec.labels["org.kit.gpus"] == "1,3"
    one = entry_container(entry("llamacpp", "cuda", gpus=(2,)), MODEL, "image")
    assert "--device" not in one.command[-2:]
    vulkan = entry_container(entry("llamacpp", "vulkan", gpus=(1,)), MODEL, "image")
    assert vulkan.environment["GGML_VK_VISIBLE_DEVICES"] == "1"
    process = entry_process(entry("vllm", "program-gpu", gpus=(1, 2)), "cell", "model", 1)
    assert process.environment["CUDA_VISIBLE_DEVICES"] == "1,2"
