"""kit fetch: bundles from a registry, a branch, an address or a file, verified here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_document
from kit.cli._shared.signed import is_refused
from kit.cli.publishing.publish import plain_http_option
from kit.text import plain_text

if TYPE_CHECKING:
    from kit.documents import Signature
    from kit.publish.fetching import Arrived

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_RANK = ("known", "unknown", "revoked", "bad")


@click.command("fetch")
@click.argument("reference", metavar="REF")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder; default this one.",
)
@click.option("--signers", type=FILE, metavar="FILE", help="Say who signed, by these allowed signers.")
@click.option("--revoked", type=FILE, metavar="FILE", help="Revoked keys: a KRL or public keys.")
@click.option("--sha256", metavar="HEX", help="What the file behind an https address must have.")
@plain_http_option
@json_option
def command(
    reference: str,
    out: Path | None,
    signers: Path | None,
    revoked: Path | None,
    sha256: str | None,
    plain_http: bool,
    as_json: bool,
) -> int:
    """Fetch bundles byte for byte, with their signatures, verify them, and print their labels.

    REF is oci://HOST/NAME:TAG or @sha256:DIGEST, git+https://HOST/PATH#BRANCH[:PATH] (all bundles there),
    https://HOST/NAME.tar.gz, or a file. Files are named by identity; nothing is extracted, executed or
    overwritten. Exit codes as of `kit verify`: 1 if one is rejected or its signature does not fit; 4 if bytes do
    not have the digest that they were asked by.

    Example: kit fetch oci://ghcr.io/name/results:smol -o bundles
    """
    from kit.judge.limited import judge_limited
    from kit.publish.fetching import arrivals, write_down
    from kit.publish.places import source
    from kit.verify.verdict_text import label_text, signature_text

    found, refused = [], False
    for arrived in arrivals(source(reference, plain_http=plain_http, sha256=sha256)):
        signature, worth = _best(arrived, signers, revoked)
        file, beside = write_down(arrived, signature, out or Path())
        verdict = judge_limited(file)
        verdict = replace(verdict, signature=worth)
        refused |= is_refused(verdict)
        first = verdict.findings[0] if verdict.label == "rejected" else None
        found.append(
            {
                "from": arrived.origin,
                "file": str(file),
                "signature_file": str(beside) if beside else None,
                "identity": arrived.identity,
                "size_bytes": len(arrived.archive),
                "label": verdict.label,
                "signature": worth.outcome,
                "signer": worth.name,
                "key": worth.fingerprint,
            }
        )
        if not as_json:
            click.echo(f"{plain_text(arrived.origin, 300)}")
            click.echo(f"  {file} ({len(arrived.archive):,} bytes)")
            click.echo(f"  identity  {arrived.identity or 'none'}")
            click.echo(f"  signature {signature_text(worth)}")
            why = f" ({first.rule}: {first.where}: {first.message})" if first else ""
            click.echo(f"  label     {label_text(verdict)}{why}")
    if as_json:
        show_document("fetched", {"bundles": found})
    elif len(found) > 1:
        rejected = sum(each["label"] == "rejected" for each in found)
        click.echo(f"{len(found)} bundles, {rejected} rejected")
    return int(refused)


def _best(arrived: Arrived, signers: Path | None, revoked: Path | None) -> tuple[bytes | None, Signature]:
    """The signature to keep, of somebody known if there is one, and what it is worth."""
    from kit.signing import bundle_signature

    judged = [(each, bundle_signature(arrived.files, each, signers, revoked)) for each in arrived.signatures]
    none: tuple[bytes | None, Signature] = (None, bundle_signature(arrived.files, None, signers, revoked))
    return min(judged, key=lambda pair: _RANK.index(pair[1].outcome), default=none)
