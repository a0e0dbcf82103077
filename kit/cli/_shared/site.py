"""The files of a board on disk: written beside what others put there, and without what an older board left."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from kit.cli._shared.options import write_file
from kit.cli.report import page_inputs
from kit.collection.entry import OpenedBundle, opened_bundle
from kit.collection.index import MAX_REASON_CHARS, Seen, index_bytes, index_of, seen_as
from kit.collection.layout import archives_in, signature_of
from kit.collection.signers import Trusted
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
_IDENTITY = re.compile(r"[0-9a-f]{16}|[0-9a-f]{64}")


@dataclass(slots=True)
class Site:
    """A board in the making: bundles are opened one after the other, and only what the board shows is kept.

    `InputError` if there is something in `out` that no board of ours left there.
    """

    results: Path
    out: Path
    trusted: Trusted
    title: str
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
        for path in archives_in(self.results):
            archive = read_archive(self.results / path)
            beside = signature_of(self.results / path)
            try:
                opened = opened_bundle(archive, str(path))
                signature = read_signature(beside) if beside.is_file() and not beside.is_symlink() else None
            except (InputError, RefusedError) as error:
                self._refuse(str(path), archive, error)
                continue
            try:
                seen = seen_as(opened, signature, self.trusted)
            except RefusedError as error:  # where signatures cannot be checked at all, there is no board
                self._refuse(str(path), archive, error)
                continue
            self.seen.append(seen)
            if opened.entry.identity not in self.studies:
                yield self._add(opened, archive, signature)

    def _refuse(self, path: str, archive: bytes, error: KitError) -> None:
        reason = plain_text(error.what, MAX_REASON_CHARS)
        self.seen.append(Seen(None, IndexRefused(path, sha256(archive).hexdigest(), len(archive), reason)))

    def _add(self, opened: OpenedBundle, archive: bytes, signature: bytes | None) -> Path:
        identity = opened.entry.identity
        self.studies[identity] = opened.opened.study
        self.folders[identity] = folder_of(identity, self.folders.values())
        shown = self._exhibit(opened.entry)
        (given,) = page_inputs([(Path(shown.source), opened.opened)])
        page = self.out / shown.page
        write_file(page, page_of(replace(given, source=shown.source), Back("../../" + BOARD, self.title)).encode())
        if self.archives:
            write_file(self.out / shown.archive, archive)
            if signature is not None:
                write_file(signature_of(self.out / shown.archive), signature)
        return page

    def _source(self, path: str) -> str:
        """An archive as commands name it, seen from beside the folder of results."""
        return f"{self.results.resolve().name}/{path}"

    def index(self) -> Index:
        """The index of what was seen, as `kit results index` makes it."""
        return index_of(self.seen)

    def exhibits(self, index: Index) -> tuple[Exhibit, ...]:
        """What the board shows, in the order of the index."""
        return tuple(map(self._exhibit, index.bundles))

    def _exhibit(self, entry: IndexEntry) -> Exhibit:
        identity = entry.identity
        return Exhibit(entry, self.studies[identity], self._source(entry.path), self.folders[identity])

    def finish(self, page: str, feed: str, index: Index) -> None:
        """Write what is of the whole board, and remove pages of bundles that are no longer there."""
        write_file(self.out / INDEX, index_bytes(index))
        write_file(self.out / FEED, feed.encode())
        write_file(self.out / BOARD, page.encode())
        kept = {self.out / folder for folder in self.folders.values()}
        for folder in sorted((self.out / BUNDLES).glob("*")):
            if folder not in kept and _was_ours(folder):
                shutil.rmtree(folder)


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
