"""kit reproduce: the main job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from kit.cli._shared.carrying_out import ChosenRun, CommandOptions, carried_out
from kit.cli._shared.containers import source_option
from kit.cli._shared.durations import Duration
from kit.cli._shared.options import json_option, new_folder, out_option, quiet_option, yes_option
from kit.cli._shared.planning import chosen_platform, plan_options
from kit.cli._shared.printing import show_json
from kit.storage.names import REPORT


@click.command("reproduce")
@plan_options
@out_option("Run folder; default runs/PLATFORM-TIME.")
@click.option(
    "--resume",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Resume an interrupted run.",
)
@click.option(
    "--no-calibrate", is_flag=True, help="Skip calibrating the load generator; marks every cell SUSPECT."
)
@click.option(
    "--quiet-wait",
    type=Duration(0, 86_400),
    metavar="TIME",
    help="Wait for a quiet machine for at most TIME before each start. Default 1m.",
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
    quiet_wait: float | None,
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

    if resume is not None and quiet_wait is not None:
        raise click.UsageError("--resume keeps the plan of the run: leave out --quiet-wait.")
    chosen_run = _chosen_run(platform, resume, options)
    command_options = CommandOptions(
        from_source, options["seed"], not no_calibrate, yes, quiet or as_json, quiet_wait
    )
    folder = resume or new_folder(out, chosen_run.platform.name)
    plan, outcome = carried_out(chosen_run, folder, command_options)
    if as_json:
        show_json(json.dumps({"run": str(folder), "result": plain(outcome.result)}, indent=1))
        return
    click.echo(
        tables(plan, outcome.result, outcome.calibration, notes=outcome.notes, disturbance=outcome.disturbance)
    )
    show_judgement(folder)
    click.echo(f"Saved to {folder}. Read {folder / REPORT}, or run kit report {folder} for a web page.")
    click.echo(f"Next: kit bundle {folder} -o {plan.platform}.tar.gz && kit verify {plan.platform}.tar.gz")


def _chosen_run(platform: str | None, resume: Path | None, options: dict[str, Any]) -> ChosenRun:
    from kit.storage.run_folder import read_plan

    if (platform is None) == (resume is None):
        raise click.UsageError("Give either PLATFORM, or --resume DIR to resume a run.")
    if resume is None:
        return ChosenRun(chosen_platform(platform or "", **options), None)
    if any(value is not None for value in options.values()):
        raise click.UsageError("--resume keeps the plan of the run: leave out the options that change it.")
    kept = read_plan(resume)[0]
    return ChosenRun(chosen_platform(kept.platform), kept)
