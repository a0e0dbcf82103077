"""The index of a folder of results: made from the bundles, written and read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from kit.collection.entry import CONTRACT, opened_bundle
from kit.collection.layout import INDEX, archives_in
from kit.documents.index import Index, IndexEntry, IndexRefused
from kit.errors import InputError, KitError
from kit.storage.archive import DEFAULT
from kit.storage.run_folder import read_document, replace_file
from kit.strict import plain, write_json
from kit.strict.schema import check
from kit.text import plain_text

MAX_INDEX_BYTES = 256 << 20
MAX_REASON_CHARS = 400


@dataclass(frozen=True, slots=True)
class Seen:
    """One archive of a folder as far as it alone says it: its line in the index, or why it has none."""

    entry: IndexEntry | None
    refused: IndexRefused | None


def make_index(folder: Path) -> Index:
    """The index of a folder, from its bundles and signatures alone. Nothing is written."""
    return index_of([seen(folder, path) for path in archives_in(folder)])


def seen(folder: Path, path: PurePosixPath) -> Seen:
    """One archive of the folder, verified."""
    archive = read_archive(folder / path)
    try:
        return Seen(opened_bundle(archive, str(path)).entry, None)
    except KitError as error:
        reason = plain_text(error.what, MAX_REASON_CHARS)
        return Seen(None, IndexRefused(str(path), sha256(archive).hexdigest(), len(archive), reason))


def index_of(found: Sequence[Seen]) -> Index:
    """The index of what was found in a folder; of several archives of one identity the first by path counts."""
    entries = sorted((each.entry for each in found if each.entry), key=lambda entry: entry.path)
    refused = [each.refused for each in found if each.refused]
    first: dict[str, IndexEntry] = {}
    for entry in entries:
        if (other := first.setdefault(entry.identity, entry)) is not entry:
            reason = f"{entry.path} has the same identity as {other.path}."
            refused.append(IndexRefused(entry.path, entry.sha256, entry.size_bytes, reason))
    return Index(
        schema="kit/index/1",
        contract=CONTRACT,
        bundles=tuple(first.values()),
        refused=tuple(sorted(refused, key=lambda each: each.path)),
    )


def index_bytes(index: Index) -> bytes:
    """index.json: the same index gives the same bytes."""
    document = plain(index)
    check(document, "index", INDEX)
    return write_json(document)


def write_index(folder: Path, index: Index) -> None:
    """Put the index into its folder, whole or not at all."""
    replace_file(folder / INDEX, index_bytes(index))


def read_index(folder: Path) -> Index:
    """The index of a folder as it was written; `InputError` if there is none, or it is none."""
    path = folder / INDEX
    try:
        with path.open("rb") as file:
            data = file.read(MAX_INDEX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}.", "Make it: kit results index"
        ) from None
    if len(data) > MAX_INDEX_BYTES:
        raise InputError(f"{path} is larger than {MAX_INDEX_BYTES >> 20} MiB.", "Make it anew: kit results index")
    return read_document(data, Index, "index", str(path))


def read_archive(path: Path) -> bytes:
    """The bytes of an archive, at most one more than any archive may have."""
    try:
        with path.open("rb") as file:
            return file.read(DEFAULT.compressed_bytes + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from None
