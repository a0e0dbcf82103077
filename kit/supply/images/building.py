"""Builds images: inputs on the host, a context, the classic builder, labels that say what went in."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from kit import __version__
from kit.assets import asset
from kit.catalogue.inputs import PinnedImage, build_input, pinned_image
from kit.engines.protocol import BuildRequest, ImageFacts, ImageStore, OnLine
from kit.errors import EngineError, InputError
from kit.supply.download import cache_folder
from kit.supply.images.bases import base_tag
from kit.supply.images.context import (
    DOCKERFILE,
    KEPT,
    extra_certificates,
    proxy_arguments,
    write_context,
)
from kit.supply.images.fetching import Fetched, fetch_inputs, own_code, pinned_inputs, tree_sha256
from kit.supply.images.kept import KeptProgram, find, keep
from kit.supply.images.recipes import OWN_CODE, SUITES, ImageRecipe, Target, targets
from kit.supply.registries import settings_files

LABEL = "org.kit."
RUNTIME_LABEL = f"{LABEL}runtime"
RECIPE_LABEL = f"{LABEL}recipe"
PROGRAM_LABEL, ORIGIN_LABEL = f"{LABEL}program", f"{LABEL}program_origin"
FROM_LABEL = f"{LABEL}from"  # the images it starts from, as they were resolved


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that was built: `inputs` name -> sha256, `base_id` the id of what its last stage starts from."""

    tag: str
    image_id: str
    inputs: Mapping[str, str]
    target: Target
    base_id: str | None


def build(store: ImageStore, recipe: ImageRecipe, on_line: OnLine, *, no_cache: bool = False) -> BuiltImage:
    """Build the image of a recipe and tag it; `on_line` gets what a person may want to see.

    `SourceError` if an input cannot be had or has another hash; `EngineError` if a base is missing and cannot be
    pulled, or a step fails (with its last lines).
    """
    bases = _bases(store, recipe)
    arguments = dict(bases)
    machine = store.architecture()
    kept = None if no_cache else find(recipe, machine)
    fetched = fetch_inputs(recipe, machine, on_line) if kept is None else pinned_inputs(recipe)
    dockerfile = _dockerfile(recipe)
    for name in recipe.inputs:
        arguments |= build_input(name).arguments if name != OWN_CODE else {}
    files = fetched.files if kept is None else {f"{KEPT}/{kept.path.name}": kept.path}
    base = arguments["OFFICIAL" if recipe.target == "official" else "BASE"]
    request = BuildRequest(
        recipe.tag,
        DOCKERFILE,
        "kept" if kept else recipe.target,
        arguments | proxy_arguments(),
        _labels(recipe, fetched, dockerfile, kept, bases),
        no_cache=no_cache,
    )
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=cache_folder()) as context:
        certificates, settings = (extra_certificates(), settings_files()) if recipe.index else (None, {})
        write_context(context, dockerfile, files, certificates, settings)
        how = f", the {kept.origin} program {kept.sha256[:12]}" if kept else ""
        on_line(f"building {recipe.tag} from {base}{how}; build context: {context.tell()} bytes")
        context.seek(0)
        image_id = store.build(request, context, on_line)
    if kept is None and recipe.target == "source":
        keep(store, recipe, image_id, machine)
    facts = store.facts(base)
    return BuiltImage(recipe.tag, image_id, fetched.sha256s, recipe.target, facts.image_id if facts else None)


def _labels(
    recipe: ImageRecipe, fetched: Fetched, dockerfile: bytes, kept: KeptProgram | None, bases: Mapping[str, str]
) -> dict[str, str]:
    labels = {
        RUNTIME_LABEL: recipe.runtime,
        f"{LABEL}variant": recipe.variant,
        f"{LABEL}target": recipe.target,
        f"{LABEL}inputs": json.dumps(fetched.sha256s, sort_keys=True, separators=(",", ":")),
        f"{LABEL}dockerfile": sha256(dockerfile).hexdigest(),
        f"{LABEL}kit_version": __version__,
        FROM_LABEL: json.dumps(bases, sort_keys=True, separators=(",", ":")),
        RECIPE_LABEL: recipe_sha256(recipe),
    }
    if "OFFICIAL" in bases:
        labels[f"{LABEL}official"] = bases["OFFICIAL"]
    if kept is not None:
        labels |= {PROGRAM_LABEL: kept.sha256, ORIGIN_LABEL: kept.origin}
    return labels


