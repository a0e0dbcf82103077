"""The index of a folder of results: made from the bundles, written and read strictly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

from kit.collection.entry import CONTRACT, OpenedBundle, opened_bundle
from kit.collection.fingerprints import Fingerprints, Likeness, fingerprints_of, likeness
from kit.collection.layout import INDEX, archives_in, signature_of
from kit.collection.signers import Trusted, signer_of, trusted_in
from kit.cpus import usable_cpus
from kit.documents.index import Index, IndexEntry, IndexRefused
from kit.errors import InputError, KitError
from kit.judge.open import RefusedError
from kit.judge.reproduction import Party, party_of, reproduction
from kit.signing import read_signature
from kit.storage.bundle import read_archive
from kit.storage.names import MANIFEST
from kit.storage.run_folder import read_document
from kit.storage.whole import read_bounded, replace_file
from kit.strict import plain, write_json
from kit.strict.schema import check
from kit.text import plain_text
from kit.verify.evidence import Evidence

MAX_INDEX_BYTES = 256 << 20
MAX_REASON_CHARS = 400
MIN_FOR_EACH = 8  # archives for each process: to start one costs as much as to verify two or three small ones


@dataclass(frozen=True, slots=True)
class Seen:
    """One archive of a folder: its line in the index, or why it has none.

    `party` is what is compared with other runs of its plan, `likeness` how much of each new bundle is in it.
    """

    entry: IndexEntry | None
    refused: IndexRefused | None = None
    party: Party | None = None
    likeness: tuple[Likeness, ...] = ()


def make_index(folder: Path, signers: Path | None = None) -> Index:
    """The index of a folder, from its bundles and signatures alone. Nothing is written.

    `signers` are the allowed signers, in place of the file of the folder.
    """
    return index_of(seen_in(folder, trusted_in(folder, signers)))


def seen_in(folder: Path, trusted: Trusted, new: Sequence[Fingerprints] = ()) -> list[Seen]:
    """All archives of a folder, verified, and how much of new bundles is in each; many on all CPUs."""
    paths = archives_in(folder)
    workers = min(usable_cpus(), len(paths) // MIN_FOR_EACH)
    if workers < 2:
        return [seen(folder, path, trusted, new) for path in paths]
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (folder, trusted, new)) as pool:
        return list(pool.map(_seen, paths))


# What a process of the pool is told once: fingerprints are long.
_TASK: list[tuple[Path, Trusted, Sequence[Fingerprints]]] = []


def _begin(folder: Path, trusted: Trusted, new: Sequence[Fingerprints]) -> None:
    _TASK.append((folder, trusted, new))


def _seen(path: PurePosixPath) -> Seen:
    folder, trusted, new = _TASK[0]
    return seen(folder, path, trusted, new)


def seen(folder: Path, path: PurePosixPath, trusted: Trusted, new: Sequence[Fingerprints] = ()) -> Seen:
    """One archive of the folder, verified."""
    archive = read_archive(folder / path)
    beside = signature_of(folder / path)
    try:
        opened = opened_bundle(archive, str(path))
        signature = read_signature(beside) if beside.is_file() and not beside.is_symlink() else None
    except (InputError, RefusedError) as error:
        return _refused(path, archive, error)
    try:
        return seen_as(opened, signature, trusted, new)
    except RefusedError as error:  # where signatures cannot be checked at all, there is no index
        return _refused(path, archive, error)


def _refused(path: PurePosixPath, archive: bytes, error: KitError) -> Seen:
    reason = plain_text(error.what, MAX_REASON_CHARS)
    return Seen(None, IndexRefused(str(path), sha256(archive).hexdigest(), len(archive), reason))


def seen_as(
    opened: OpenedBundle, signature: bytes | None, trusted: Trusted, new: Sequence[Fingerprints] = ()
) -> Seen:
    """An opened bundle with its signer; `RefusedError` if its signature is wrong."""
    manifest, entry = opened.evidence.files[MANIFEST], opened.entry
    signer = signer_of(manifest, signature, trusted, entry.started_utc, entry.path)
    like = _likeness(new, opened.evidence) if new else ()
    return Seen(
        entry=replace(entry, signer=signer),
        party=party_of(opened.opened, signer.name if signer else None),
        likeness=like,
    )


def _likeness(new: Sequence[Fingerprints], evidence: Evidence) -> tuple[Likeness, ...]:
    own = fingerprints_of(evidence)
    return tuple(likeness(each, own) for each in new)


def index_of(found: Sequence[Seen]) -> Index:
    """The index of what was found in a folder; of several archives of one identity the first by path counts."""
    refused = [each.refused for each in found if each.refused]
    first: dict[str, Seen] = {}
    for each in sorted(found, key=lambda each: each.entry.path if each.entry else ""):
        if each.entry is None:
            continue
        other = first.setdefault(each.entry.identity, each).entry
        if other is not None and other is not each.entry:
            reason = f"{each.entry.path} has the same identity as {other.path}."
            refused.append(IndexRefused(each.entry.path, each.entry.sha256, each.entry.size_bytes, reason))
    return Index(
        schema="kit/index/1",
        contract=CONTRACT,
        bundles=tuple(_reproduced(tuple(first.values()))),
        refused=tuple(sorted(refused, key=lambda each: each.path)),
    )


def _reproduced(found: Sequence[Seen]) -> Iterator[IndexEntry]:
    """The lines of the index, each with those that reproduced it; only runs of one plan are compared."""
    plans: dict[str, list[tuple[str, Party]]] = {}
    for each in found:
        if each.entry is not None and each.party is not None:
            plans.setdefault(each.party.digest, []).append((each.entry.identity, each.party))
    for each in found:
        if each.entry is None:
            continue
        mine = each.party
        others = plans.get(mine.digest, []) if mine is not None and mine.signer is not None else []
        agree = [
            identity
            for identity, party in others
            if mine is not None
            and party.signer not in (None, mine.signer)
            and reproduction(mine, party).outcome == "reproduced"
        ]
        yield replace(each.entry, reproduced_by=tuple(sorted(agree)))


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
    data = read_bounded(path, MAX_INDEX_BYTES, "Build it: kit results index")
    if len(data) > MAX_INDEX_BYTES:
        raise InputError(f"{path} is larger than {MAX_INDEX_BYTES >> 20} MiB.", "Rebuild it: kit results index")
    return read_document(data, Index, "index", str(path))
