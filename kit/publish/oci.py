"""A bundle as an OCI artifact and its signature as a referrer: pushed, and pulled with every byte checked."""

from __future__ import annotations

from dataclasses import dataclass

from kit.errors import InputError, SourceError
from kit.publish.artifact import (
    BUNDLE_TYPE,
    EMPTY,
    IDENTITY,
    MANIFEST_TYPE,
    SIGNATURE_TYPE,
    Descriptor,
    bundle_manifest,
    digest_of,
    read_manifest,
    signature_manifest,
)
from kit.publish.parcel import Parcel
from kit.publish.places import OciPlace
from kit.publish.registry import Registry
from kit.publish.web import Web
from kit.signing import MAX_SIGNATURE_BYTES
from kit.storage.archive import DEFAULT
from kit.text import plain_text

MAX_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is pushed: the manifests of a bundle and of its signature, and the tag."""

    manifest: bytes
    digest: str
    tag: str
    signature_manifest: bytes | None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was pulled: the archive, its signatures, its manifest's digest, and the identity stated there."""

    archive: bytes
    signatures: tuple[bytes, ...]
    digest: str
    identity: str | None


def artifact_of(parcel: Parcel, place: OciPlace) -> Artifact:
    """The artifact that a bundle becomes; without a tag it gets the first digits of its identity as one."""
    title = f"{parcel.short}.tar.gz"
    manifest = bundle_manifest(parcel.archive, title, parcel.annotations())
    subject = _subject(manifest)
    signed = None
    if parcel.signature:
        signed = signature_manifest(parcel.signature, f"{title}.sig", subject, parcel.identity)
    return Artifact(manifest, subject.digest, place.tag or parcel.short, signed)


def push(parcel: Parcel, place: OciPlace) -> Artifact:
    """Put a bundle into a registry; what it has already is not sent again.

    The tag comes last: whoever pulls by it gets the bundle with its signature, or what the tag named before.
    """
    made = artifact_of(parcel, place)
    with Web() as web:
        registry = Registry(web, place)
        for blob in (EMPTY, parcel.archive):
            registry.put_blob(blob)
        if parcel.signature and made.signature_manifest:
            registry.put_manifest(made.manifest, made.digest)
            registry.put_blob(parcel.signature)
            registry.put_referrer(made.signature_manifest, _subject(made.manifest), SIGNATURE_TYPE)
        registry.put_manifest(made.manifest, made.tag)
    return made


def pull(place: OciPlace) -> Pulled:
    """A bundle out of a registry. `SourceError` where any byte is not what its digest says."""
    reference = place.digest or place.tag
    if reference is None:
        raise InputError(f"{place.text()} names no bundle.", "Put :TAG or @sha256:DIGEST behind it.")
    with Web() as web:
        registry = Registry(web, place)
        data = registry.manifest(reference)
        manifest = read_manifest(data, place.text(), BUNDLE_TYPE, DEFAULT.compressed_bytes)
        archive = registry.blob(manifest.layer)
        digest = digest_of(data)
        signatures = tuple(_signature(registry, each, digest) for each in _listed(registry, digest))
    return Pulled(archive, tuple(dict.fromkeys(signatures)), digest, manifest.annotations.get(IDENTITY))


def _listed(registry: Registry, digest: str) -> tuple[Descriptor, ...]:
    found = registry.referrers(digest, SIGNATURE_TYPE)
    if len(found) > MAX_SIGNATURES:
        raise SourceError(
            f"The registry lists {len(found)} signatures of this bundle, more than {MAX_SIGNATURES}.",
            "Somebody may want to hide one among many; ask who runs it.",
        )
    return found


def _signature(registry: Registry, listed: Descriptor, subject: str) -> bytes:
    """The signature behind a referrer that says of itself that it is of this manifest."""
    where = f"The referrer {plain_text(listed.digest, 80)}"
    manifest = read_manifest(registry.manifest(listed.digest), where, SIGNATURE_TYPE, MAX_SIGNATURE_BYTES)
    if manifest.subject is None or manifest.subject.digest != subject:
        raise SourceError(f"{where} refers to another manifest than {subject}.", "Ask who runs the registry.")
    return registry.blob(manifest.layer)


def _subject(manifest: bytes) -> Descriptor:
    return Descriptor(MANIFEST_TYPE, digest_of(manifest), len(manifest))
