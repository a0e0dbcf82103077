"""What a run in containers needs before its first cell: a way for the accelerator, images, weights in volumes.

In this order, so that what cannot work is told before anything is built or fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from kit.catalogue import ModelEntry, model
from kit.documents import Entry, Plan
from kit.documents.container import Accelerator
from kit.documents.pins import ImagePin, WeightsPin
from kit.engines.docker.accelerators import probe
from kit.engines.docker.bases import base_tag, make_base
from kit.engines.docker.client import Client
from kit.engines.docker.images import image_facts, images_with_label, scratch_image
from kit.engines.docker.volumes import model_volume
from kit.errors import EngineError
from kit.plan.plan import Measured, weights_of
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import entry_container, image_variant
from kit.runtimes.protocol import ServedModel
from kit.supply.download import OnBytes, cache_folder
from kit.supply.images import (
    ImageRecipe,
    base_missing,
    build,
    choose_target,
    recipe,
    recipe_needed,
)
from kit.supply.supply import ContainerSupply
from kit.supply.weights import WAYS, prepared, weights_path

OnLine = Callable[[str], None]
LOADGEN = ("loadgen", "cpu")
NOT_YET = ServedModel("model", "model", "", "model")


@dataclass(frozen=True, slots=True)
class Images:
    """The image ids to start, by entry, and what a plan says of them; `loadgen` is the load generator's."""

    loadgen: str
    by_entry: Mapping[str, str]
    pins: tuple[ImagePin, ...]


def accelerator_of(entry: Entry) -> Accelerator:
    """What the entry's service asks the engine for."""
    explicit = replace(entry, settings=RUNTIMES[entry.runtime].explicit(entry.variant, entry.settings, 1))
    return entry_container(explicit, NOT_YET, "image").accelerator


def preflight(client: Client, run: str, entries: Iterable[Entry]) -> None:
    """`EngineError` with the remedy if this engine has no way for an accelerator that an entry needs."""
    for accelerator in sorted({accelerator_of(entry) for entry in entries} - {"none"}):
        probe(client, accelerator, _any_image(client), run)


def _any_image(client: Client) -> str:
    """An image with a shell if there is one; else an empty one, which is enough to be refused a device."""
    here = images_with_label(client, "org.kit.base") or images_with_label(client, "org.kit.runtime")
    return here[0].tags[0] if here else scratch_image(client)


# --- images ---------------------------------------------------------------------------------------------


def ready_images(client: Client, entries: Iterable[Entry], from_source: bool | None, on_line: OnLine) -> Images:
    """Build what is missing of the entries' images and the load generator's; ids of all of them."""
    loadgen = _ready(client, recipe(*LOADGEN, "source"), on_line)
    ids: dict[str, str] = {}
    pins: list[ImagePin] = []
    for entry in entries:
        wanted = entry_recipe(client, entry, from_source)
        ids[entry.name] = _ready(client, wanted, on_line)
        facts = image_facts(client, ids[entry.name])
        digests = facts.repo_digests if facts else ()
        pins.append(
            ImagePin(entry.name, wanted.target, wanted.tag, digests[0].partition("@")[2] if digests else None)
        )
    return Images(loadgen, ids, tuple(pins))


def maker_images(client: Client, model_entry: ModelEntry, from_source: bool | None, on_line: OnLine) -> Images:
    """The load generator's image, and that of the runtime in which the model is made, if it is made."""
    maker = WAYS.get(model_entry.source.made_by or "", ("", ""))[0]
    entries = [Entry(maker, maker, "cpu", {})] if maker else []
    return ready_images(client, entries, from_source, on_line)


def entry_recipe(client: Client, entry: Entry, from_source: bool | None) -> ImageRecipe:
    """How the image of an entry is made on this engine."""
    variant = image_variant(entry)
    known = _any_recipe(entry.runtime, variant)
    if entry.image is not None:
        return replace(recipe(entry.runtime, variant, "official"), base=entry.image, pin=entry.image)
    return recipe(entry.runtime, variant, choose_target(client, known, from_source))


def _any_recipe(runtime: str, variant: str) -> ImageRecipe:
    from kit.supply.images import targets

    return recipe(runtime, variant, targets(f"{runtime}/{variant}")[0])


def _ready(client: Client, wanted: ImageRecipe, on_line: OnLine) -> str:
    if recipe_needed(client, wanted):
        _ready_base(client, wanted, on_line)
        return build(client, wanted, on_line).image_id
    facts = image_facts(client, wanted.tag)
    if facts is None:
        raise EngineError(f"The image {wanted.tag} has just gone from this engine.", "Try again.")
    return facts.image_id


def _ready_base(client: Client, wanted: ImageRecipe, on_line: OnLine) -> None:
    """Make the Debian base of a build from source where no registry has it."""
    if base_missing(client, wanted):
        on_line(f"making the base {base_tag(wanted.base)} from the Debian archive")
        make_base(client, wanted.base, cache_folder() / "bases", on_line)


# --- weights --------------------------------------------------------------------------------------------


def ready_weights(
    client: Client,
    run: str,
    names: Iterable[str],
    images: Images,
    on_bytes: OnBytes,
    on_line: OnLine,
) -> Mapping[str, Measured]:
    """Fetch or make these models; sha256 and bytes of each, measured here."""
    found: dict[str, Measured] = {}
    for name in names:
        entry = model(name)
        maker = next((images.by_entry[pin.entry] for pin in images.pins if "/vllm:" in pin.reference), None)
        found[name] = prepared(client, run, entry, maker, on_bytes, on_line)[1]
    return found


def supply_of(
    client: Client,
    run: str,
    plan: Plan,
    images: Images,
    found: Mapping[str, Measured],
    on_bytes: OnBytes,
) -> ContainerSupply:
    """Volumes filled with the plan's weights, `found` here by name, and what each entry is started with."""
    served: dict[str, ServedModel] = {}
    for entry in plan.entries:
        pin = weights_of(plan, entry)
        if pin.name not in served:
            served[pin.name] = _served(client, run, pin, images, found[pin.name][0], on_bytes)
    models = {entry.name: served[weights_of(plan, entry).name] for entry in plan.entries}
    return ContainerSupply(images.by_entry, models)


def _served(
    client: Client, run: str, pin: WeightsPin, images: Images, digest: str, on_bytes: OnBytes
) -> ServedModel:
    if digest != pin.sha256:
        raise EngineError(
            f"The weights {pin.name} have sha256 {digest}, the plan says {pin.sha256}.", "Begin a new run."
        )
    return served_model(client, run, model(pin.name), digest, images, on_bytes)


def served_model(
    client: Client, run: str, entry: ModelEntry, digest: str, images: Images, on_bytes: OnBytes
) -> ServedModel:
    """A volume filled with weights that are here, measured as `digest`."""
    volume = model_volume(client, run, images.loadgen, digest, weights_path(entry), entry.file, on_bytes)
    return ServedModel(entry.name, entry.file, digest, volume)
