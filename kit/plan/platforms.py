"""Platform files: found by name under compose/platforms or by path, read strictly, made into a `Platform`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from kit.assets import asset
from kit.catalogue import models
from kit.catalogue.inputs import pinned_images
from kit.catalogue.published import all_published
from kit.documents import Entry, Platform, SearchWish
from kit.errors import InputError
from kit.metrics.goodput import parse_slo
from kit.plan.levels import levels_of
from kit.runtimes import RUNTIMES
from kit.runtimes.protocol import Runtime
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
    _check_search(platform.workload.search, here)
    names = [entry.name for entry in platform.entries]
    for index, entry in enumerate(platform.entries):
        if entry.name in names[:index]:
            here.refuse(("entries", index, "name"), f"two entries are called {entry.name!r}", "Rename one.")
        _check_entry(platform, index, here)
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


def _check_search(wish: SearchWish | None, here: _Place) -> None:
    if wish is None:
        return
    try:
        parse_slo(wish.slo)
    except InputError as error:
        here.refuse(("workload", "search", "slo"), error.what.rstrip("."), error.remedy)
    if wish.first > wish.max_users:
        here.refuse(
            ("workload", "search"), f"first {wish.first} is above max_users {wish.max_users}", "Swap them."
        )


def _check_entry(platform: Platform, index: int, here: _Place) -> None:
    entry = platform.entries[index]
    runtime = RUNTIMES.get(entry.runtime)
    if runtime is None:
        here.unknown(("entries", index, "runtime"), "runtime", entry.runtime, list(RUNTIMES))
    if entry.variant not in runtime.VARIANTS:
        here.unknown(("entries", index, "variant"), "variant", entry.variant, list(runtime.VARIANTS))
    _check_settings(entry, index, runtime, here)
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
    if limit is not None and limit < min(levels_of(platform.workload)):
        remedy = "Raise it, or leave the entry out."
        here.refuse(("entries", index, "max_concurrency"), f"no concurrency is {limit} or less", remedy)


def _is_process(platform: Platform) -> bool:
    return platform.engine == "process"


def _check_settings(entry: Entry, index: int, runtime: Runtime, here: _Place) -> None:
    rules = runtime.settings(entry.variant)
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
