"""How a bundle comes into a folder of results: verified, new, and no copy of another; all of it or nothing."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile

from kit.collection.entry import OpenedBundle, opened_bundle
from kit.collection.fingerprints import Fingerprints, Likeness, fingerprints_of, likeness
from kit.collection.index import Seen, index_bytes, index_of, seen_as, seen_in
from kit.collection.layout import ARCHIVE, ARCHIVE_SUFFIX, INDEX, SIGNATURE, VIEW, is_place, place
from kit.collection.signers import Trusted
from kit.documents.index import Index, IndexEntry
from kit.errors import InputError, KitError, StorageError
from kit.judge.limited import judge_limited
from kit.judge.open import RefusedError
from kit.storage.bundle import read_archive
from kit.storage.whole import replace_file
from kit.strict import plain, write_json

# Makes the report of an archive in a folder: (the archive, the folder).
WriteReport = Callable[[Path, Path], object]
PART = ".part-"  # what a folder is called until it is whole; hidden, so no index sees it


@dataclass(frozen=True, slots=True)
class Offered:
    """A bundle that somebody wants in a folder; `name` is what to call it in words."""

    archive: bytes
    signature: bytes | None
    name: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A bundle that may come in: its line in the index, its folder there, and the index with it."""

    entry: IndexEntry
    home: PurePosixPath
    index: Index


@dataclass(frozen=True, slots=True)
class _New:
    """A bundle that verification accepts: what it is called, its line, and what tells a copy of it."""

    name: str
    entry: IndexEntry
    seen: Seen
    marks: Fingerprints


def accepted(folder: Path, offered: Offered, trusted: Trusted) -> Accepted:
    """What comes in if this bundle does; nothing is written.

    `RefusedError` says why it may not: verification refuses it, its signature is wrong, it is there already, or it
    was made from one that is.
    """
    (found,) = all_accepted(folder, [offered], trusted)
    if isinstance(found, KitError):
        raise found
    return found


def all_accepted(folder: Path, offered: Sequence[Offered], trusted: Trusted) -> list[Accepted | KitError]:
    """For each of several bundles what comes in if it alone does, or why it may not: none is a copy of another."""
    tried = [_tried(each, trusted) for each in offered]
    new = [each for each in tried if isinstance(each, _New)]
    found = seen_in(folder, trusted, [each.marks for each in new]) if new and folder.is_dir() else []
    at = iter(range(len(new)))
    return [each if isinstance(each, KitError) else _judged(new, next(at), found) for each in tried]


def _tried(offered: Offered, trusted: Trusted) -> _New | KitError:
    try:
        opened = _opened(offered)
        mine = seen_as(opened, offered.signature, trusted)
    except KitError as error:
        return error
    return _New(offered.name, mine.entry or opened.entry, mine, fingerprints_of(opened.evidence))


def _judged(new: Sequence[_New], at: int, found: Sequence[Seen]) -> Accepted | KitError:
    mine = new[at]
    known = [(each.entry, each.likeness[at]) for each in found if each.entry is not None]
    known += [(each.entry, likeness(mine.marks, each.marks)) for each in new if each is not mine]
    refusal = _refusal(mine.name, mine.entry, known)
    if refusal is not None:
        return refusal
    return Accepted(mine.entry, PurePosixPath(mine.entry.path).parent, index_of([*found, mine.seen]))


def add(folder: Path, offered: Offered, trusted: Trusted, write_report: WriteReport) -> Accepted:
    """Take a bundle into a folder: archive, signature, view and report, and rebuild the index.

    `RefusedError` as of `accepted`; `InputError` if another intake is at work. Whatever fails, and whenever this
    process is killed, the folder holds the bundle whole or not at all.
    """
    _make(folder)
    with locked(folder):
        _sweep(folder)
        found = accepted(folder, offered, trusted)
        home = folder / found.home
        if home.exists() or home.is_symlink():
            raise InputError(f"{home} exists and is no bundle of the index.", "Look into it, and remove it.")
        data = index_bytes(found.index)
        try:
            with _staged(home) as part:
                _fill(part, offered, write_report)
                _move(part, home)
                replace_file(folder / INDEX, data)
        except BaseException:
            _take_back(folder, home, data)
            raise
    return found


