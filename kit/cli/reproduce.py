"""kit reproduce: the main job."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.containers import lines, source_option
from kit.cli._shared.options import json_option, new_folder, quiet_option, yes_option
from kit.cli._shared.planning import chosen_platform, plan_of, plan_options
from kit.documents import Plan, Platform
from kit.storage.names import REPORT

if TYPE_CHECKING:
    from kit.run.reproduce import Outcome


def model_file(plan: Plan, *, yes: bool, quiet: bool) -> Path:
    """The plan's model, fetched if need be (after asking, on a terminal), hashed in any case."""
    from kit.catalogue import model
    from kit.cli._shared.progress import transfer
    from kit.errors import InputError
    from kit.supply.download import fetch, model_path
    from kit.text import bytes_text

    entry = model(plan.model.name)
    if not yes and not model_path(entry).is_file() and sys.stdin.isatty():
        question = f"Download the model {entry.name} ({bytes_text(plan.model.bytes)}, {entry.license})?"
        if not click.confirm(question, default=True, err=True):
            raise InputError("The model is needed and was not downloaded.", f"kit models fetch {entry.name}")
    with transfer(f"model {entry.name}: downloading and verifying", quiet=quiet) as on_bytes:
        return fetch(entry, on_bytes)


@click.command("reproduce")
@plan_options
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Run folder; default runs/PLATFORM-TIME."
)
@click.option(
    "--resume",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Resume an interrupted run.",
)
@click.option(
    "--no-calibrate", is_flag=True, help="Skip calibrating the load generator; marks every cell SUSPECT."
)
@source_option
@yes_option
@quiet_option
@json_option
def command(
    platform: str | None,
    out: Path | None,
    resume: Path | None,
    no_calibrate: bool,
    from_source: bool | None,
    yes: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure PLATFORM: every entry, one at a time, at every concurrency; print tables, scorecard and comparison.

    PLATFORM is a platform's name or a .yaml file. Missing images are built and missing models downloaded; the load
    generator is calibrated first. The run folder holds the plan, all raw records and the report. Ctrl-C stops the
    run and keeps what was measured; --resume measures the rest.

    Example: kit reproduce demo --window 20 --replicates 3
    """
    from kit.cli._shared.judgement import show_judgement
    from kit.report.tables import tables
    from kit.strict import plain

    asked = _asked(platform, resume, options)
    wishes = _Wishes(from_source, options["seed"], not no_calibrate, yes, quiet or as_json)
    folder = resume or new_folder(out, asked.platform.name)
    plan, outcome = _carried_out(asked, folder, wishes)
    if as_json:
        click.echo(json.dumps({"run": str(folder), "result": plain(outcome.result)}, indent=1))
        return
    click.echo(tables(plan, outcome.result, outcome.calibration))
    show_judgement(folder)
    click.echo(f"Saved to {folder}. Read {folder / REPORT}, or run kit report {folder} for a web page.")
    click.echo(f"Next: kit bundle {folder} -o {plan.platform}.tar.gz && kit verify {plan.platform}.tar.gz")


@dataclass(frozen=True, slots=True)
class _Asked:
    """The platform to measure, and the plan of the run that goes on, if one does."""

    platform: Platform
    kept: Plan | None


@dataclass(frozen=True, slots=True)
class _Wishes:
    from_source: bool | None
    seed: int | None
    calibrate: bool
    yes: bool
    quiet: bool


def _asked(platform: str | None, resume: Path | None, options: dict[str, Any]) -> _Asked:
    from kit.storage.run_folder import read_plan

    if (platform is None) == (resume is None):
        raise click.UsageError("Give either PLATFORM, or --resume DIR to resume a run.")
    if resume is None:
        return _Asked(chosen_platform(platform or "", **options), None)
    if any(value is not None for value in options.values()):
        raise click.UsageError("--resume keeps the plan of the run: leave out the options that change it.")
    kept = read_plan(resume)[0]
    return _Asked(chosen_platform(kept.platform), kept)


def _carried_out(asked: _Asked, folder: Path, wishes: _Wishes) -> tuple[Plan, Outcome]:
    from kit.cli._shared.progress import RunProgress, transfer
    from kit.engines.process import ProcessEngine
    from kit.plan.correctness import load_suite
    from kit.run.reproduce import reproduce
    from kit.supply.supply import process_supply, require_modules

    suite = load_suite(asked.platform.correctness.name, asked.platform.correctness.level)
    if asked.platform.engine == "process":
        require_modules(asked.platform.entries)
        plan = asked.kept or plan_of(asked.platform, wishes.seed, calibrate=wishes.calibrate)
        model = model_file(plan, yes=wishes.yes, quiet=wishes.quiet)
        with RunProgress(plan, quiet=wishes.quiet) as progress:
            return plan, reproduce(plan, folder, ProcessEngine(), process_supply(plan, model), suite, progress)
    from kit.run.containers import Wishes, ready

    with contextlib.ExitStack() as stack:
        chosen = Wishes(wishes.from_source, wishes.seed, wishes.calibrate)
        with transfer("images and models", quiet=wishes.quiet) as on_bytes:
            made = stack.enter_context(
                ready(asked.platform, folder.name, chosen, lines(quiet=wishes.quiet), on_bytes, asked.kept)
            )
        progress = stack.enter_context(RunProgress(made.plan, quiet=wishes.quiet))
        return made.plan, reproduce(made.plan, folder, made.engine, made.supply, suite, progress)
