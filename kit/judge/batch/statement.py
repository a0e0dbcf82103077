"""From a verdict to a statement: the same bundle and the same kit give the same bytes, on every machine."""

from __future__ import annotations

from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path

from kit import __version__
from kit.assets import asset
from kit.documents import Verdict
from kit.judge.batch.documents import (
    PREDICATE,
    STATEMENT,
    VERIFIER,
    Digest,
    Policy,
    Predicate,
    Statement,
    StatementSubject,
    Verifier,
)
from kit.storage.names import MANIFEST, RESULT
from kit.strict import write_json
from kit.strict.schema import DOCUMENTS, SHARED
from kit.verify.registry import RULES

NOTHING = sha256(b"").hexdigest()


@cache
def policy() -> Policy:
    """The digest of what is demanded: id, level and words of every rule in order, and every schema file."""
    rules = [[each.id, each.level, each.demand, each.counts, each.bundles_only] for each in RULES]
    schemas = {
        name: sha256(asset("schemas", f"{name}.v1.json").read_bytes()).hexdigest()
        for name in sorted(DOCUMENTS | {SHARED})
    }
    return Policy(Digest(sha256(write_json({"rules": rules, "schemas": schemas})).hexdigest()))


def verifier() -> Verifier:
    return Verifier(VERIFIER, __version__)


def statement(name: str, path: Path, verdict: Verdict) -> Statement:
    """What `verdict` says of the bundle or run folder at `path`, which is called `name`."""
    return Statement(
        _type=STATEMENT,
        subject=(_subject(name, path, verdict),),
        predicateType=PREDICATE,
        predicate=Predicate(
            name=name,
            verifier=Verifier(VERIFIER, verdict.kit_version),
            policy=policy(),
            identity=verdict.identity,
            label=verdict.label,
            checked=verdict.checked,
            findings=verdict.findings,
            signature=verdict.signature,
        ),
    )


def _subject(name: str, path: Path, verdict: Verdict) -> StatementSubject:
    if verdict.identity is not None:
        return StatementSubject(MANIFEST, Digest(verdict.identity))
    if path.is_dir():
        return StatementSubject(RESULT, Digest(_sha256(path / RESULT)))
    return StatementSubject(name.rsplit("/", 1)[-1], Digest(_sha256(path)))


def _sha256(path: Path) -> str:
    """Of a file; of no bytes where it cannot be read, which is why it was rejected."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return NOTHING