def complete(folder: Path, index: Index, write_report: WriteReport) -> tuple[PurePosixPath, ...]:
    """Make view and report of the bundles in their places that have none yet; the folders that got them."""
    homes = [PurePosixPath(entry.path).parent for entry in index.bundles]
    lacking = [home for home in homes if is_place(home) and not (folder / home / VIEW).exists()]
    for home in lacking:
        with _staged(folder / home) as part:
            _fill(part, Offered(read_archive(folder / home / ARCHIVE), None, str(home)), write_report)
            made = sorted(path.relative_to(part) for path in part.rglob("*") if path.is_file())
            # the view comes last: where it stands, all is there
            for path in sorted(made, key=lambda path: path.name == VIEW):
                if path.name != ARCHIVE:
                    (folder / home / path).parent.mkdir(exist_ok=True)
                    (part / path).replace(folder / home / path)
            shutil.rmtree(part)
    return tuple(lacking)


def write_view(archive: bytes, name: str, path: Path) -> None:
    """The figures of a bundle as the kit reads them, as a study of it (schemas/study.v1.json)."""
    path.write_bytes(write_json(plain(opened_bundle(archive, name).opened.study)))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have the folder alone; `InputError` if somebody else has it. A process that ends lets go."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"Another intake is at work in {folder}.", "Wait until it has ended.") from None
        yield
    finally:
        os.close(descriptor)


def _opened(offered: Offered) -> OpenedBundle:
    """A bundle with its place, after a process with limits has accepted it: it comes from a stranger."""
    with NamedTemporaryFile(prefix="kit-", suffix=ARCHIVE_SUFFIX) as file:
        file.write(offered.archive)
        file.flush()
        verdict = judge_limited(Path(file.name))
    if verdict.label == "rejected":
        first = verdict.findings[0]
        raise RefusedError(
            f"{offered.name} was rejected by verification ({first.rule}: {first.where}: {first.message}).",
            f"All findings: kit verify {offered.name}",
        )
    new = opened_bundle(offered.archive, offered.name)
    home = place(new.entry.platform, new.opened.study.machine, new.entry.identity)
    return replace(new, entry=replace(new.entry, path=str(home / ARCHIVE)))


def _refusal(name: str, new: IndexEntry, known: Sequence[tuple[IndexEntry, Likeness]]) -> RefusedError | None:
    """Why a bundle may not come in: one of the others is the same, or one of the two was made from the other."""
    for other, _ in known:
        if other.identity == new.identity:
            what = f"{name} is in the results already: {other.path} (identity {other.identity})."
            return RefusedError(what, "There is nothing to do.")
    for other, like in known:
        if like.is_copy:
            what = f"{name} holds measurements of {other.path} (identity {other.identity}): {_words(like)}."
            return RefusedError(what, "Measure again: results are taken once, and not edited.")
    return None


def _words(found: Likeness) -> str:
    files = f"{found.files} identical file{'s' * (found.files != 1)} of records"
    starts = f"{found.starts} load{'s' * (found.starts != 1)} begun in the same microsecond"
    requests = f"{found.matches} of {found.requests} requests with the same times between their chunks"
    kinds = ((files, found.files), (starts, found.starts), (requests, found.matches))
    return ", ".join(words for words, count in kinds if count)


# --- on the disk --------------------------------------------------------------------------------------------


def _take_back(folder: Path, home: Path, data: bytes) -> None:
    """Undo an intake that ended before the index had it; first by one rename, so that no half of it is left."""
    index = folder / INDEX
    if not home.is_dir() or (index.is_file() and index.read_bytes() == data):
        return
    part = home.with_name(PART + home.name)
    home.rename(part)
    shutil.rmtree(part, ignore_errors=True)
    _remove_empty(home.parent, home.parent.parent)


def _remove_empty(*folders: Path) -> None:
    for each in folders:
        with suppress(OSError):
            each.rmdir()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made: {error.strerror}.", "Name another folder.") from None


def _sweep(folder: Path) -> None:
    """Remove what intakes that were killed have left."""
    for part in folder.glob(f"*/*/{PART}*"):
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _staged(home: Path) -> Iterator[Path]:
    """A folder beside the future one; it goes, with folders that hold nothing without it, unless it was moved."""
    part = home.with_name(PART + home.name)
    try:
        part.mkdir(parents=True)
        yield part
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        _remove_empty(home.parent, home.parent.parent)
        raise


def _fill(part: Path, offered: Offered, write_report: WriteReport) -> None:
    archive = part / ARCHIVE
    archive.write_bytes(offered.archive)
    if offered.signature is not None:
        (part / SIGNATURE).write_bytes(offered.signature)
    write_view(offered.archive, offered.name, part / VIEW)
    write_report(archive, part)


def _move(part: Path, home: Path) -> None:
    for path in sorted(part.rglob("*")):
        if path.is_file():
            _sync(path)
    part.rename(home)
    _sync(home.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
