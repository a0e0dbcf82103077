"""Which weights a plan pins, and which an entry runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kit.catalogue import ModelEntry
from kit.documents import Entry, ModelPin, Plan
from kit.documents.pins import WeightsPin
from kit.errors import InputError, InternalError

Measured = tuple[str, int]  # sha256 and bytes of a file or folder
NOTHING_FOUND: Mapping[str, Measured] = {}


def pin_model(entry: ModelEntry) -> ModelPin:
    """The model as a plan names it; `InputError` when its hash is not known yet."""
    if entry.sha256 is None or entry.bytes is None:
        raise InputError(
            f"sha256 or size of the model {entry.name} is unknown, so it cannot be planned.",
            f"Download it once and add its hash to the catalogue: kit models fetch {entry.name}",
        )
    if entry.catalogue:
        return ModelPin(entry.name, entry.file, entry.sha256, entry.bytes, entry.confirmed)
    own = (entry.catalogue, entry.origin, entry.chat_template, entry.default_system)
    return ModelPin(entry.name, entry.file, entry.sha256, entry.bytes, entry.confirmed, *own)


def pin_weights(entry: ModelEntry, found: Mapping[str, Measured] = NOTHING_FOUND) -> WeightsPin:
    """The weights of an entry. What the catalogue does not know is taken from `found`: hash and bytes of what lies

    here under that name, fetched or made. Such weights are never confirmed.
    """
    digest, size = entry.sha256, entry.bytes
    made_here = entry.source.kind == "derived"
    if entry.name in found and (digest is None or made_here):
        digest, size = found[entry.name]
    return WeightsPin(
        name=entry.name,
        file=entry.file,
        sha256=digest,
        bytes=size,
        confirmed=entry.confirmed and digest is not None and digest == entry.sha256,
        made_from=entry.source.made_from,
        made_by=entry.source.made_by,
        catalogue=entry.catalogue,
        origin=entry.origin,
        chat_template=None if entry.catalogue else entry.chat_template,
        default_system=None if entry.catalogue else entry.default_system,
    )


def weights_of(plan: Plan, entry: Entry) -> WeightsPin:
    """The weights that an entry runs: its own, or those of the plan."""
    found = known_weights(plan, entry)
    if found is None:
        raise InternalError(f"Nobody knows the weights of the entry {entry.name}.")
    return found


def known_weights(plan: Plan, entry: Entry) -> WeightsPin | None:
    """The weights that an entry runs; None of a server that already runs: nobody can look at its file."""
    if entry.url is not None:
        return None
    if entry.model is None:
        pin = plan.model
        own = (pin.catalogue, pin.origin, pin.chat_template, pin.default_system)
        return WeightsPin(pin.name, pin.file, pin.sha256, pin.bytes, pin.confirmed, None, None, *own)
    return next(pin for pin in plan.models if pin.name == entry.model)


def own_models(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The names of the models that entries have of their own, each once, in their order."""
    return tuple(dict.fromkeys(entry.model for entry in entries if entry.model is not None))
