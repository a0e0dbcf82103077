"""Platform files: found by name under compose/platforms or by path, read strictly, made into a `Platform`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from kit.assets import asset
from kit.catalogue import models
from kit.catalogue.inputs import pinned_images
from kit.catalogue.published import all_published
from kit.documents import Entry, OutputTokens, Platform, Workload
from kit.errors import InputError
from kit.plan.corpus import NAME as CORPUS
from kit.plan.kit_traces import kit_trace_names
from kit.plan.shapes import check_arrivals, output_hull
from kit.runtimes import RUNTIMES
from kit.runtimes.protocol import Runtime
from kit.strict import read_yaml
from kit.strict.decode import typed
from kit.strict.schema import check
from kit.strict.yaml_reader import Located
from kit.text import hint

# What runtimes call the context of one request, and how many tokens more than planned a prompt may have.
CONTEXTS = ("context_tokens_per_slot", "context_tokens", "max_model_len")
SPARE_TOKENS = 64


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
    _check_shapes(platform.workload, here)
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


def _check_shapes(work: Workload, here: _Place) -> None:
    """Lengths and arrivals fit together."""
    output = work.output_tokens
    if isinstance(output, OutputTokens) and output.min > output.max:
        words = f"min {output.min} is above max {output.max}"
        here.refuse(("workload", "output_tokens"), words, "Swap them.")
    for name in ("input_tokens", "output_tokens", "rates", "speeds"):
        values = getattr(work, name)
        if isinstance(values, tuple) and len(set(values)) != len(values):
            here.refuse(("workload", name), f"the same value twice in {name}", "Remove one.")
    if bool(work.input_tokens) != (work.prompts == CORPUS):
        words = "input_tokens and prompts: corpus come together"
        here.refuse(("workload", "prompts"), words, "Give both, or neither.")
    if work.loop == "closed":
        for name in ("rates", "arrivals", "burstiness", "trace", "speeds"):
            if getattr(work, name):
                here.refuse(("workload", name), f"a closed loop has no {name}", "Write loop: open.")
        return
    if work.trace is None and not work.rates:
        here.refuse(("workload", "loop"), "an open loop needs rates or a trace", "Write rates: [0.5, 1].")
    if (work.trace is not None) and (work.rates or work.arrivals not in (None, "trace")):
        here.refuse(
            ("workload", "trace"), "a trace has no rates or arrivals", "Play it faster with speeds: [1, 2]."
        )
    if work.trace is None and (work.speeds or work.arrivals == "trace"):
        here.refuse(("workload", "loop"), "speeds are of a trace", "Name one: trace: bursts.")
    if (work.burstiness is not None) != (work.arrivals == "gamma"):
        here.refuse(("workload", "loop"), "arrivals: gamma and burstiness come together", "Give both, or neither.")
    if len(work.concurrencies) != 1:
        words = "an open loop has one concurrency: how many requests are expected at once"
        here.refuse(("workload", "concurrencies"), words, "Give the rates in rates.")
    if any(round(rate * 1000) != rate * 1000 for rate in (*work.rates, *work.speeds)):
        here.refuse(("workload", "loop"), "a rate or speed has more than three decimals", "Round it.")
    if work.trace is not None:
        _check_trace(work, here)


def _check_trace(work: Workload, here: _Place) -> None:
    known = kit_trace_names()
    if work.trace not in known:
        here.unknown(("workload", "trace"), "trace", work.trace or "", known)
    if not work.speeds:
        here.refuse(("workload", "trace"), "a trace needs its speed", "Write speeds: [1].")
    try:
        check_arrivals(work)
    except InputError as error:
        here.refuse(("workload", "window_s"), error.what[0].lower() + error.what[1:].rstrip("."), error.remedy)


def _check_entry(platform: Platform, index: int, here: _Place) -> None:
    entry = platform.entries[index]
    runtime = RUNTIMES.get(entry.runtime)
    if runtime is None:
        here.unknown(("entries", index, "runtime"), "runtime", entry.runtime, list(RUNTIMES))
    if entry.variant not in runtime.VARIANTS:
        here.unknown(("entries", index, "variant"), "variant", entry.variant, list(runtime.VARIANTS))
    _check_settings(entry, index, runtime, here)
    _check_context(platform.workload, entry, index, runtime, here)
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


def _check_context(work: Workload, entry: Entry, index: int, runtime: Runtime, here: _Place) -> None:
    """The longest prompt with the longest answer fits into the context that the entry gives a request."""
    if not work.input_tokens:
        return
    needed = max(work.input_tokens) + output_hull(work).max
    rules = runtime.settings(entry.variant)
    for key in CONTEXTS:
        found = entry.settings.get(key, rules[key].default) if key in rules else None
        if type(found) is int and found < needed + SPARE_TOKENS:
            words = f"{key} is {found}, but prompt and answer need {needed}"
            place = ("entries", index, "settings", key) if key in entry.settings else ("entries", index)
            here.refuse(place, words, f"Write {key}: {needed + SPARE_TOKENS}, or shorten the lengths.")


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
