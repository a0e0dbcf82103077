"""kit fetch: bundles from a registry, a branch, an address or a file, verified here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_json
from kit.cli.publishing.publish import plain_http_option
from kit.text import plain_text

if TYPE_CHECKING:
    from kit.publish.fetching import Arrived
    from kit.signing import SignatureCheck

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
@click.option("--sha256", metavar="HEX", help="What the file behind an https address must have.")
@plain_http_option
@json_option
def command(
    reference: str, out: Path | None, signers: Path | None, sha256: str | None, plain_http: bool, as_json: bool
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

    found, refused = [], False
    for arrived in arrivals(source(reference, plain_http=plain_http, sha256=sha256)):
        signature, check = _best(arrived, signers)
        file, beside = write_down(arrived, signature, out or Path())
        verdict = judge_limited(file)
        refused |= verdict.label == "rejected" or (check is not None and check.outcome in ("bad", "revoked"))
        first = verdict.findings[0] if verdict.label == "rejected" else None
        found.append(
            {
                "from": arrived.origin,
                "file": str(file),
                "signature_file": str(beside) if beside else None,
                "identity": arrived.identity,
                "size_bytes": len(arrived.archive),
                "label": verdict.label,
                "signature": check.outcome if check else "missing",
                "signer": check.name if check else None,
                "key": check.fingerprint if check else None,
            }
        )
        if not as_json:
            click.echo(f"{plain_text(arrived.origin, 300)}")
            click.echo(f"  {file} ({len(arrived.archive):,} bytes)")
            click.echo(f"  identity  {arrived.identity or 'none'}")
            click.echo(f"  signature {_words(check)}")
            why = f" ({first.rule}: {first.where}: {first.message})" if first else ""
            click.echo(f"  label     {verdict.label}{why}")
    if as_json:
        show_json(json.dumps({"bundles": found}, indent=1))
    elif len(found) > 1:
        rejected = sum(each["label"] == "rejected" for each in found)
        click.echo(f"{len(found)} bundles, {rejected} rejected")
    return int(refused)


def _best(arrived: Arrived, signers: Path | None) -> tuple[bytes | None, SignatureCheck | None]:
    """The signature to keep, of somebody known if there is one, and what it is worth."""
    from kit.signing import check_signature

    if not arrived.signatures or arrived.manifest is None:
        return next(iter(arrived.signatures), None), None
    checked = [(each, check_signature(arrived.manifest, each, signers)) for each in arrived.signatures]
    return min(checked, key=lambda pair: _RANK.index(pair[1].outcome))


def _words(check: SignatureCheck | None) -> str:
    if check is None:
        return "none"
    if check.outcome == "known":
        return f"by {plain_text(check.name or '', 100)} ({check.fingerprint})"
    if check.outcome == "bad":
        return f"does not fit: {plain_text(check.why or '', 200)}"
    return f"by the key {check.fingerprint}, {plain_text(check.why or '', 200)}"
