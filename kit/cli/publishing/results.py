"""kit results: a folder of verified bundles."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_document, show_json

FOLDER = Path("results")
folder_argument = click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[FOLDER]", default=FOLDER
)
signers_option = click.option(
    "--signers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Allowed signers (man ssh-keygen); default FOLDER/allowed_signers.",
)


@click.group("results")
def command() -> None:
    """Keep a folder of verified bundles: add new ones, rebuild its index, check proposals.

    A bundle lies at results/PLATFORM/MACHINE/IDENTITY/bundle.tar.gz, beside it its signature, report and view.
    docs/receiving.md describes folder, index and how to receive bundles of strangers.

    Example: kit results add demo.tar.gz
    """


@command.command("add")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--signature",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Its SSH signature; default BUNDLE.sig, if there is one.",
)
@signers_option
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=FOLDER,
    show_default=True,
    metavar="FOLDER",
    help="The folder of results.",
)
@json_option
def add_bundle(bundle: Path, signature: Path | None, signers: Path | None, folder: Path, as_json: bool) -> None:
    """Verify a bundle, store it in a results folder with its report, and rebuild the index.

    Refused (exit code 1): a bundle that verification rejects, that has a wrong signature, that is already there,
    or that contains measurements of another one, copied or edited. On failure nothing is changed.

    Example: kit results add demo.tar.gz --to results
    """
    from kit.cli.report import write_report
    from kit.collection.intake import Offered, add
    from kit.collection.layout import signature_of
    from kit.collection.signers import trusted_in
    from kit.signing import read_signature
    from kit.storage.bundle import read_archive
    from kit.strict import plain

    beside = signature_of(bundle)
    chosen = signature if signature is not None else beside if beside.is_file() else None
    offered = Offered(read_archive(bundle), read_signature(chosen) if chosen else None, str(bundle))
    found = add(folder, offered, trusted_in(folder, signers), lambda archive, out: write_report([archive], out))
    if as_json:
        document = plain(found.entry)
        assert isinstance(document, dict)
        show_document("index-entry", document)
        return
    click.echo(f"{folder / found.home}: {found.entry.label}, identity {found.entry.identity}")
    count = len(found.index.bundles)
    click.echo(f"{folder}: {count} {'bundle' if count == 1 else 'bundles'} in the index")


@command.command("index")
@folder_argument
@signers_option
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit code 1 if it is not current.")
@click.option("--reports", is_flag=True, help="Also write the reports and views that are missing.")
def rebuild_index(folder: Path, signers: Path | None, only_check: bool, reports: bool) -> int:
    """Verify every bundle of a folder and rebuild its index.json from the bundles and signatures alone.

    The same files give the same bytes. Exit code 1 if a bundle is refused; the index lists it with the reason.

    Example: kit results index results
    """
    from kit.cli.report import write_report
    from kit.collection.index import index_bytes, make_index, write_index
    from kit.collection.intake import complete, locked
    from kit.collection.layout import INDEX
    from kit.report.index_text import index_text

    if only_check:
        path = folder / INDEX
        current = path.is_file() and path.read_bytes() == index_bytes(make_index(folder, signers))
        click.echo(f"{path} is {'current' if current else 'not current: run `kit results index`'}")
        return int(not current)
    with locked(folder):
        index = make_index(folder, signers)
        write_index(folder, index)
        made = complete(folder, index, lambda archive, out: write_report([archive], out)) if reports else ()
    click.echo(index_text(index))
    for home in made:
        click.echo(f"report written: {folder / home}")
    return int(bool(index.refused))


@command.command("list")
@folder_argument
@json_option
def list_bundles(folder: Path, as_json: bool) -> None:
    """List the bundles of a folder from its index, without verifying them again.

    Example: kit results list results --json
    """
    from kit.collection.index import index_bytes, read_index
    from kit.report.index_text import index_text

    index = read_index(folder)
    if as_json:
        show_json(index_bytes(index))
    else:
        click.echo(index_text(index))


@command.command("check")
@click.option("--base", required=True, metavar="REV", help="The commit whose results count.")
@click.option("--head", default="HEAD", show_default=True, metavar="REV", help="The commit that adds bundles.")
@click.option("--folder", default="results", show_default=True, metavar="NAME", help="The folder of results.")
def check_proposed(base: str, head: str, folder: str) -> int:
    """Check the bundles that a branch of this repository adds, as `add` would; change nothing.

    The branch is read from git as data: nothing in it is checked out or run. It may only add bundles and
    signatures in their places. Exit code 1 if it changes anything else, or if a bundle is refused.

    Example: kit results check --base main --head proposal
    """
    from kit.collection.proposed import check_proposal
    from kit.text import plain_text

    judged = check_proposal(Path(), base, head, folder)
    for each in judged:
        entry = each.accepted.entry if each.accepted else None
        if entry is not None:
            click.echo(f"accepted: {each.path}: {entry.label}, identity {entry.identity}")
        elif each.refusal is not None:
            click.echo(f"REFUSED: {each.path}: {plain_text(str(each.refusal), 1000)}")
    return int(any(each.accepted is None for each in judged))
