"""What the kit makes of a plan's entries: containers, and names and inputs of their images. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from kit.assets import asset
from kit.catalogue.inputs import build_inputs, wheel_pins
from kit.documents import Entry, Plan, Setting
from kit.documents.container import ContainerSpec
from kit.errors import KitError
from kit.plan.plan import caches_on
from kit.runtimes import OWN
from kit.runtimes.chosen import setting_faults
from kit.runtimes.launch import entry_container, image_variant
from kit.runtimes.planned import declared_runtime, planned_runtime, runtime_pin
from kit.runtimes.protocol import ServedModel
from kit.strict import StrictError, read_json

# Verification may not import the rooms that make images and containers: their words and rules are repeated here,
# and a test holds the two against each other.
REPOSITORY, LABEL, ROLE = "kit", "org.kit.", "server"
Source = tuple[str, str | None, str | None]  # a runtime's name and the texts that declare it
Chosen = tuple[str, tuple[tuple[str, Setting], ...], tuple[str, ...], tuple[int, ...]]
_SHA256 = re.compile(r"[0-9a-f]{64}")


def planned_container(plan: Plan, entry: Entry) -> ContainerSpec | None:
    """The container that the kit makes of an entry, but for image and volume; None if it makes none of it."""
    runtime = planned_runtime(plan, entry.runtime)
    if runtime is None:
        return None
    pins = [pin for pin in plan.models if pin.name == entry.model]
    weights = plan.model if entry.model is None else pins[0] if pins else None
    known = entry.variant in runtime.VARIANTS and entry.variant not in runtime.PROCESS_VARIANTS
    caches = caches_on(plan.workload)
    if weights is None or not known or any(setting_faults(runtime, entry.variant, entry.settings, caches=caches)):
        return None
    settings = tuple(sorted(entry.settings.items()))
    chosen = (entry.variant, settings, entry.flags, entry.gpus)
    pin = runtime_pin(plan, entry.runtime)
    source = (entry.runtime, pin.declaration if pin else None, pin.compose if pin else None)
    spec = _container(source, chosen, weights.name, weights.file)
    return spec and replace(spec, memory_bytes=spec.memory_bytes or plan.server_memory_bytes)


@lru_cache(maxsize=64)
def _container(source: Source, chosen: Chosen, name: str, file: str) -> ContainerSpec | None:
    variant, settings, flags, gpus = chosen
    runtime_name, declaration, compose = source
    runtime = OWN.get(runtime_name) or declared_runtime(declaration or "", compose)
    if runtime is None:
        return None
    try:
        entry = Entry("any", runtime.NAME, variant, dict(settings), flags=flags, gpus=gpus)
        return entry_container(entry, ServedModel(name, file, "", "any"), "any", runtime=runtime)
    except KitError:
        return None


def image_tag(entry: Entry, target: str) -> str:
    """What the kit calls the image of an entry (see kit.supply.images.recipes)."""
    chosen = f"-{entry.image}" if entry.image else ""
    return f"{REPOSITORY}/{entry.runtime}:{image_variant(entry)}-{target}{chosen}"


@lru_cache(maxsize=64)
def image_inputs(runtime: str, variant: str, target: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """What an image is built from, by the catalogue: a name and the hashes that it may have (one a platform).

    A runtime's own image is only taken over: it has none.
    """
    found: list[tuple[str, frozenset[str]]] = []
    for _, entry in sorted(build_inputs().items()) if target == "source" else ():
        if f"{runtime}/{variant}" not in entry.images:
            continue
        if entry.kind != "wheels":
            found.append((entry.file, frozenset({entry.sha256 or ""})))
        else:
            text = asset("images", *entry.file.split("/")).read_text(encoding="utf-8")
            found += [(pin.name, frozenset(pin.sha256s)) for pin in wheel_pins(text, f"images/{entry.file}")]
    return tuple(found)


def labelled_inputs(labels: Mapping[str, str]) -> dict[str, str] | None:
    """Name -> sha256 of what the image says it was built from; None if it does not say so."""
    try:
        found = read_json(labels.get(f"{LABEL}inputs", "").encode(), f"{LABEL}inputs")
    except StrictError:
        return None
    if not isinstance(found, dict):
        return None
    inputs = {name: value for name, value in found.items() if isinstance(value, str) and _SHA256.fullmatch(value)}
    return inputs if len(inputs) == len(found) else None
