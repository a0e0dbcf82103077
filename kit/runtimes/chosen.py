"""What an entry chose of its runtime: settings, flags, GPUs; what of it cannot be, in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kit.documents import Entry, Setting
from kit.runtimes.caches import planned_rules, planned_settings
from kit.runtimes.protocol import Runtime, SettingRule

# A flag, and not the negative number that one may have.
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z0-9_.-]*")
_SWITCHES = ("no-", "enable-", "disable-")
SET = "the kit sets it"
MIN_ABBREVIATED = 3  # letters of a name that Python's argparse would complete


def rules_of(runtime: Runtime, variant: str, *, caches: bool = False) -> dict[str, SettingRule]:
    """All settings that a plan may have, whether it must or not; with `caches` those of its caches too."""
    return {**planned_rules(runtime, variant, caches=caches), **runtime.extras(variant).settings}


def explicit(runtime: Runtime, entry: Entry, cpus: int, *, caches: bool = False) -> dict[str, Setting]:
    """Every setting of an entry with its value, and those beside that it asks for."""
    asked = {
        name: value for name, value in entry.settings.items() if name in runtime.extras(entry.variant).settings
    }
    return {**planned_settings(runtime, entry.variant, entry.settings, cpus, caches=caches), **asked}


def setting_faults(
    runtime: Runtime, variant: str, settings: Mapping[str, Setting], *, caches: bool = False
) -> Iterator[str]:
    """Why the settings of a plan cannot be: what is unknown, missing or out of its range."""
    rules = rules_of(runtime, variant, caches=caches)
    needed = planned_rules(runtime, variant, caches=caches).keys()
    for name in sorted((settings.keys() - rules.keys()) | (needed - settings.keys())):
        yield f"the setting {name} is " + ("unknown" if name in settings else "missing")
    for name in sorted(settings.keys() & rules.keys()):
        if not rules[name].takes(settings[name]):
            yield f"the setting {name} is not {rules[name].expected}"


def gpu_faults(runtime: Runtime, entry: Entry) -> Iterator[str]:
    """Why the GPUs of an entry cannot be."""
    if entry.gpus and not runtime.extras(entry.variant).gpus:
        yield f"the GPUs of {entry.runtime}/{entry.variant} cannot be chosen"
    if len(set(entry.gpus)) != len(entry.gpus):
        yield "a GPU is named twice"
    shared = entry.settings.get("tensor_parallel", 1)
    if entry.gpus and isinstance(shared, int) and shared > len(entry.gpus):
        yield f"tensor_parallel is {shared}, but the entry has {len(entry.gpus)} GPUs"


def flag_faults(runtime: Runtime, entry: Entry, command: tuple[str, ...]) -> Iterator[str]:
    """Why the flags of an entry cannot be; `command` is what the kit makes of its settings."""
    extras = runtime.extras(entry.variant)
    if not entry.flags:
        return
    if not extras.flags:
        yield f"{entry.runtime}/{entry.variant} takes no flags"
        return
    if not _FLAG.match(entry.flags[0]):
        yield f"{entry.flags[0]!a:.60} is no flag: the first word must begin with a dash"
    own = {name: SET for word in command for name in flag_names(word)}
    owned = {**own, **extras.owned}
    for word in entry.flags:
        for name in flag_names(word):
            long = word.startswith("--") and len(name) >= MIN_ABBREVIATED
            hits = [known for known in owned if known == name or (long and known.startswith(name))]
            if hits:
                yield f"the flag {word.partition('=')[0]:.60} is not free: {owned[hits[0]]}"


def flag_names(word: str) -> tuple[str, ...]:
    """The one name of a flag in all its spellings ("--no-Cache_prompt=1" is cache-prompt); none of other words."""
    head = word.partition("=")[0]
    if not _FLAG.fullmatch(head):
        return ()
    name = head.lstrip("-").replace("_", "-")
    if head.startswith("--"):
        name = name.lower()
        while name.startswith(_SWITCHES):
            name = name.partition("-")[2]
    return (name,) if name else ()
