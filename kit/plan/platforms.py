"""Platform files: found by name under compose/platforms or by path, read strictly, made into a `Platform`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from kit.assets import asset
from kit.catalogue import models
from kit.catalogue.inputs import pinned_images
from kit.catalogue.published import all_published
from kit.documents import Entry, Platform
from kit.errors import InputError
from kit.plan.plan import caches_on
from kit.plan.sessions import decided, smallest_session_tokens
from kit.runtimes import RUNTIMES
from kit.runtimes.caches import planned_rules
from kit.runtimes.protocol import Runtime, SettingRule
from kit.strict import read_yaml
from kit.strict.decode import typed
from kit.strict.schema import check
from kit.strict.yaml_reader import Located
from kit.text import hint


def platform_names() -> list[str]:
    """The names of the platforms that come with the kit."""
    return sorted(path.stem for path in asset("compose", "platforms").glob("*.yaml"))


def load_platform(name: str) -> Platform:
    """The platform called `name`, or the file at that path if it ends in .yaml or .yml."""
    path = _path_of(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The platform file {path} cannot be read: {error.strerror}.",
            "Check the path, or give a platform's name.",
        ) from None
    where = path.name if name in platform_names() else str(path)
    document = read_yaml(data, where)
    check(document.value, "platform", where, document.line)
    platform = typed(Platform, document.value, where)
    _check_meaning(platform, where, document)
    return platform


def _path_of(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    names = platform_names()
    if name not in names:
        known = f"Known platforms: {', '.join(names)}; or give a .yaml file."
        raise InputError(f"There is no platform {name!r}.", hint(name, names, also=known))
    return asset("compose", "platforms", f"{name}.yaml")


def _check_meaning(platform: Platform, where: str, document: Located) -> None:
    """What no schema can say: names are distinct, ranges are not empty, what is named exists and fits together."""
    here = _Place(where, document)
    names = [entry.name for entry in platform.entries]
    for index, entry in enumerate(platform.entries):
        if entry.name in names[:index]:
            here.refuse(("entries", index, "name"), f"two entries are called {entry.name!r}", "Rename one.")
        _check_entry(platform, index, here)
    _check_sessions(platform, here)
    output = platform.workload.output_tokens
    if output.min > output.max:
        words = f"min {output.min} is above max {output.max}"
        here.refuse(("workload", "output_tokens"), words, "Swap them.")
    levels = platform.workload.concurrencies
    if len(set(levels)) != len(levels):
        here.refuse(("workload", "concurrencies"), "duplicate concurrency", "Remove one.")
    known = [each.name for each in all_published()]
    if platform.published is not None and platform.published not in known:
        here.unknown(("published",), "published figures", platform.published, known)
    hardware = platform.hardware
    if hardware is not None and (hardware.memory_gb_s is None) != (hardware.memory_gb_s_source is None):
        remedy = "Give both memory_gb_s and memory_gb_s_source, or neither."
        here.refuse(("hardware",), "a bandwidth and its source come together", remedy)


def _check_entry(platform: Platform, index: int, here: _Place) -> None:
    entry = platform.entries[index]
    runtime = RUNTIMES.get(entry.runtime)
    if runtime is None:
        here.unknown(("entries", index, "runtime"), "runtime", entry.runtime, list(RUNTIMES))
    if entry.variant not in runtime.VARIANTS:
        here.unknown(("entries", index, "variant"), "variant", entry.variant, list(runtime.VARIANTS))
    _check_settings(entry, index, planned_rules(runtime, entry.variant, caches=caches_on(platform.workload)), here)
    if (platform.engine == "process") != (entry.variant in runtime.PROCESS_VARIANTS):
        usable = [name for name in runtime.VARIANTS if (name in runtime.PROCESS_VARIANTS) == _is_process(platform)]
        here.refuse(
            ("entries", index, "variant"),
            f"the variant {entry.variant} of {entry.runtime} does not run with the engine {platform.engine}",
            f"Choose another: {', '.join(usable)}." if usable else "Choose another runtime or engine.",
        )
    _check_model(platform, index, runtime, here)
    if entry.image is not None and entry.image not in pinned_images():
        here.unknown(("entries", index, "image"), "image", entry.image, list(pinned_images()))
    limit = entry.max_concurrency
    if limit is not None and limit < min(platform.workload.concurrencies):
        remedy = "Raise it, or leave the entry out."
        here.refuse(("entries", index, "max_concurrency"), f"no concurrency is {limit} or less", remedy)


def _is_process(platform: Platform) -> bool:
    return platform.engine == "process"


# What each runtime calls the tokens that one request may have, prompt and answer.
_CONTEXT = ("context_tokens_per_slot", "max_model_len", "context_tokens")


def _check_sessions(platform: Platform, here: _Place) -> None:
    """Sessions have ranges that are some, and every entry can hold one."""
    work = platform.workload
    if work.sessions is None:
        return
    place = ("workload", "sessions")
    try:
        asked = decided(work.sessions)
    except InputError as error:
        here.refuse(place, error.what.rstrip("."), error.remedy)
    least = smallest_session_tokens(asked, work.output_tokens.min if work.ignore_eos else 0)
    for index, entry in enumerate(platform.entries):
        runtime = RUNTIMES.get(entry.runtime)
        if runtime is None or entry.variant not in runtime.VARIANTS:
            continue  # said below
        if not runtime.capabilities(entry.variant).system_message:
            words = f"{entry.runtime} reads only the last message of a chat, so it can hold no session"
            here.refuse(("entries", index), words, "Leave the entry out.")
        context = {**{k: rule.default for k, rule in runtime.settings(entry.variant).items()}, **entry.settings}
        name = next((name for name in _CONTEXT if name in context), None)
        if name is not None and int(context[name]) < least:
            words = f"{name} is {context[name]}, and even the shortest session has {least} tokens at its end"
            here.refuse(("entries", index), words, f"Raise {name}, or shorten the sessions.")


def _check_settings(entry: Entry, index: int, rules: Mapping[str, SettingRule], here: _Place) -> None:
    for key, value in entry.settings.items():
        place = ("entries", index, "settings", key)
        if key not in rules:
            here.unknown(place, "setting", key, list(rules))
        rule = rules[key]
        if type(value) is not int or not rule.low <= value <= rule.high:
            remedy = f"It must be a whole number from {rule.low} to {rule.high} ({rule.meaning})."
            here.refuse(place, f"{key} is {value!r}", remedy)


def _check_model(platform: Platform, index: int, runtime: Runtime, here: _Place) -> None:
    """The model is in the catalogue, and of the form that the runtime loads."""
    entry = platform.entries[index]
    place = ("model",) if entry.model is None else ("entries", index, "model")
    name = entry.model or platform.model
    known = {each.name: each for each in models()}
    if name not in known:
        here.unknown(place, "model", name, list(known))
    if known[name].is_folder != runtime.LOADS_FOLDERS:
        form = "folder of several files" if runtime.LOADS_FOLDERS else "single file"
        words = f"{entry.runtime} loads a model that is a {form}, and {name} is none"
        remedy = f"Give the entry {entry.name} another model: `kit models list` names those there are."
        here.refuse(place, words, remedy)


@dataclass(frozen=True, slots=True)
class _Place:
    """A platform file, to be complained about line by line."""

    where: str
    document: Located

    def refuse(self, place: tuple[str | int, ...], what: str, remedy: str) -> NoReturn:
        raise InputError(f"{self.where}, line {self.document.line(place)}: {what}.", remedy)

    def unknown(self, place: tuple[str | int, ...], what: str, word: str, known: list[str]) -> NoReturn:
        self.refuse(place, f"unknown {what} {word!r}", hint(word, known, also=f"Known: {', '.join(known)}."))
