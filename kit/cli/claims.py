"""kit claims: what documents say, checked against runs."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_document
from kit.errors import InputError

DEFAULT_FILE = Path("results") / "claims.yaml"


@click.group("claims")
def command() -> None:
    """Check claims in documents against your runs.

    Example: kit claims check
    """


@command.command("check")
@click.argument("places", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[FILE] [RUN|BUNDLE...]")
@json_option
def check(places: tuple[Path, ...], as_json: bool) -> int:
    """Report for each claim in FILE whether it is confirmed, falsified or untested, and what would falsify it.

    FILE ends in .yaml; default results/claims.yaml. Without runs, the bundles in FILE's folder are used. Exit
    code 1 if a claim is falsified.

    Example: kit claims check results/claims.yaml demo.tar.gz
    """
    from kit.cli._shared.opening import open_studies
    from kit.judge.claims import check_claims, claims_text, read_claims
    from kit.strict import plain

    file, runs = _sorted(places)
    claims = read_claims(_bytes(file), str(file))
    runs = runs or tuple(sorted(file.parent.glob("*.tar.gz")))
    outcomes = check_claims(claims, [each.study for each in open_studies(runs)])
    if as_json:
        show_document("claims-check", {"claims": plain(outcomes)})
    else:
        click.echo(claims_text(outcomes))
    return int(any(each.verdict == "falsified" for each in outcomes))


def _sorted(places: tuple[Path, ...]) -> tuple[Path, tuple[Path, ...]]:
    """The file of claims, and the runs."""
    files = [place for place in places if place.suffix in (".yaml", ".yml")]
    if len(files) > 1:
        raise InputError("More than one claims file was given.", "Check them one at a time.")
    return (files or [DEFAULT_FILE])[0], tuple(place for place in places if place not in files)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f"{file} cannot be read: {error.strerror or error}.", "Give the path of a claims file (.yaml)."
        ) from None
