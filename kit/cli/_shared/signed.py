"""Who signed a bundle: the options of `kit verify` about signatures, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from kit.documents import Verdict

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
REFUSED = ("bad", "revoked")  # a signature that is worse than none


@dataclass(frozen=True, slots=True)
class SignatureOptions:
    """Allowed signers, the signature (None: the one beside the bundle) and the list of revoked keys."""

    signers: Path | None
    signature: Path | None
    revoked: Path | None

    @property
    def asked(self) -> bool:
        """Whether somebody wants to know who signed."""
        return self.signers is not None or self.signature is not None

    def checked(self) -> SignatureOptions:
        """These options; `UsageError` if one of them needs another."""
        if self.revoked is not None and not self.asked:
            raise click.UsageError("--revoked needs --signers.")
        return self


def signature_options(function: F) -> F:
    """--signers, --signature and --revoked."""
    for option in (
        click.option("--revoked", type=FILE, metavar="FILE", help="Revoked keys: a KRL or public keys."),
        click.option("--signature", type=FILE, metavar="FILE", help="The signature; default BUNDLE.sig."),
        click.option("--signers", type=FILE, metavar="FILE", help="Say who signed, by these allowed signers."),
    ):
        function = option(function)
    return function


def with_signature(verdict: Verdict, bundle: Path, data: bytes, options: SignatureOptions) -> Verdict:
    """The verdict on a bundle (its file and bytes) with what its signature is worth; label and findings stay."""
    from kit.documents import Signature
    from kit.signing import bundle_signature, read_signature, signature_beside
    from kit.storage.archive import ArchiveError, unpack

    beside = signature_beside(bundle)
    file = options.signature or (beside if beside.is_file() else None)
    signature = None if file is None else read_signature(file)
    try:
        files = unpack(data)
    except ArchiveError:
        unreadable = Signature("bad", why="the archive cannot be read")
        return replace(verdict, signature=unreadable) if signature else verdict
    return replace(verdict, signature=bundle_signature(files, signature, options.signers, options.revoked))


def is_refused(verdict: Verdict) -> bool:
    """Whether the command ends with exit code 1: rejected, or signed badly."""
    signed = verdict.signature
    return verdict.label == "rejected" or (signed is not None and signed.outcome in REFUSED)
