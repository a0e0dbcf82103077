"""kit nightly: platforms measured again and compared with their last accepted runs, with one exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.carrying_out import ChosenRun, CommandOptions, carried_out
from kit.cli._shared.containers import source_option
from kit.cli._shared.durations import Duration
from kit.cli._shared.options import json_option, levels_option, quiet_option, write_file
from kit.cli._shared.percent import Percent
from kit.cli._shared.planning import chosen_platform, quiet_machine_options
from kit.cli._shared.printing import show_json
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole
from kit.cli.score import DEFAULT_CONTRACT, chosen_contract

if TYPE_CHECKING:
    from kit.documents import Platform, Result
    from kit.run.nightly import NightPlatform

FOLDER = "nightly"


@click.command("nightly")
@click.argument("platforms", nargs=-1, metavar="[PLATFORM...]", shell_complete=completing.platforms)
@click.option(
    "--accepted",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(FOLDER) / "accepted",
    show_default=True,
    metavar="DIR",
    help="Accepted runs and bundles.",
)
@click.option("--accept", is_flag=True, help="Accept each run that passed; never one that is slower.")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(FOLDER),
    show_default=True,
    metavar="DIR",
    help="New runs, reports and logs.",
)
@click.option(
    "--min",
    "grade",
    default="C",
    show_default=True,
    metavar="GRADE",
    shell_complete=completing.grades,
    help="Minimum grade for each row.",
)
@click.option(
    "--contract",
    "contract_name",
    default=DEFAULT_CONTRACT,
    show_default=True,
    metavar="NAME|PATH.yaml",
    shell_complete=completing.contracts,
    help="kit-2, kit-1, probador-2.0, or your own file.",
)
@click.option("--tolerance", type=Percent(), help="Smaller differences count as the same. Default 5%.")
@levels_option("Override the platforms' concurrency levels.")
@click.option("--window", type=Duration(0.5, 86_400), metavar="TIME", help="Measured time per cell, e.g. 2m.")
@click.option("--warmup", type=Duration(0, 3600), metavar="TIME", help="Warm-up per cell.")
@click.option("--replicates", type=Whole(1, 1000), help="Number of repetitions; at least 3 to compare.")
@quiet_machine_options
@source_option
@quiet_option
@json_option
def command(
    platforms: tuple[str, ...],
    accepted: Path,
    accept: bool,
    out: Path,
    grade: str,
    contract_name: str,
    tolerance: float | None,
    concurrency: tuple[int, ...] | None,
    window: float | None,
    warmup: float | None,
    replicates: int | None,
    quiet_wait: float | None,
    attempts: int | None,
    from_source: bool | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Measure each PLATFORM, check answers, verify, report, grade, and compare with its last accepted run.

    Without PLATFORM, those that have an accepted run. A platform that fails stops no other. Exit code 0: every
    platform passed (right answers, verified, graded at least GRADE, not slower); 1: one did not; 8: one has no
    result. Nothing is asked before downloads.

    Example: kit nightly demo --accepted nightly/accepted --accept
    """
    from kit.judge.nightly import TOLERANCE
    from kit.judge.score import known_grade
    from kit.report.nightly_text import nightly_text
    from kit.run.nightly import NightOptions, nightly
    from kit.strict import plain, write_json
    from kit.strict.schema import check

    names = platforms or _accepted(accepted)
    chosen = [chosen_platform(name, None, concurrency, window, warmup, replicates) for name in names]
    contract = chosen_contract(contract_name)
    options = NightOptions(
        out=out,
        accepted=accepted,
        accept=accept,
        contract=contract,
        grade=known_grade(contract, grade),
        tolerance=TOLERANCE if tolerance is None else tolerance,
    )
    silent = quiet or as_json
    measuring = CommandOptions(from_source, None, True, True, silent, quiet_wait_s=quiet_wait, attempts=attempts)
    doors = [_night_platform(each, measuring) for each in chosen]
    night = nightly(doors, options, _teller(quiet=silent))
    document = plain(night)
    check(document, "nightly", "the night")
    data = write_json(document)
    target = out / f"nightly-{_stamp(night.started_utc)}.json"
    write_file(target, data)
    if as_json:
        show_json(data)
    else:
        click.echo(nightly_text(night))
        click.echo(f"\nSaved to {target}.")
    return night.exit_code


def _accepted(folder: Path) -> tuple[str, ...]:
    from kit.errors import InputError
    from kit.run.accepted import accepted_platforms

    found = accepted_platforms(folder)
    if not found:
        raise InputError(f"{folder} has no accepted run.", "Name a platform: kit nightly demo --accept")
    return found


def _night_platform(platform: Platform, options: CommandOptions) -> NightPlatform:
    from kit.cli.report import write_report
    from kit.run.nightly import NightPlatform

    def measure(folder: Path) -> Result:
        return carried_out(ChosenRun(platform), folder, options)[1].result

    return NightPlatform(platform.name, measure, lambda run, folder: write_report((run,), folder))


def _teller(*, quiet: bool) -> Callable[[str, str], Any]:
    return lambda platform, step: None if quiet else click.echo(f"{platform}: {step}", err=True)


def _stamp(utc: str) -> str:
    return utc[:19].replace("-", "").replace(":", "").replace("T", "-")
