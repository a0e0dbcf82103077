"""What many verdicts are written as: statements in the form of in-toto, and the document that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit.documents import Finding, Signature
from kit.documents.pins import Sparse
from kit.judge.reproduction import Reproduction

STATEMENT: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE: Literal["urn:kit:predicate:verification:1"] = "urn:kit:predicate:verification:1"
VERIFIER: Literal["urn:kit:verifier"] = "urn:kit:verifier"


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest as in-toto writes it: the algorithm is the key."""

    sha256: str


@dataclass(frozen=True, slots=True)
class StatementSubject:
    """The file that a statement is about: `manifest.json` of a bundle, whose sha256 is the bundle's identity.

    The archive itself where it has no manifest that could be read; `result.json` of a run folder.
    """

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who judged: this program, in this version."""

    id: Literal["urn:kit:verifier"]
    version: str


@dataclass(frozen=True, slots=True)
class Policy:
    """By what was judged: the digest of all rules and schemas (kit.judge.batch.statement)."""

    digest: Digest


@dataclass(frozen=True, slots=True)
class Predicate(Sparse):
    """What was found: as `kit/verdict/1`, with the bundle's name, verifier and policy.

    `checked` holds the rules that ran to their end, with how many things each looked at; `signature` is there only
    where somebody asked who signed.
    """

    name: str
    verifier: Verifier
    policy: Policy
    identity: str | None
    label: Literal["rejected", "self-reported", "consistent"]
    checked: Mapping[str, int]
    findings: tuple[Finding, ...]
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """An in-toto Statement: about which bytes, of what kind, and what is stated."""

    _type: Literal["https://in-toto.io/Statement/v1"]
    subject: tuple[StatementSubject, ...]
    predicateType: Literal["urn:kit:predicate:verification:1"]  # noqa: N815 - in-toto's name
    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `index` of `of`, from 1."""

    index: int
    of: int


@dataclass(frozen=True, slots=True)
class WholeSet:
    """All bundles of which this may be a part: how many, and the sha256 of their sorted names, one a line."""

    count: int
    names_sha256: str


@dataclass(frozen=True, slots=True)
class Verdicts(Sparse):
    """Many verdicts by one verifier, sorted by name. The same bundles and the same kit give the same bytes.

    `shard` says which part of the set this is; without it, it is all. `passed_over` are links; none is followed.
    """

    schema: Literal["kit/verdicts/1"]
    verifier: Verifier
    policy: Policy
    whole: WholeSet
    statements: tuple[Statement, ...]
    shard: Shard | None = None
    passed_over: tuple[str, ...] = ()
    reproduction: Reproduction | None = None
