"""What a board shows: accepted bundles, what was refused and why, figures of others. Plain values."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from kit.catalogue.published import Published
from kit.documents.index import IndexEntry, IndexRefused
from kit.documents.study import Study
from kit.text import plain_text

BUNDLES = "bundles"
SHORT = 12  # digits of an identity that a table shows
FOLDER_DIGITS = 16  # and that name the folder of its page
LONG_AGO = "1970-01-01T00:00:00Z"  # where nobody states a time: no clock is asked


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One accepted bundle: its line in the index, and its study, recomputed from its records.

    `source` is its archive as commands name it, `folder` where its page and archive lie in the site.
    """

    entry: IndexEntry
    study: Study
    source: str
    folder: str

    @property
    def identity(self) -> str:
        return self.entry.identity

    @property
    def started_utc(self) -> str:
        return self.entry.started_utc or LONG_AGO

    @property
    def signer(self) -> str | None:
        """The name that the list of allowed signers has for the key; None without one."""
        return self.entry.signer.name if self.entry.signer else None

    @property
    def fingerprint(self) -> str | None:
        return self.entry.signer.fingerprint if self.entry.signer else None

    @property
    def page(self) -> str:
        return f"{self.folder}/index.html"

    @property
    def archive(self) -> str:
        """The archive in the site, by a name that says what it is when it is downloaded."""
        return f"{self.folder}/{archive_name(self.entry.platform, self.identity)}"

    @property
    def command(self) -> str:
        """What recomputes every number of it."""
        return f"kit verify {shlex.quote(plain_text(self.source, 300))}"


@dataclass(frozen=True, slots=True)
class Board:
    """All of it. `url` is where it will stand, for the feed; `archives`: the site has them for download."""

    title: str
    exhibits: tuple[Exhibit, ...]
    refused: tuple[IndexRefused, ...] = ()
    published: tuple[Published, ...] = ()
    url: str = ""
    archives: bool = True


def archive_name(platform: str, identity: str) -> str:
    """`demo-0123456789ab.tar.gz`: of the platform's name only what is harmless in a path."""
    kept = "".join(c for c in platform if c in "abcdefghijklmnopqrstuvwxyz0123456789-_")[:60]
    return f"{kept or 'bundle'}-{identity[:SHORT]}.tar.gz"


def folder_of(identity: str, taken: Collection[str]) -> str:
    """The folder of a bundle's page: 16 digits of its identity, or all where another bundle has that one."""
    short = f"{BUNDLES}/{identity[:FOLDER_DIGITS]}"
    return f"{BUNDLES}/{identity}" if short in taken else short
