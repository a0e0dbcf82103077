"""Who signed a bundle of a folder, by the folder's own list of allowed signers (docs/publishing.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kit.collection.layout import REVOKED, SIGNERS
from kit.documents.index import IndexSigner
from kit.judge.open import RefusedError
from kit.signing.bundle import bundle_signature


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
    files: Mapping[str, bytes], signature: bytes | None, trusted: Trusted, name: str
) -> IndexSigner | None:
    """Who signed these files of a bundle; None if nobody did, `RefusedError` if the signature is not worth a thing."""
    if signature is None:
        return None
    found = bundle_signature(files, signature, trusted.signers, trusted.revoked)
    if found.outcome not in ("known", "unknown") or found.fingerprint is None:
        raise RefusedError(f"The signature of {name} does not count: {found.why}.", "Sign it anew: kit sign")
    return IndexSigner(found.name, found.fingerprint)
