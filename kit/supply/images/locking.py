"""`kit images lock`: what the images turned out to be, and whether registries agree with the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit import __version__
from kit.catalogue.inputs import PinnedImage, pinned_images
from kit.engines.protocol import ImageFacts, ImageStore
from kit.supply.images.bases import BASE_LABEL
from kit.supply.images.bases import REPOSITORY as BASE_REPOSITORY
from kit.supply.images.building import FROM_LABEL, LABEL, present

PinStatus = Literal["agrees", "differs", "unpinned", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class LockedImage:
    """One image of the kit as the engine has it; `inputs` are name -> sha256 as its labels say.

    `made_from` are the images it was built from, by build argument, as they were resolved then.
    """

    tag: str
    image_id: str
    repo_digests: tuple[str, ...]
    platform: str
    created_utc: str
    size_bytes: int
    target: str | None
    kit_version: str | None
    inputs: Mapping[str, str]
    made_from: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LockedPin:
    """A pin of the catalogue and what was found.

    `resolved` is the digest of the index that the registry gives now, `local_digests` those under which the engine
    has it, `platform_digest` the one that the catalogue states for the engine's platform.
    """

    name: str
    reference: str
    pinned: str | None
    resolved: str | None
    local_digests: tuple[str, ...]
    platform_digest: str | None
    verdict: PinStatus
    problem: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The document that `kit images lock` writes."""

    schema: Literal["kit/image-lock/1"]
    kit_version: str
    bases: tuple[LockedImage, ...]
    images: tuple[LockedImage, ...]
    pins: tuple[LockedPin, ...]


def lock(store: ImageStore) -> Lock:
    """Everything the engine has of the kit, and every pin, asked of its registry.

    A registry that does not answer leaves its pins "unconfirmed", with the reason; that is no error.
    """
    made = present(store)
    bases = store.with_label(BASE_LABEL)
    platform = next((_platform(facts) for facts in (*made, *bases)), "linux/amd64")
    # Whatever is built on a base inherits its labels.
    only_bases = tuple(_locked(facts) for facts in bases if any(_is_base(tag) for tag in facts.tags))
    pins = tuple(_pin(store, image, platform) for image in pinned_images().values())
    return Lock("kit/image-lock/1", __version__, only_bases, tuple(map(_locked, made)), pins)


def _is_base(tag: str) -> bool:
    return tag.startswith(f"{BASE_REPOSITORY}:")


def _platform(facts: ImageFacts) -> str:
    return f"{facts.os}/{facts.architecture}"


def _locked(facts: ImageFacts) -> LockedImage:
    return LockedImage(
        tag=facts.tags[0] if facts.tags else "",
        image_id=facts.image_id,
        repo_digests=facts.repo_digests,
        platform=_platform(facts),
        created_utc=facts.created_utc,
        size_bytes=facts.size_bytes,
        target=facts.labels.get(f"{LABEL}target"),
        kit_version=facts.labels.get(f"{LABEL}kit_version"),
        inputs=_names(facts.labels.get(f"{LABEL}inputs")) or _archive_state(facts.labels),
        made_from=_names(facts.labels.get(FROM_LABEL)),
    )


def _names(text: str | None) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _archive_state(labels: Mapping[str, str]) -> dict[str, str]:
    """Of a base: the signed file of the archive and the list of packages."""
    names = {"InRelease": f"{BASE_LABEL}.in_release_sha256", "packages": f"{BASE_LABEL}.packages_sha256"}
    return {name: labels[label] for name, label in names.items() if label in labels}


def _pin(store: ImageStore, image: PinnedImage, platform: str) -> LockedPin:
    answer = store.registry_digest(image.tagged)
    local = store.facts(image.reference) or store.facts(image.tagged)
    digests = tuple(one.rpartition("@")[2] for one in local.repo_digests) if local else ()
    return LockedPin(
        name=image.name,
        reference=image.tagged,
        pinned=image.digest,
        resolved=answer.digest,
        local_digests=digests,
        platform_digest=image.platforms.get(platform),
        verdict=verdict(image.digest, answer.digest, digests),
        problem=answer.problem,
    )


def verdict(pinned: str | None, resolved: str | None, local: tuple[str, ...]) -> PinStatus:
    """What was found, in a word. An engine that pulled by digest has proved it, whatever the tag means now."""
    if pinned is None:
        return "unpinned"
    if pinned in local or pinned == resolved:
        return "agrees"
    return "unconfirmed" if resolved is None and not local else "differs"
