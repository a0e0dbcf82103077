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

    chosen_run = _chosen_run(platform, resume, options)
    command_options = _CommandOptions(from_source, options["seed"], not no_calibrate, yes, quiet or as_json)
    folder = resume or new_folder(out, chosen_run.platform.name)
    plan, outcome = _carried_out(chosen_run, folder, command_options)
    if as_json:
        click.echo(json.dumps({"run": str(folder), "result": plain(outcome.result)}, indent=1))
        return
    click.echo(tables(plan, outcome.result, outcome.calibration, notes=outcome.notes))
    show_judgement(folder)
    click.echo(f"Saved to {folder}. Read {folder / REPORT}, or run kit report {folder} for a web page.")
    click.echo(f"Next: kit bundle {folder} -o {plan.platform}.tar.gz && kit verify {plan.platform}.tar.gz")


@dataclass(frozen=True, slots=True)
class _ChosenRun:
    """The platform to measure, and the plan of the run that goes on, if one does."""

    platform: Platform
    kept: Plan | None


@dataclass(frozen=True, slots=True)
class _CommandOptions:
    from_source: bool | None
    seed: int | None
    calibrate: bool
    yes: bool
    quiet: bool


def _chosen_run(platform: str | None, resume: Path | None, options: dict[str, Any]) -> _ChosenRun:
    from kit.storage.run_folder import read_plan

    if (platform is None) == (resume is None):
        raise click.UsageError("Give either PLATFORM, or --resume DIR to resume a run.")
    if resume is None:
        return _ChosenRun(chosen_platform(platform or "", **options), None)
    if any(value is not None for value in options.values()):
        raise click.UsageError("--resume keeps the plan of the run: leave out the options that change it.")
    kept = read_plan(resume)[0]
    return _ChosenRun(chosen_platform(kept.platform), kept)


def _carried_out(chosen_run: _ChosenRun, folder: Path, command_options: _CommandOptions) -> tuple[Plan, Outcome]:
    from kit.cli._shared.progress import RunProgress, transfer
    from kit.engines.process import ProcessEngine
    from kit.plan.correctness import load_suite
    from kit.run.reproduce import reproduce
    from kit.supply.supply import process_supply, require_modules

    suite = load_suite(chosen_run.platform.correctness.name, chosen_run.platform.correctness.level)
    if chosen_run.platform.engine == "process":
        require_modules(chosen_run.platform.entries)
        plan = chosen_run.kept or plan_of(
            chosen_run.platform, command_options.seed, calibrate=command_options.calibrate
        )
        model = model_file(plan, yes=command_options.yes, quiet=command_options.quiet)
        with RunProgress(plan, quiet=command_options.quiet) as progress:
            return plan, reproduce(plan, folder, ProcessEngine(), process_supply(plan, model), suite, progress)
    from kit.run.containers import PreparationOptions, ready

    with contextlib.ExitStack() as stack:
        chosen = PreparationOptions(command_options.from_source, command_options.seed, command_options.calibrate)
        with transfer("images and models", quiet=command_options.quiet) as on_bytes:
            made = stack.enter_context(
                ready(
                    chosen_run.platform,
                    folder.name,
                    chosen,
                    lines(quiet=command_options.quiet),
                    on_bytes,
                    chosen_run.kept,
                )
            )
        progress = stack.enter_context(RunProgress(made.plan, quiet=command_options.quiet))
        return made.plan, reproduce(made.plan, folder, made.engine, made.supply, suite, progress)
