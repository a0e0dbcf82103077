"""Prompt caches of servers: off in every plan but those of sessions that want them. Pure.

What a runtime has for it stands in its module as CACHE_SETTINGS, which a plan with caches adds to the settings of
an entry, and `with_caches`, which makes of the command of its compose file the one with caches. A runtime without
them caches as it always does (Ollama), or has no cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from kit.documents import Setting
from kit.runtimes.protocol import Runtime, SettingRule
from kit.runtimes.shared import filled

_NONE: Mapping[str, SettingRule] = {}


def cache_settings(runtime: Runtime) -> Mapping[str, SettingRule]:
    """What a plan with caches adds to the settings of a runtime."""
    return cast(Mapping[str, SettingRule], getattr(runtime, "CACHE_SETTINGS", _NONE))


def planned_rules(runtime: Runtime, variant: str, *, caches: bool) -> Mapping[str, SettingRule]:
    """The settings of an entry in a plan, by name."""
    return {**runtime.settings(variant), **(cache_settings(runtime) if caches else _NONE)}


def planned_settings(
    runtime: Runtime, variant: str, settings: Mapping[str, Setting], cpus: int, *, caches: bool
) -> dict[str, Setting]:
    """Every setting of an entry in a plan, with its value."""
    more = filled(cache_settings(runtime), settings, cpus) if caches else {}
    return {**runtime.explicit(variant, settings, cpus), **more}


def cached_command(runtime: Runtime, command: tuple[str, ...], settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """The command of a server whose entry has these settings; as it is without those of a cache."""
    names = cache_settings(runtime).keys()
    if not names or not names <= settings.keys():
        return command
    found: tuple[str, ...] = runtime.with_caches(command, settings)  # type: ignore[attr-defined]
    return found