def recipe_sha256(recipe: ImageRecipe) -> str:
    """One hash over what a recipe says: Dockerfile, pins of its inputs, the kit's code if it goes in, the base."""
    parts = [recipe.target, recipe.base, recipe.builder or "", sha256(_dockerfile(recipe)).hexdigest()]
    for name in recipe.inputs:
        if name == OWN_CODE:
            parts.append(tree_sha256(own_code()))
            continue
        entry = build_input(name)
        parts += [f"{key}={value}" for key, value in sorted(entry.arguments.items())]
        parts.append(entry.sha256 or sha256(asset("images", *entry.file.split("/")).read_bytes()).hexdigest())
    if recipe.outside is not None:
        parts.append(recipe.outside.image.reference)
        return sha256("\n".join(parts).encode()).hexdigest()
    parts += [
        pinned_image(name).reference for name in (recipe.base, recipe.builder) if name and name not in SUITES
    ]
    return sha256("\n".join(parts).encode()).hexdigest()


def ready_made_program(facts: ImageFacts) -> str | None:
    """The sha256 of the image's program if somebody else compiled it."""
    return facts.labels.get(PROGRAM_LABEL) if facts.labels.get(ORIGIN_LABEL) == "ready-made" else None


def needed(store: ImageStore, wanted: ImageRecipe) -> bool:
    """Whether that image is to be built: it is not there, or it was made by a recipe that says something else."""
    facts = store.facts(wanted.tag)
    return facts is None or facts.labels.get(RECIPE_LABEL) != recipe_sha256(wanted)


def present(store: ImageStore) -> list[ImageFacts]:
    """The images of the kit that the engine has, by tag; bases are not among them."""
    return store.with_label(RUNTIME_LABEL)


def choose_target(store: ImageStore, name: str, from_source: bool | None) -> Target:
    """The target to build of a runtime and variant, as in "llamacpp/cpu".

    `from_source` True or False is a wish, and `InputError` if there is no such recipe. None takes the runtime's
    own image if its registry answers (or it is here already), else the build from source.
    """
    known = targets(name)
    if from_source is not None:
        wish: Target = "source" if from_source else "official"
        if wish not in known:
            raise InputError(f"{name} has no {wish} recipe.", f"It has: {', '.join(known)}.")
        return wish
    if len(known) == 1:
        return known[0]
    return "official" if _can_be_had(store, pinned_image(name).reference) else "source"


# --- bases ----------------------------------------------------------------------------------------------


def _dockerfile(recipe: ImageRecipe) -> bytes:
    if recipe.outside is not None:
        return recipe.outside.dockerfile
    return asset("images", *recipe.dockerfile.split("/")).read_bytes()


def _can_be_had(store: ImageStore, reference: str) -> bool:
    return store.facts(reference) is not None or store.registry_digest(reference).digest is not None


def _bases(store: ImageStore, recipe: ImageRecipe) -> dict[str, str]:
    """The build arguments that name images; `EngineError` if one is neither here nor to be had."""
    if recipe.target == "official":
        return {"OFFICIAL": _pulled(store, _pin(recipe))}
    found = {"BASE": _base(store, recipe.base)}
    if recipe.builder:
        found["BUILDER"] = _pulled(store, pinned_image(recipe.builder))
    return found


def _pin(recipe: ImageRecipe) -> PinnedImage:
    return recipe.outside.image if recipe.outside is not None else pinned_image(recipe.base)


def base_missing(store: ImageStore, wanted: ImageRecipe) -> bool:
    """Whether the recipe starts from a Debian suite that neither the engine has nor a registry gives."""
    return wanted.target == "source" and wanted.base in SUITES and _debian(store, wanted.base) is None


def _debian(store: ImageStore, suite: str) -> str | None:
    pinned = pinned_image(f"debian-{suite}").reference
    if store.facts(base_tag(suite)):
        return base_tag(suite)
    return pinned if _can_be_had(store, pinned) else None


def _base(store: ImageStore, name: str) -> str:
    if name not in SUITES:
        return _pulled(store, pinned_image(name))
    found = _debian(store, name)
    if found is None:
        raise EngineError(
            f"The base image {base_tag(name)} is not here, and no registry serves "
            f"{pinned_image(f'debian-{name}').reference}.",
            f"Build it from the Debian archive: kit images base {name}",
        )
    return found if found == base_tag(name) else _pulled(store, pinned_image(f"debian-{name}"))


def _pulled(store: ImageStore, image: PinnedImage) -> str:
    """What to start from: by digest, also where the catalogue has none, so that the image says what it was."""
    here = store.facts(image.reference)
    if here is not None:
        digests = [each.rpartition("@")[2] for each in here.repo_digests]
        return f"{image.reference}@{digests[0]}" if image.digest is None and digests else image.reference
    answer = store.registry_digest(image.reference)
    if answer.digest is None:
        raise EngineError(
            f"The image {image.reference} is not here, and its registry does not give it: {answer.problem}.",
            "The engine must be able to pull it once (docker pull). `kit images list` shows what is built "
            "from source instead.",
        )
    return image.reference if image.digest is not None else f"{image.reference}@{answer.digest}"
