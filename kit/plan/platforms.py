"""Platform files: found by name under compose/platforms or by path, read strictly, made into a `Platform`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kit.assets import asset
from kit.catalogue import models
from kit.catalogue.inputs import pinned_images
from kit.catalogue.published import all_published
from kit.documents import NO_MODEL, Entry, ModelSource, Platform, Workload
from kit.documents.shape import TraceSource
from kit.documents.vocabulary import RUNNING, SERVER
from kit.errors import InputError
from kit.plan.plan import caches_on
from kit.plan.prompts import prompt_set_names
from kit.plan.sources import beside, blocks, fault, lifted, source_name
from kit.plan.target import parse_target
from kit.plan.workloads.corpus import NAME as CORPUS
from kit.plan.workloads.levels import levels_of
from kit.plan.workloads.workload_checks import (
    Place,
    check_context,
    check_search,
    check_sessions,
    check_shapes,
    check_witness,
)
from kit.runtimes import OWN, RUNTIMES, runtime_names
from kit.runtimes.chosen import explicit, rules_of
from kit.runtimes.launch import choice_faults
from kit.runtimes.protocol import Runtime, SettingRule
from kit.strict import read_yaml
from kit.strict.decode import typed
from kit.strict.json_reader import Json
from kit.strict.schema import check
from kit.strict.yaml_reader import Located
from kit.text import DocumentPath, hint, plain_text


def platform_names() -> list[str]:
    """The names of the platforms that come with the kit."""
    return sorted(path.stem for path in asset("compose", "platforms").glob("*.yaml"))


def load_platform(name: str) -> Platform:
    """The platform called `name`, or the file at that path if it ends in .yaml or .yml."""
    path = _path_of(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        other = path.with_suffix(".yaml" if path.suffix == ".yml" else ".yml")
        meant = f"Did you mean {other}?" if other.is_file() else "Check the path, or give a platform's name."
        raise InputError(f"The platform file {path} cannot be read: {error.strerror}.", meant) from None
    where = path.name if name in platform_names() else str(path)
    document = read_yaml(data, where)
    document = replace(document, value=_with_what_follows(document.value))
    _refuse_bare_model(document, where)
    check(document.value, "platform", where, document.line)
    here = path.parent.absolute()  # the run keeps the platform in a folder of its own
    sources, value = _lifted(document, where, here)
    platform = replace(typed(Platform, value, where), sources=sources)
    platform = replace(platform, workload=_beside(platform.workload, here))
    _check_meaning(platform, where, document)
    return platform


def _beside(work: Workload, folder: Path) -> Workload:
    """The workload, its trace looked for from a folder, where it is a file."""
    if not isinstance(work.trace, TraceSource):
        return work
    return replace(work, trace=replace(work.trace, file=str(folder / Path(work.trace.file).expanduser())))


def _refuse_bare_model(document: Located, where: str) -> None:
    """`InputError` for a file or a repository where the name of a model of the catalogue stands."""
    word = document.value.get("model") if isinstance(document.value, dict) else None
    if isinstance(word, str) and ("/" in word or word.endswith(".gguf")):
        place = ("model",)
        kind = "file" if word.endswith(".gguf") else "hf"
        raise InputError(
            f"{where}, line {document.line(place)}: model: {plain_text(word)!r} is no name of the catalogue.",
            f"A model of your own stands in a block: model: {{{kind}: {plain_text(word)}}} (docs/models.md).",
        )


def _lifted(document: Located, where: str, folder: Path) -> tuple[dict[str, ModelSource], Json]:
    """The blocks of the file by the names that take their places, and the document with these names."""
    here, found = Place(where, document), blocks(document.value, where)
    names: dict[DocumentPath, str] = {}
    sources: dict[str, ModelSource] = {}
    for place, source in found:
        if wrong := fault(source):
            here.refuse(place, *wrong)
        name = source_name(source)
        if sources.setdefault(name, beside(source, folder)) != beside(source, folder):
            here.refuse(place, f"two models would be called {name!r}", "Give one of them a name: name: NAME")
        names[place] = name
    return sources, lifted(document.value, names)


def _path_of(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    names = platform_names()
    if name not in names and (Path(name).suffix or Path(name).exists()):
        todo = "Give a .yaml file, or a platform's name."
        if name.endswith(".tar.gz"):
            todo = f"To repeat its plan: kit verify {name} names the options (plan.options); give its platform."
        raise InputError(f"{name} is no platform file: they end in .yaml.", todo)
    if name not in names:
        known = f"Known platforms: {', '.join(names)}; or give a .yaml file."
        raise InputError(f"There is no platform {name!r}.", hint(name, names, also=known))
    return asset("compose", "platforms", f"{name}.yaml")


def _with_what_follows(value: Json) -> Json:
    """The document with what servers that already run need not say: runtime, variant, settings, the model."""
    entries = value.get("entries") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(entries, list):
        return value
    follows: dict[str, Json] = {"runtime": SERVER, "variant": RUNNING, "settings": {}}
    running = [isinstance(entry, dict) and entry.get("url") is not None for entry in entries]
    filled: list[Json] = [
        {**follows, **entry} if isinstance(entry, dict) and runs else entry
        for entry, runs in zip(entries, running, strict=True)
    ]
    return {**({"model": NO_MODEL} if all(running) else {}), **value, "entries": filled}


def _check_meaning(platform: Platform, where: str, document: Located) -> None:
    """What no schema can say: names are distinct, ranges are not empty, what is named exists and fits together."""
    here = Place(where, document)
    check_search(platform.workload, here)
    names = [entry.name for entry in platform.entries]
    for index, entry in enumerate(platform.entries):
        if entry.name in names[:index]:
            here.refuse(("entries", index, "name"), f"two entries are called {entry.name!r}", "Rename one.")
        _check_entry(platform, index, here)
    sets = [*prompt_set_names(), CORPUS]
    if platform.workload.prompts not in sets:
        here.unknown(("workload", "prompts"), "prompt set", platform.workload.prompts, sets)
    check_shapes(platform.workload, here)
    check_sessions(platform, here)
    check_witness(platform, here)
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


def _check_entry(platform: Platform, index: int, here: Place) -> None:
    entry = platform.entries[index]
    if entry.url is not None or entry.runtime == SERVER:
        _check_running(platform, index, here)
    else:
        _check_started(platform, index, here)
    limit = entry.max_concurrency
    if limit is not None and limit < min(levels_of(platform.workload)):
        remedy = "Raise it, or leave the entry out."
        here.refuse(("entries", index, "max_concurrency"), f"no concurrency is {limit} or less", remedy)


def _check_running(platform: Platform, index: int, here: Place) -> None:
    """An entry of a server that already runs has an address, and nothing that only a start could decide."""
    entry = platform.entries[index]
    place = ("entries", index, "url")
    if entry.url is None:
        remedy = "Give its address: url: http://127.0.0.1:8080"
        here.refuse(("entries", index, "runtime"), f"the runtime {SERVER} is a server that already runs", remedy)
    try:
        parse_target(entry.url)
    except InputError as error:
        here.refuse(place, error.what.rstrip("."), error.remedy)
    if platform.engine != "process":
        remedy = "Write engine: process; what runs in containers goes into a platform of its own."
        here.refuse(place, f"a server that already runs is not loaded by the engine {platform.engine}", remedy)
    if (entry.runtime, entry.variant) != (SERVER, RUNNING):
        words = f"an entry with a url is {SERVER}/{RUNNING}, not {entry.runtime}/{entry.variant}"
        here.refuse(place, words, "Leave runtime and variant out.")
    decided = {"settings": entry.settings, "model": entry.model, "image": entry.image}
    for name in (name for name, value in decided.items() if value):
        remedy = "Leave it out; served_model names the model that the server is asked for."
        here.refuse(("entries", index, name), f"{name} is decided by who started the server", remedy)


def _check_started(platform: Platform, index: int, here: Place) -> None:
    entry = platform.entries[index]
    runtime = RUNTIMES.get(entry.runtime)
    if runtime is None:
        here.unknown(("entries", index, "runtime"), "runtime", entry.runtime, runtime_names())
    if entry.variant not in runtime.VARIANTS:
        here.unknown(("entries", index, "variant"), "variant", entry.variant, list(runtime.VARIANTS))
    for name in ("served_model", "api_key_env"):
        if getattr(entry, name) is not None:
            remedy = "Give the entry a url, or leave it out."
            here.refuse(("entries", index, name), f"{name} is for servers that already run", remedy)
    caches = caches_on(platform.workload)
    _check_settings(entry, index, rules_of(runtime, entry.variant, caches=caches), here)
    check_context(platform.workload, entry, index, runtime, here)
    if (platform.engine == "process") != (entry.variant in runtime.PROCESS_VARIANTS):
        usable = [name for name in runtime.VARIANTS if (name in runtime.PROCESS_VARIANTS) == _is_process(platform)]
        here.refuse(
            ("entries", index, "variant"),
            f"the variant {entry.variant} of {entry.runtime} does not run with the engine {platform.engine}",
            f"Choose another: {', '.join(usable)}." if usable else "Choose another runtime or engine.",
        )
    _check_model(platform, index, runtime, here)
    _check_choices(entry, index, runtime, here, caches=caches)
    if entry.image is not None and entry.runtime not in OWN:
        here.refuse(("entries", index, "image"), "a runtime from outside has its own image", "Leave it out.")
    if entry.image is not None and entry.image not in pinned_images():
        here.unknown(("entries", index, "image"), "image", entry.image, list(pinned_images()))


def _is_process(platform: Platform) -> bool:
    return platform.engine == "process"


def _check_settings(entry: Entry, index: int, rules: Mapping[str, SettingRule], here: Place) -> None:
    for key, value in entry.settings.items():
        place = ("entries", index, "settings", key)
        if key not in rules:
            here.unknown(place, "setting", key, list(rules))
        rule = rules[key]
        if not rule.takes(value):
            here.refuse(place, f"{key} is {value!r}", f"It must be {rule.expected} ({rule.meaning}).")


def _check_choices(entry: Entry, index: int, runtime: Runtime, here: Place, *, caches: bool) -> None:
    """Flags and GPUs are such as the variant takes, and say nothing that a setting says."""
    if not entry.flags and not entry.gpus:
        return
    whole = replace(entry, settings=explicit(runtime, entry, 1, caches=caches))
    for words in choice_faults(whole, runtime):
        place = ("entries", index, "flags" if entry.flags else "gpus")
        here.refuse(place, words, "Leave it out, or use the setting; see docs/platforms.md.")


def _check_model(platform: Platform, index: int, runtime: Runtime, here: Place) -> None:
    """The model is in the catalogue, and of the form that the runtime loads."""
    entry = platform.entries[index]
    place = ("model",) if entry.model is None else ("entries", index, "model")
    name = entry.model or platform.model
    if name == NO_MODEL:
        here.refuse(place, f"there is no model for the entry {entry.name}", "Name one: `kit models list`.")
    if name in platform.sources:
        return  # known when it is looked for: kit.supply.own_models
    known = {each.name: each for each in models()}
    if name not in known:
        here.unknown(place, "model", name, list(known))
    if known[name].is_folder != runtime.LOADS_FOLDERS:
        form = "folder of several files" if runtime.LOADS_FOLDERS else "single file"
        words = f"{entry.runtime} loads a model that is a {form}, and {name} is none"
        remedy = f"Give the entry {entry.name} another model: `kit models list` names those there are."
        here.refuse(place, words, remedy)
