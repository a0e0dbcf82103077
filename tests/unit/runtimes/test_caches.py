"""kit.runtimes.caches: what a plan with caches adds to an entry, and the command that comes of it."""

from __future__ import annotations

import pytest

from kit.documents import Entry
from kit.runtimes import RUNTIMES
from kit.runtimes.caches import cache_settings, cached_command, planned_rules, planned_settings
from kit.runtimes.launch import entry_container
from kit.runtimes.protocol import ServedModel

MODEL = ServedModel("m", "m.gguf", "0" * 64, "volume")


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_without_caches_every_setting_and_command_is_as_before(name: str) -> None:
    """Plans that have no sessions know nothing of it."""
    runtime = RUNTIMES[name]
    for variant in runtime.VARIANTS:
        plain = runtime.explicit(variant, {}, 4)
        assert planned_settings(runtime, variant, {}, 4, caches=False) == plain
        assert planned_rules(runtime, variant, caches=False).keys() == runtime.settings(variant).keys()
        assert cached_command(runtime, ("serve", "--no-cache-prompt"), plain) == ("serve", "--no-cache-prompt")


@pytest.mark.parametrize(
    ("name", "off", "on"),
    [
        ("llamacpp", ("--no-cache-prompt", "--cache-ram 0"), ("--cache-prompt", "--cache-ram 1024")),
        ("vllm", ("--no-enable-prefix-caching",), ("--enable-prefix-caching",)),
    ],
)
def test_with_caches_the_command_of_the_compose_file_has_them_on(
    name: str, off: tuple[str, ...], on: tuple[str, ...]
) -> None:
    """Nothing else of it changes."""
    runtime = RUNTIMES[name]
    for variant in runtime.VARIANTS:
        if variant in runtime.PROCESS_VARIANTS:
            continue
        commands = []
        for caches in (False, True):
            settings = planned_settings(runtime, variant, {}, 4, caches=caches)
            commands.append(" ".join(entry_container(Entry("e", name, variant, settings), MODEL, "i").command))
        before, after = commands
        for was, is_ in zip(off, on, strict=True):
            assert was in before
            before = before.replace(was, is_)
        assert after == before


def test_a_plan_may_say_how_large_a_cache_is() -> None:
    """And that there is to be none, in an entry beside others that have one."""
    runtime = RUNTIMES["llamacpp"]
    given = planned_settings(runtime, "cpu", {"cache_ram_mib": 64, "cache_prompt": 0}, 4, caches=True)
    command = cached_command(runtime, ("--no-cache-prompt", "--cache-ram", "0"), given)
    assert command == ("--no-cache-prompt", "--cache-ram", "64")


def test_runtimes_without_such_settings_cache_as_they_always_do() -> None:
    """Ollama's cannot be switched off, so there is nothing to switch on."""
    assert cache_settings(RUNTIMES["ollama"]) == {}
    settings = planned_settings(RUNTIMES["ollama"], "cpu", {}, 4, caches=True)
    assert settings == RUNTIMES["ollama"].explicit("cpu", {}, 4)
