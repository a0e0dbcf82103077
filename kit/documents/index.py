"""The index of a folder of results: what is in it, made from the bundles alone (docs/receiving.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Sparse
from kit.documents.study import Machine


@dataclass(frozen=True, slots=True)
class IndexMachine:
    """What a bundle was measured on: the name of its folder, a few words, and the facts."""

    slug: str
    text: str
    facts: Machine | None


@dataclass(frozen=True, slots=True)
class IndexSigner:
    """Whose key signed a bundle; `name` is that in the list of allowed signers, None if the key is not in it."""

    name: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class IndexFindings:
    """How many findings verification has; a bundle with one that rejects is among the refused."""

    flags: int
    notes: int


@dataclass(frozen=True, slots=True)
class IndexCard(Sparse):
    """One entry at one number of users: medians over the replicates that were measured; None is no data.

    "incomplete": only some of the planned replicates were measured; "failed": none was, and `reason` says why.
    `suspect` holds why the figures may not be the server's; `at_least`: that can only have lowered the rates.
    `shape` is the kind of request, where there are several.
    """

    entry: str
    runtime: str
    variant: str | None
    model: str | None
    users: int
    status: Literal["measured", "incomplete", "failed"]
    replicates: int
    measured: int
    throughput_tok_s: float | None
    ttft_p50_ms: float | None
    itl_p50_ms: float | None
    error_rate: float | None
    grade: str | None
    suspect: tuple[str, ...]
    at_least: bool
    reason: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class IndexEntry(Sparse):
    """One bundle of the folder.

    `path` is that of its archive in the folder; `sha256` and `size_bytes` are of the archive, `identity` is that
    of the bundle. `reproduced_by` are the identities of bundles of others that measured the same and agree.
    """

    path: str
    identity: str
    sha256: str
    size_bytes: int
    platform: str
    title: str
    plan_sha256: str
    machine: IndexMachine
    label: Literal["self-reported", "consistent"]
    signer: IndexSigner | None
    challenge: str | None
    started_utc: str | None
    kit_version: str
    cards: tuple[IndexCard, ...]
    findings: IndexFindings
    reproduced_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexRefused:
    """An archive of the folder that is no result: verification refuses it, or it is in the folder twice."""

    path: str
    sha256: str
    size_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Index:
    """index.json: every archive of a folder, sorted by path. The same files give the same bytes.

    `contract` names the contract of the grades.
    """

    schema: Literal["kit/index/1"]
    contract: str
    bundles: tuple[IndexEntry, ...]
    refused: tuple[IndexRefused, ...]
