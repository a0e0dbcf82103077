"""A run packed for strangers: the manifest of its files and the canonical archive.

The identity of a bundle is the sha256 of its manifest's bytes, never that of the compressed archive: two
zlib versions compress the same files to different bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kit import __version__
from kit.documents import Manifest, ManifestFile
from kit.errors import InputError
from kit.storage.archive import DEFAULT, pack
from kit.storage.names import MANIFEST, PLAN, RESULT
from kit.storage.run_folder import read_bundle_files
from kit.storage.whole import read_bounded
from kit.strict import plain, write_json
from kit.strict.schema import check


@dataclass(frozen=True, slots=True)
class Bundle:
    """An archive, its identity (sha256 of the manifest, hexadecimal) and what is in it, the manifest included."""

    data: bytes
    identity: str
    manifest: Manifest
    files: Mapping[str, bytes]


def read_archive(path: Path) -> bytes:
    """The bytes of an archive, or as many as are enough to refuse it; `InputError` if it cannot be read."""
    return read_bounded(path, DEFAULT.compressed_bytes, "Check the path.")


def kind_of(name: str) -> str:
    """What a file of a bundle is, by its name: plan, host, result, cell, records, texts or correct."""
    return name.rsplit("/", 1)[-1].split(".", 1)[0]


def make_manifest(files: Mapping[str, bytes]) -> Manifest:
    """The manifest of a bundle's other files."""
    return Manifest(
        schema="kit/manifest/1",
        kit_version=__version__,
        plan_sha256=sha256(files[PLAN]).hexdigest(),
        files=tuple(
            ManifestFile(name, len(data), sha256(data).hexdigest(), kind_of(name))
            for name, data in sorted(files.items())
        ),
    )


def pack_files(files: Mapping[str, bytes]) -> Bundle:
    """A bundle of these files; the same files give the same identity."""
    manifest = make_manifest(files)
    document = plain(manifest)
    check(document, "manifest", MANIFEST)
    data = write_json(document)
    every = {**files, MANIFEST: data}
    return Bundle(pack(every), sha256(data).hexdigest(), manifest, every)


def pack_run(folder: Path) -> Bundle:
    """A bundle of a run folder; `InputError` if the run has no result."""
    files = read_bundle_files(folder)
    if RESULT not in files:
        raise InputError(
            f"{folder} has no {RESULT}: the run did not get to its end.",
            "Bundle a run that `kit reproduce` finished.",
        )
    return pack_files(files)
