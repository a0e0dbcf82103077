"""The files of a board on disk: written beside what others put there, and without what an older board left."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

from kit.cli._shared.options import write_file
from kit.cli.report import page_inputs
from kit.collection.entry import opened_bundle
from kit.collection.index import MAX_REASON_CHARS, Seen, index_bytes, index_of, seen_as
from kit.collection.layout import archives_in, signature_of
from kit.collection.signers import Trusted
from kit.cpus import usable_cpus
from kit.documents.index import Index, IndexEntry, IndexRefused
from kit.documents.study import Study
from kit.errors import InputError, KitError
from kit.judge.open import RefusedError
from kit.report.board.exhibits import BUNDLES, Exhibit, folder_of
from kit.report.board.site import MARK
from kit.report.page.report import MARK as REPORT_MARK
from kit.report.page.report import Back, page_of
from kit.signing import read_signature
from kit.storage.bundle import read_archive
from kit.text import plain_text

BOARD, FEED, INDEX = "index.html", "feed.xml", "index.json"
MIN_FOR_EACH = 4  # bundles for each process: to start one costs as much as to verify and draw one
_IDENTITY = re.compile(r"[0-9a-f]{16}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Results:
    """The folder of results, who signed there, and the title of the board that its pages lead back to."""

    folder: Path
    trusted: Trusted
    title: str

    def source(self, path: str) -> str:
        """An archive as commands name it, seen from beside the folder."""
        return f"{self.folder.resolve().name}/{path}"


@dataclass(frozen=True, slots=True)
class Made:
    """One archive of the folder: its line in the index, or why it has none; its study and page if it is shown."""

    seen: Seen
    study: Study | None = None
    page: str = ""


@dataclass(slots=True)
class Site:
    """A board in the making: of bundles only what the board shows is kept.

    `InputError` if there is something in `out` that no board of ours left there.
    """

    results: Results
    out: Path
    archives: bool
    seen: list[Seen] = field(default_factory=list)
    studies: dict[str, Study] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.out.exists() and not (self.out.is_dir() and (not any(self.out.iterdir()) or self._is_ours())):
            raise InputError(
                f"{self.out} exists and was not written by kit site.", "Give another folder with -o, or empty it."
            )

    def _is_ours(self) -> bool:
        return MARK in _first_line(self.out / BOARD)

    def add_bundles(self) -> Iterator[Path]:
        """Verify every bundle of the folder and write its page; gives the page of each that is accepted."""
        for made in _all_made(self.results):
            self.seen.append(made.seen)
            entry = made.seen.entry
            if entry is not None and made.study is not None and entry.identity not in self.studies:
                yield self._add(entry, made.study, made.page)

    def _add(self, entry: IndexEntry, study: Study, page: str) -> Path:
        self.studies[entry.identity] = study
        self.folders[entry.identity] = folder_of(entry.identity, self.folders.values())
        shown = self._exhibit(entry)
        write_file(self.out / shown.page, page.encode())
        if self.archives:
            archive = self.results.folder / entry.path
            write_file(self.out / shown.archive, read_archive(archive))
            if entry.signer is not None:
                write_file(signature_of(self.out / shown.archive), read_signature(signature_of(archive)))
        return self.out / shown.page

    def index(self) -> Index:
        """The index of what was seen, as `kit results index` makes it."""
        return index_of(self.seen)

    def exhibits(self, index: Index) -> tuple[Exhibit, ...]:
        """What the board shows, in the order of the index."""
        return tuple(map(self._exhibit, index.bundles))

    def _exhibit(self, entry: IndexEntry) -> Exhibit:
        identity = entry.identity
        return Exhibit(entry, self.studies[identity], self.results.source(entry.path), self.folders[identity])

    def finish(self, page: str, feed: str, index: Index) -> None:
        """Write what is of the whole board, and remove pages of bundles that are no longer there."""
        write_file(self.out / INDEX, index_bytes(index))
        write_file(self.out / FEED, feed.encode())
        write_file(self.out / BOARD, page.encode())
        kept = {self.out / folder for folder in self.folders.values()}
        for folder in sorted((self.out / BUNDLES).glob("*")):
            if folder not in kept and _was_ours(folder):
                shutil.rmtree(folder)


# --- one bundle, many on all CPUs -------------------------------------------------------------------------


def _all_made(results: Results) -> Iterator[Made]:
    paths = archives_in(results.folder)
    workers = min(usable_cpus(), len(paths) // MIN_FOR_EACH)
    if workers < 2:
        yield from (_made(results, path) for path in paths)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(_made, [results] * len(paths), paths)


def _made(results: Results, path: PurePosixPath) -> Made:
    """One archive: verified, its signature checked, its page drawn."""
    archive = read_archive(results.folder / path)
    beside = signature_of(results.folder / path)
    try:
        opened = opened_bundle(archive, str(path))
        signature = read_signature(beside) if beside.is_file() and not beside.is_symlink() else None
    except (InputError, RefusedError) as error:
        return _refused(path, archive, error)
    try:
        seen = seen_as(opened, signature, results.trusted)
    except RefusedError as error:  # where signatures cannot be checked at all, there is no board
        return _refused(path, archive, error)
    source = results.source(str(path))
    given = [replace(each, source=source) for each in page_inputs([(Path(source), opened.opened)])]
    page = page_of(given, Back(f"../../{BOARD}", results.title))
    return Made(seen, opened.opened.study, page)


def _refused(path: PurePosixPath, archive: bytes, error: KitError) -> Made:
    reason = plain_text(error.what, MAX_REASON_CHARS)
    return Made(Seen(None, IndexRefused(str(path), sha256(archive).hexdigest(), len(archive), reason)))


def _was_ours(folder: Path) -> bool:
    """Whether an older board left this folder: by its name and the first line of its page."""
    named = bool(_IDENTITY.fullmatch(folder.name)) and not folder.is_symlink()
    return named and REPORT_MARK in _first_line(folder / BOARD)


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.readline(200).decode("utf-8", "replace")
    except OSError:
        return ""
