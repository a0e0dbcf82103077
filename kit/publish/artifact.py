"""The documents of an OCI artifact (image specification 1.1): manifests of bundle and signature, list of both.

Without a clock: the same bundle has the same manifest, and so the same digest, in every registry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from kit.errors import SourceError
from kit.strict import Json, StrictError, read_json, write_json
from kit.text import plain_text

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
BUNDLE_TYPE = "application/vnd.llm-repro-kit.bundle.v1+tar.gz"
SIGNATURE_TYPE = "application/vnd.llm-repro-kit.signature.v1+ssh"
IDENTITY = "vnd.llm-repro-kit.identity"
PLATFORM = "vnd.llm-repro-kit.platform"
PLAN = "vnd.llm-repro-kit.plan-sha256"
TITLE = "org.opencontainers.image.title"  # the name under which `oras pull` writes a layer
MAX_MANIFEST_BYTES = 64 * 1024  # ours have about 1 kB
MAX_INDEX_BYTES = 1 << 20
MAX_REFERRERS = 1000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_TEXT_CHARS = 4096


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a manifest says of some bytes: their kind, their sha256, how many they are."""

    media_type: str
    digest: str
    size_bytes: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Json]:
        document: dict[str, Json] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size_bytes}
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        if self.annotations:
            document["annotations"] = dict(sorted(self.annotations.items()))
        return document


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as far as it matters here."""

    artifact_type: str
    layer: Descriptor
    subject: Descriptor | None
    annotations: Mapping[str, str]


def digest_of(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def described(data: bytes, media_type: str, title: str | None = None) -> Descriptor:
    """The descriptor of some bytes."""
    return Descriptor(media_type, digest_of(data), len(data), annotations={TITLE: title} if title else {})


def bundle_manifest(archive: bytes, title: str, annotations: Mapping[str, str]) -> bytes:
    """The manifest of a bundle: its archive is the one layer, and nothing in it is anybody's verdict."""
    return _manifest(BUNDLE_TYPE, described(archive, BUNDLE_TYPE, title), None, annotations)


def signature_manifest(signature: bytes, title: str, subject: Descriptor, identity: str) -> bytes:
    """The manifest of a signature, which refers to that of the bundle."""
    layer = described(signature, SIGNATURE_TYPE, title)
    return _manifest(SIGNATURE_TYPE, layer, subject, {IDENTITY: identity})


def _manifest(
    artifact_type: str, layer: Descriptor, subject: Descriptor | None, annotations: Mapping[str, str]
) -> bytes:
    document: dict[str, Json] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": artifact_type,
        "config": described(EMPTY, EMPTY_TYPE).plain(),
        "layers": [layer.plain()],
    }
    if subject is not None:
        document["subject"] = Descriptor(subject.media_type, subject.digest, subject.size_bytes).plain()
    document["annotations"] = dict(sorted(annotations.items()))
    return write_json(document)


def referrers_index(entries: Sequence[Descriptor]) -> bytes:
    """The list under the tag `sha256-...` that stands for the referrers API where a registry has none."""
    return write_json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [entry.plain() for entry in entries],
        }
    )


def referrers_tag(digest: str) -> str:
    """The tag of that list (distribution specification 1.1, "Referrers Tag Schema")."""
    return digest.replace(":", "-")


# --- reading ---------------------------------------------------------------------------------------------


def read_manifest(data: bytes, where: str, artifact_type: str, max_layer_bytes: int) -> Manifest:
    """A manifest of this kind with its one layer; `SourceError` for everything else that lies in registries."""
    document = _document(data, where, MAX_MANIFEST_BYTES)
    layers = _list(document.get("layers"))
    if document.get("mediaType") != MANIFEST_TYPE or document.get("artifactType") != artifact_type:
        found = document.get("artifactType") or document.get("mediaType")
        raise _wrong(where, f"it is of the kind {plain_text(str(found), 80)}, not {artifact_type}")
    if len(layers) != 1:
        raise _wrong(where, f"it has {len(layers)} layers, not one")
    layer = read_descriptor(layers[0], where)
    if layer.media_type != artifact_type:
        raise _wrong(where, f"its layer is of the kind {plain_text(layer.media_type, 80)}")
    if layer.size_bytes > max_layer_bytes:
        raise _wrong(where, f"its {layer.size_bytes:,} bytes are more than the {max_layer_bytes:,} allowed")
    subject = document.get("subject")
    return Manifest(
        artifact_type,
        layer,
        read_descriptor(subject, where) if subject is not None else None,
        _texts(document.get("annotations")),
    )


def read_index(data: bytes, where: str) -> tuple[Descriptor, ...]:
    """A list of referrers; `SourceError` if it is none or of more than a thousand."""
    document = _document(data, where, MAX_INDEX_BYTES)
    manifests = document.get("manifests")
    if document.get("mediaType", INDEX_TYPE) != INDEX_TYPE or not isinstance(manifests, list):
        raise _wrong(where, "it is not a list of referrers")
    if len(manifests) > MAX_REFERRERS:
        raise _wrong(where, f"it lists more than {MAX_REFERRERS} referrers")
    return tuple(read_descriptor(each, where) for each in manifests)


def read_descriptor(value: object, where: str) -> Descriptor:
    """A descriptor with a sha256; `SourceError` for any other."""
    found = value if isinstance(value, dict) else {}
    kind, digest, size = found.get("mediaType"), found.get("digest"), found.get("size")
    if not isinstance(kind, str) or not isinstance(digest, str) or type(size) is not int or size < 0:
        raise _wrong(where, "it describes bytes without kind, digest or size")
    if not _DIGEST.fullmatch(digest):
        raise _wrong(where, f"the digest {plain_text(digest, 80)} is not a sha256")
    artifact_type = found.get("artifactType")
    if artifact_type is not None and not isinstance(artifact_type, str):
        raise _wrong(where, "it has an artifact type that is no text")
    return Descriptor(kind, digest, size, artifact_type, _texts(found.get("annotations")))


def _document(data: bytes, where: str, max_bytes: int) -> Mapping[str, Json]:
    try:
        document = read_json(data, where, max_bytes=max_bytes)
    except StrictError as error:
        raise _wrong(where, error.message) from None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise _wrong(where, "it is not an OCI document of schema version 2")
    return document


def _texts(value: object) -> dict[str, str]:
    """Annotations: pairs of texts; others are left out."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {key: text[:_MAX_TEXT_CHARS] for key, text in pairs if isinstance(text, str)}


def _list(value: object) -> list[Json]:
    return value if isinstance(value, list) else []


def _wrong(where: str, why: str) -> SourceError:
    return SourceError(f"{plain_text(where, 200)} is not a bundle of the kit: {why}.", "Check the reference.")
