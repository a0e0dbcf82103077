"""kit sign: put a name to a bundle."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_document

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("sign")
@click.argument("bundle", type=FILE, metavar="BUNDLE")
@click.option(
    "--key",
    type=FILE,
    required=True,
    metavar="FILE",
    help="SSH private key, or the .pub file of a key in ssh-agent.",
)
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Output file; default BUNDLE.sig.",
)
@click.option("--force", is_flag=True, help="Replace an existing signature.")
@json_option
def command(bundle: Path, key: Path, output: Path | None, force: bool, as_json: bool) -> None:
    """Sign a bundle with an SSH key, into a file beside it. Hardware keys and ssh-agent work.

    The signature is that of `ssh-keygen -Y sign -n kit-bundle-v1` over the bundle's manifest.json: it covers every
    file in it and survives packing again. It says who stands behind a bundle, not that it is true. A bundle that
    `kit verify` rejects is not signed (exit code 1).

    Example: kit sign demo.tar.gz --key ~/.ssh/id_ed25519
    """
    from kit.cli._shared.opening import bundle_bytes
    from kit.errors import InputError, KitError
    from kit.signing import check_signature, sign, signature_beside
    from kit.storage.archive import unpack
    from kit.storage.names import MANIFEST
    from kit.verify import verify_bundle

    target = output or signature_beside(bundle)
    if target.exists() and not force:
        raise InputError(f"{target} exists.", "Give another file with -o, or replace it with --force.")
    data = bundle_bytes(bundle)
    verdict = verify_bundle(data)
    if verdict.label == "rejected":
        first = next(each for each in verdict.findings if each.level == "reject")
        raise KitError(f"{bundle} was not signed: kit verify rejects it ({first.rule}).", f"kit verify {bundle}")
    manifest = unpack(data)[MANIFEST]
    signature = sign(manifest, key)
    made = check_signature(manifest, signature, None)
    _write(target, signature, force=force)
    digest = sha256(data).hexdigest()
    if as_json:
        document = {
            "file": str(target),
            "identity": verdict.identity,
            "bundle_sha256": digest,
            "fingerprint": made.fingerprint,
            "key_type": made.key_type,
            "label": verdict.label,
        }
        show_document("signed", document)
        return
    click.echo(f"{target}: signed with key {made.fingerprint} ({made.key_type})")
    click.echo(f"identity     {verdict.identity}  (sha256 of its manifest.json: what is signed)")
    click.echo(f"file sha256  {digest}  ({bundle.name})")
    click.echo(f"Next: kit verify {bundle} --signers FILE, where FILE has your name and public key")


def _write(target: Path, signature: bytes, *, force: bool) -> None:
    """Write the signature whole; never over a file that came meanwhile, unless that is wanted."""
    from kit.cli._shared.options import refused_writing, write_file
    from kit.errors import InputError
    from kit.storage.whole import write_new

    if force:
        write_file(target, signature)
        return
    with refused_writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if not write_new(target, signature):
            raise InputError(f"{target} exists.", "Give another file with -o, or replace it with --force.")
