"""The models of a platform or a plan that no catalogue has, with the names that the plan has for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit.catalogue import ModelEntry, Models, Source
from kit.documents import ModelPin, Plan, Platform
from kit.documents.pins import WeightsPin
from kit.engines.protocol import OnBytes
from kit.errors import InputError, SourceError
from kit.gguf.facts import ModelFacts
from kit.plan.sources import source_of
from kit.runtimes import RUNTIMES
from kit.supply.download import fetch, model_path
from kit.supply.hashes import file_with
from kit.supply.hub import file_url
from kit.supply.own_model import FILE, NO_LICENSE, OwnModel, own_model, silent, unnamed


@dataclass(frozen=True, slots=True)
class Resolved:
    """A platform with the names that its models have in the plan, these models, and what their headers say."""

    platform: Platform
    models: Models = field(default_factory=Models)
    facts: Mapping[str, ModelFacts] = field(default_factory=dict)


def resolved(platform: Platform, *, may_download: bool = False, on_bytes: OnBytes = silent) -> Resolved:
    """What the blocks of a platform stand for. Only a model whose hash nobody states is downloaded for that.

    `SourceError` or `InputError` for what is not there, is no GGUF file, is not what its block says, or cannot be
    loaded by the runtime of an entry.
    """
    if not platform.sources:
        return Resolved(platform)
    own = {
        name: own_model(source, may_download=may_download, on_bytes=on_bytes)
        for name, source in platform.sources.items()
    }
    _require_distinct(own)
    names = {name: each.entry.name for name, each in own.items()}
    for entry in platform.entries:
        name = entry.model or platform.model
        if name in own and RUNTIMES[entry.runtime].LOADS_FOLDERS:
            raise InputError(
                f"{entry.runtime} loads a folder of safetensors, and {names[name]} is a GGUF file.",
                f"Give the entry {entry.name} a model of the catalogue (kit models list), or leave it out.",
            )
    entries = tuple(
        replace(entry, model=names[entry.model]) if entry.model in names else entry for entry in platform.entries
    )
    return Resolved(
        replace(platform, model=names.get(platform.model, platform.model), entries=entries, sources={}),
        Models({each.entry.name: each.entry for each in own.values()}),
        {each.entry.name: each.facts for each in own.values()},
    )


def settled(platform: Platform, kept: Plan | None, *, on_bytes: OnBytes = silent) -> Resolved:
    """`resolved` for a new run; one that goes on has the models of its plan, by their hashes."""
    if kept is None:
        return resolved(platform, may_download=True, on_bytes=on_bytes)
    names = {entry.name: entry.model for entry in kept.entries}
    entries = tuple(replace(entry, model=names.get(entry.name, entry.model)) for entry in platform.entries)
    return Resolved(replace(platform, model=kept.model.name, entries=entries, sources={}), models_of(kept))


def _require_distinct(own: Mapping[str, OwnModel]) -> None:
    """Two of one name would be one in the plan."""
    found: dict[str, ModelEntry] = {}
    for each in own.values():
        other = found.setdefault(each.entry.name, each.entry)
        if other.sha256 != each.entry.sha256:
            raise InputError(
                f"Two models would be called {each.entry.name!r}.", "Give one of them a name: name: NAME"
            )


def models_of(plan: Plan) -> Models:
    """The models of a plan that goes on that are not of the catalogue: by hash, wherever they lie now."""
    pins: tuple[ModelPin | WeightsPin, ...] = (plan.model, *plan.models)
    return Models({pin.name: _entry_of(pin) for pin in pins if not pin.catalogue})


def _entry_of(pin: ModelPin | WeightsPin) -> ModelEntry:
    origin = pin.origin or FILE
    entry = replace(
        unnamed(pin.file, pin.sha256, pin.bytes, _source_of(origin), origin),
        name=pin.name,
        title=pin.name,
        license=NO_LICENSE,
        chat_template=pin.chat_template,
        default_system=pin.default_system,
    )
    here = model_path(entry) if model_path(entry).is_file() else file_with(pin.sha256 or "")
    if here is None and origin == FILE:
        raise SourceError(
            f"The file of the model {pin.name} is no longer where it was (sha256 {pin.sha256}).",
            "Say where it is now, once: kit models show FILE",
        )
    return entry if here is None else replace(entry, path=str(here))


def _source_of(origin: str) -> Source:
    if origin == FILE:
        return Source("file")
    named = source_of(origin)
    if named is None or named.hf is None:
        return Source("https", url=origin)
    return Source("https", url=file_url(named.hf, named.revision or "", named.file or ""))


def fetched(entry: ModelEntry, on_bytes: OnBytes = silent) -> Path:
    """The file of a model, of the catalogue or not: here, maybe under another name, or fetched."""
    path = model_path(entry)
    if not path.is_file() and entry.sha256 and (here := file_with(entry.sha256)) is not None:
        return here
    return fetch(entry, on_bytes)
