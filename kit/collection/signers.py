"""Who signed a bundle of a folder, by the folder's own list of allowed signers (docs/receiving.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kit.collection.layout import REVOKED, SIGNERS
from kit.documents.index import IndexSigner
from kit.judge.open import RefusedError
from kit.signing import check_signature


@dataclass(frozen=True, slots=True)
class Trusted:
    """Files of ssh-keygen: whose keys have names, and which keys count no more; None is no such file."""

    signers: Path | None = None
    revoked: Path | None = None


def trusted_in(folder: Path, signers: Path | None = None) -> Trusted:
    """The lists in a folder of results; `signers` in place of its own."""
    own, revoked = folder / SIGNERS, folder / REVOKED
    found = signers if signers is not None else own if own.is_file() else None
    return Trusted(found, revoked if revoked.is_file() else None)


def signer_of(
    manifest: bytes, signature: bytes | None, trusted: Trusted, started_utc: str | None, name: str
) -> IndexSigner | None:
    """Who signed the manifest of a bundle; None if nobody did, `RefusedError` if the signature does not count.

    Whether a key was valid is asked for the time at which the run says that it started.
    """
    if signature is None:
        return None
    at = datetime.fromisoformat(started_utc) if started_utc else None
    found = check_signature(manifest, signature, trusted.signers, revoked=trusted.revoked, at=at)
    if found.outcome not in ("known", "unknown") or found.fingerprint is None:
        raise RefusedError(f"The signature of {name} does not count: {found.why}.", "Sign it again: kit sign")
    return IndexSigner(found.name, found.fingerprint)
