"""kit publish: a bundle to a results folder, a git branch or an OCI registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_document
from kit.errors import InputError

if TYPE_CHECKING:
    from kit.publish.branch import Add
    from kit.publish.parcel import Parcel
    from kit.publish.places import Destination, GitPlace, LocalPath

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
plain_http_option = click.option(
    "--plain-http", is_flag=True, help="Without TLS, for a server of your own; passwords stay on this machine."
)


@click.command("publish")
@click.argument("bundle", type=FILE, metavar="BUNDLE")
@click.argument("destination", metavar="DEST")
@click.option("--signature", type=FILE, metavar="FILE", help="SSH signature; default BUNDLE.sig if it exists.")
@click.option("--dry-run", is_flag=True, help="Print what would leave this machine; send nothing.")
@plain_http_option
@json_option
def command(
    bundle: Path, destination: str, signature: Path | None, dry_run: bool, plain_http: bool, as_json: bool
) -> None:
    """Verify a bundle and publish it, byte for byte, with its signature if it has one.

    DEST is a results folder, a branch (git+https://HOST/PATH#BRANCH, also git+ssh and git+file; :FOLDER behind it,
    default results) or a registry (oci://HOST/NAME[:TAG]). A rejected bundle is not published. Git uses your own
    keys and helpers, a registry the logins of `docker login`; nothing is asked. What is published holds every
    answer in full, and facts of the machine.

    Example: kit publish smol.tar.gz oci://ghcr.io/name/results
    """
    from kit.cli._shared.opening import bundle_bytes
    from kit.publish import places
    from kit.publish.parcel import make_parcel
    from kit.signing import read_signature, signature_beside

    place = places.destination(destination, plain_http=plain_http)
    beside = signature_beside(bundle)
    chosen = signature or (beside if beside.is_file() else None)
    parcel = make_parcel(bundle_bytes(bundle), str(bundle), read_signature(chosen) if chosen else None)
    outcome = _plan(parcel, place) if dry_run else _published(parcel, place, _adding(str(bundle)))
    if as_json:
        show_document("published-bundle", {"published": not dry_run, **_facts(parcel, place), **outcome})
        return
    for line in _lines(parcel, place, outcome, dry_run):
        click.echo(line)


def _published(parcel: Parcel, place: Destination, add: Add) -> dict[str, object]:
    """Publish; what there is to tell of it."""
    from kit.publish.branch import publish_to_branch
    from kit.publish.oci import push
    from kit.publish.places import GitPlace, LocalPath, OciPlace

    match place:
        case OciPlace():
            made = push(parcel, place)
            reference = OciPlace(place.host, place.name, digest=made.digest).text()
            return {"reference": reference, "tag": made.tag, "already_there": False}
        case GitPlace():
            done = publish_to_branch(parcel, place, add)
            return {
                "reference": _in_branch(parcel, place),
                "commit": done.commit,
                "changed": list(done.changed),
                "already_there": not done.changed,
            }
        case LocalPath():
            return _into_folder(parcel, place, add)


def _into_folder(parcel: Parcel, place: LocalPath, add: Add) -> dict[str, object]:
    from kit.collection.layout import ARCHIVE, SIGNATURE

    home = place.path / parcel.folder
    wanted = {ARCHIVE: parcel.archive, **({SIGNATURE: parcel.signature} if parcel.signature else {})}
    there = all((home / name).is_file() and (home / name).read_bytes() == data for name, data in wanted.items())
    if not there:
        if place.path.exists() and not place.path.is_dir():
            raise InputError(f"{place.path} is a file, not a results folder.", "Give a folder.")
        if (place.path / "HEAD").is_file() and (place.path / "objects").is_dir():
            form = f"git+file://{place.path.resolve()}#BRANCH"
            raise InputError(f"{place.path} is a git repository, not a results folder.", f"Name a branch: {form}")
        add(place.path, parcel.archive, parcel.signature)
    return {"reference": str(home / ARCHIVE), "already_there": there}


def _plan(parcel: Parcel, place: Destination) -> dict[str, object]:
    """What publishing would send, without asking anybody anything."""
    from kit.collection.layout import ARCHIVE
    from kit.publish.oci import artifact_of
    from kit.publish.places import GitPlace, OciPlace

    contents: dict[str, object] = {"contents": [{"path": path, "bytes": size} for path, size in parcel.files]}
    match place:
        case OciPlace():
            made = artifact_of(parcel, place)
            documents = [json.loads(each) for each in (made.manifest, made.signature_manifest) if each]
            reference = OciPlace(place.host, place.name, digest=made.digest).text()
            return {"reference": reference, "tag": made.tag, "manifests": documents, **contents}
        case GitPlace():
            return {"reference": _in_branch(parcel, place), "message": parcel.message(), **contents}
        case _:
            return {"reference": str(place.path / parcel.folder / ARCHIVE), **contents}


def _in_branch(parcel: Parcel, place: GitPlace) -> str:
    from kit.collection.layout import ARCHIVE
    from kit.publish.places import RESULTS

    return f"{place.text().removesuffix(f':{place.path}')}:{place.path or RESULTS}/{parcel.folder}/{ARCHIVE}"


def _facts(parcel: Parcel, place: Destination) -> dict[str, object]:
    return {
        "destination": place.text(),
        "identity": parcel.identity,
        "archive_sha256": parcel.sha256,
        "size_bytes": len(parcel.archive),
        "label": parcel.label,
        "platform": parcel.platform,
        "machine": parcel.machine,
        "signed_by": parcel.signed_by,
    }


def _lines(parcel: Parcel, place: Destination, outcome: dict[str, object], dry_run: bool) -> list[str]:
    """For people: what leaves, or has left."""
    from kit.publish.places import OciPlace

    reference = str(outcome["reference"])
    facts = [
        f"identity {parcel.identity}",
        f"archive  sha256 {parcel.sha256}, {len(parcel.archive):,} bytes",
        f"signed   by the key {parcel.signed_by}" if parcel.signed_by else "signed   no",
        f"label    {parcel.label}, by this kit; labels are not published: receivers verify",
    ]
    if isinstance(place, OciPlace):
        facts.append(f"tag      {outcome['tag']}")
    if not dry_run:
        done = "Already there" if outcome["already_there"] else "Published"
        insecure = " --plain-http" if isinstance(place, OciPlace) and place.plain_http else ""
        last = [] if reference.startswith("/") else [f"Next: kit fetch '{reference}'{insecure}"]
        return [f"{done}: {reference}", *facts, *last]
    lines = [f"Would publish: {reference}", *facts, "In the archive, for everybody to read:"]
    lines += [f"{size:>12,}  {path}" for path, size in parcel.files]
    for document in (each for each in _list(outcome.get("manifests"))):
        lines += ["Manifest:", json.dumps(document, indent=1)]
    if "message" in outcome:
        lines += ["Message of the commit:", str(outcome["message"]).rstrip()]
    return [*lines, "Nothing was sent."]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _adding(name: str) -> Add:
    """What `kit results add` does: verify, place, view, report, index."""

    def add(folder: Path, archive: bytes, signature: bytes | None) -> object:
        from kit.cli.report import write_report
        from kit.collection.intake import Offered
        from kit.collection.intake import add as take_in
        from kit.collection.signers import trusted_in

        offered = Offered(archive, signature, name)
        return take_in(folder, offered, trusted_in(folder), lambda path, home: write_report([path], home))

    return add
