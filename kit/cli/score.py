"""kit score: grades by a contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kit.cli._shared.options import json_option, levels_option, write_file
from kit.cli._shared.words import completing

if TYPE_CHECKING:
    from kit.judge.open import OpenedStudy
    from kit.judge.score import By, Contract

F = TypeVar("F", bound=Callable[..., Any])
BY = ("layer", "profile", "correctness", "output-length", "memory", "cold-start", "power", "scaling")
DEFAULT_CONTRACT = "kit-2"  # kit.judge.score.loading.OURS, which would take long to import for a help text


def scored_options(function: F) -> F:
    """What `kit score` and `kit gate` have in common: what is scored, and by which contract."""
    options = (
        click.argument(
            "runs",
            type=click.Path(exists=True, path_type=Path),
            metavar="RUN|BUNDLE|STUDY.json|DIR...",
            shell_complete=completing.runs,
            nargs=-1,
            required=True,
        ),
        click.option(
            "--contract",
            "contract_name",
            default=DEFAULT_CONTRACT,
            show_default=True,
            metavar="NAME|PATH.yaml",
            shell_complete=completing.contracts,
            help="kit-2, kit-1, probador-2.0, or your own file.",
        ),
        click.option(
            "--class",
            "platform_class",
            metavar="NAME",
            help="Machine class of imported results that do not name one.",
        ),
        levels_option("E.g. 1,4,16; default all."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def chosen_contract(name: str) -> Contract:
    """The contract called `name`, or the one in that file."""
    from kit.errors import InputError
    from kit.judge.score import load_contract, read_contract

    if not name.endswith((".yaml", ".yml")):
        return load_contract(name)
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}.", "Check the path.") from None
    return read_contract(data, name)


def opened(runs: tuple[Path, ...]) -> list[OpenedStudy]:
    """What there is to score; `InputError` where the same thing is given twice."""
    from kit.cli._shared.opening import open_studies
    from kit.errors import InputError
    from kit.text import plain_text

    found = open_studies(runs)
    identities = [each.study.identity for each in found if each.study.identity]
    for number, identity in enumerate(identities):
        if identity in identities[:number]:
            name = next(each.study.name for each in found if each.study.identity == identity)
            raise InputError(
                f"The run {plain_text(name)} is given twice (identity {identity[:16]}).",
                "Give each run or file once.",
            )
    return found


@click.command("score")
@scored_options
@click.option(
    "--format", "form", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True
)
@click.option("--by", type=click.Choice(BY), help="Another scorecard than the composite one.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to FILE."
)
@json_option
def command(
    runs: tuple[Path, ...],
    contract_name: str,
    platform_class: str | None,
    concurrency: tuple[int, ...] | None,
    form: str,
    by: By | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Grade runs, bundles and imported results by a contract: thresholds, weights and grades as data.

    Everything is verified first, and rejected runs are not scored. SUSPECT figures get no grade; a missing figure
    scores 0 points. docs/scoring.md has the formulas.

    Example: kit score results/smol-2cpu.tar.gz --contract kit-2
    """
    from kit.errors import InputError
    from kit.judge.score import extra_cards, scorecard
    from kit.judge.score.text import extra_text, scorecard_text
    from kit.strict import plain, write_json

    if as_json and form == "markdown":
        raise click.UsageError("Give either --json or --format markdown.")
    if platform_class is not None and by not in (None, "profile"):
        raise click.UsageError(f"--class does not apply to --by {by}: leave it out.")
    contract = chosen_contract(contract_name)
    studies = [each.study for each in opened(runs)]
    found = scorecard(studies, contract, concurrency, platform_class) if by is None else None
    extra = None if by is None else extra_cards(studies, contract, by, concurrency, platform_class)
    if (found is not None and not found.cards) or (extra is not None and not extra.rows):
        raise InputError("There is nothing to score at these concurrencies.", "Leave out -c to score all of them.")
    if as_json or form == "json":
        document = plain(found or extra)
        assert isinstance(document, dict)
        text = write_json({"schema": "kit/extra-cards/1", **document}).decode()
    elif found is not None:
        text = scorecard_text(found, contract, "markdown" if form == "markdown" else "table") + "\n"
    else:
        assert extra is not None
        text = extra_text(extra, "markdown" if form == "markdown" else "table") + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_file(out, text.encode())
