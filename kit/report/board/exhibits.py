"""What a board shows: accepted bundles, what was refused and why, figures of others. Plain values."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from kit.catalogue.published import Published
from kit.documents.study import Study
from kit.text import plain_text

SHORT = 12  # digits of an identity that a table shows
FOLDER_DIGITS = 16  # and that name the folder of its page


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One accepted bundle: its study is recomputed from its records.

    `path` is its archive in the results folder, `source` the same as commands name it, `folder` where its page and
    archive lie in the site. `reproduced_by` are the identities of bundles of others that agree.
    """

    path: str
    source: str
    folder: str
    identity: str
    sha256: str
    size_bytes: int
    started_utc: str
    study: Study
    signer: str | None = None
    fingerprint: str | None = None
    challenge: str | None = None
    flags: int = 0
    reproduced_by: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        return f"{self.folder}/index.html"

    @property
    def archive(self) -> str:
        """The archive in the site, by a name that says what it is when it is downloaded."""
        return f"{self.folder}/{archive_name(self.study.name, self.identity)}"

    @property
    def command(self) -> str:
        """What recomputes every number of it."""
        return f"kit verify {shlex.quote(plain_text(self.source, 300))}"


@dataclass(frozen=True, slots=True)
class Refused:
    """What lies in the results folder and is not shown, with the reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Board:
    """All of it. `url` is where it will stand, for the feed; `archives`: they lie in the site, to be downloaded."""

    title: str
    exhibits: tuple[Exhibit, ...]
    refused: tuple[Refused, ...] = ()
    published: tuple[Published, ...] = ()
    url: str = ""
    archives: bool = True


def archive_name(platform: str, identity: str) -> str:
    """`demo-0123456789ab.tar.gz`; names of platforms are [a-z0-9._-] in every accepted plan, others are left out."""
    kept = "".join(c for c in platform if c in "abcdefghijklmnopqrstuvwxyz0123456789-_")[:60]
    return f"{kept or 'bundle'}-{identity[:SHORT]}.tar.gz"


def folder_names(identities: Sequence[str]) -> dict[str, str]:
    """The folder of each bundle's page: 16 digits of its identity, or all where somebody made two that begin alike."""
    short = [identity[:FOLDER_DIGITS] for identity in identities]
    return {
        identity: f"bundles/{identity if short.count(start) > 1 else start}"
        for identity, start in zip(identities, short, strict=True)
    }
