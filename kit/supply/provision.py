"""What a run in containers needs before its first cell: a way for the accelerator, images, weights in volumes.

In this order, so that what cannot work is told before anything is built or fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kit.catalogue import CATALOGUE, ModelEntry, Models, find_chat
from kit.documents import Entry, Plan
from kit.documents.container import Accelerator
from kit.documents.pins import ImagePin
from kit.engines.protocol import ContainerHost, ImageStore, OnBytes, OnLine
from kit.errors import EngineError
from kit.plan.plan import planned_entry
from kit.plan.weights import Measured, weights_of
from kit.runtimes import OWN
from kit.runtimes.launch import NOT_YET, entry_container, image_variant
from kit.runtimes.protocol import ServedModel
from kit.supply.download import cache_folder
from kit.supply.images import (
    ImageRecipe,
    base_missing,
    build,
    choose_target,
    needed,
    outside_recipe,
    present,
    ready_made_program,
    recipe,
)
from kit.supply.images.bases import BASE_LABEL, base_tag, make_base
from kit.supply.supply import ContainerSupply, require_same_runtimes
from kit.supply.weights import prepared, weights_path

LOADGEN = ("loadgen", "cpu")


@dataclass(frozen=True, slots=True)
class Images:
    """The image ids to start, by entry, and what a plan says of them; `loadgen` is the load generator's."""

    loadgen: str
    by_entry: Mapping[str, str]
    pins: tuple[ImagePin, ...]


def accelerator_of(entry: Entry) -> Accelerator:
    """What the entry's service asks the engine for."""
    return entry_container(planned_entry(entry, 1), NOT_YET, "image").accelerator


def preflight(host: ContainerHost, entries: Iterable[Entry]) -> None:
    """`EngineError` with the remedy if this engine has no way for an accelerator that an entry needs."""
    for accelerator in sorted({accelerator_of(entry) for entry in entries} - {"none"}):
        host.check_accelerator(accelerator, _any_image(host.images))


def _any_image(store: ImageStore) -> str:
    """An image with a shell if there is one; else an empty one, which is enough to be refused a device."""
    here = store.with_label(BASE_LABEL) or present(store)
    return here[0].tags[0] if here else store.scratch()


# --- images ---------------------------------------------------------------------------------------------


def ready_images(store: ImageStore, entries: Iterable[Entry], from_source: bool | None, on_line: OnLine) -> Images:
    """Build what is missing of the entries' images and the load generator's; ids of all of them."""
    loadgen = _ready(store, recipe(*LOADGEN, "source"), on_line)
    ids: dict[str, str] = {}
    pins: list[ImagePin] = []
    for entry in entries:
        wanted = entry_recipe(store, entry, from_source)
        ids[entry.name] = _ready(store, wanted, on_line)
        facts = store.facts(ids[entry.name])
        digests = facts.repo_digests if facts else ()
        digest = digests[0].partition("@")[2] if digests else None
        program = ready_made_program(facts) if facts else None
        pins.append(ImagePin(entry.name, wanted.target, wanted.tag, digest, ready_made=program))
    return Images(loadgen, ids, tuple(pins))


def entry_recipe(store: ImageStore, entry: Entry, from_source: bool | None) -> ImageRecipe:
    """How the image of an entry is made on this engine."""
    variant = image_variant(entry)
    if entry.runtime not in OWN:
        return outside_recipe(entry, from_source)
    if entry.image is not None:
        return replace(recipe(entry.runtime, variant, "official"), base=entry.image, pin=entry.image)
    return recipe(entry.runtime, variant, choose_target(store, f"{entry.runtime}/{variant}", from_source))


def _ready(store: ImageStore, wanted: ImageRecipe, on_line: OnLine) -> str:
    if needed(store, wanted):
        # The Debian base of a build from source, where no registry has it.
        if base_missing(store, wanted):
            on_line(f"making the base {base_tag(wanted.base)} from the Debian archive")
            make_base(store, wanted.base, cache_folder() / "bases", on_line)
        return build(store, wanted, on_line).image_id
    facts = store.facts(wanted.tag)
    if facts is None:
        raise EngineError(f"The image {wanted.tag} has just gone from this engine.", "Try again.")
    return facts.image_id


# --- weights --------------------------------------------------------------------------------------------


def ready_weights(
    host: ContainerHost,
    names: Iterable[str],
    images: Images,
    from_source: bool | None,
    on_bytes: OnBytes,
    on_line: OnLine,
    models: Models = CATALOGUE,
) -> Mapping[str, Measured]:
    """Fetch or make these models; sha256 and bytes of each, measured here."""

    def image_of(maker: str) -> str:
        """That of an entry where one runs it, or else one of its own."""
        here = [images.by_entry[pin.entry] for pin in images.pins if pin.reference.startswith(f"kit/{maker}:")]
        target = choose_target(host.images, f"{maker}/cpu", from_source)
        return here[0] if here else _ready(host.images, recipe(maker, "cpu", target), on_line)

    return {name: prepared(host, models.named(name), image_of, on_bytes, on_line)[1] for name in names}


def supply_of(
    host: ContainerHost,
    plan: Plan,
    images: Images,
    found: Mapping[str, Measured],
    on_bytes: OnBytes,
    models: Models = CATALOGUE,
) -> ContainerSupply:
    """Volumes filled with the plan's weights, `found` here by name, and what each entry is started with."""
    require_same_runtimes(plan)
    served: dict[str, ServedModel] = {}
    for entry in plan.entries:
        pin = weights_of(plan, entry)
        if pin.name not in served:
            digest = found[pin.name][0]
            if digest != pin.sha256:
                raise EngineError(
                    f"The weights {pin.name} have sha256 {digest}, the plan says {pin.sha256}.",
                    "Begin a new run.",
                )
            served[pin.name] = served_model(host, models.named(pin.name), digest, images, on_bytes)
    by_entry = {entry.name: served[weights_of(plan, entry).name] for entry in plan.entries}
    return ContainerSupply(images.by_entry, by_entry, memory_bytes=plan.server_memory_bytes)


def served_model(
    host: ContainerHost, entry: ModelEntry, digest: str, images: Images, on_bytes: OnBytes
) -> ServedModel:
    """A volume filled with weights that are here, measured as `digest`."""
    volume = host.model_volume(images.loadgen, digest, weights_path(entry), entry.file, on_bytes)
    return ServedModel(entry.name, entry.file, digest, volume, *find_chat(entry))
