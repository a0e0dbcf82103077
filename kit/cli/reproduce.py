"""kit reproduce: the main job."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from kit.cli.options import json_option, new_folder, quiet_option, yes_option
from kit.cli.planning import plan_for, plan_options
from kit.model import Plan


def model_file(plan: Plan, *, yes: bool, quiet: bool) -> Path:
    """The plan's model, fetched if need be (after asking, on a terminal), hashed in any case."""
    from kit.catalogue import model
    from kit.cli.progress import transfer
    from kit.errors import InputError
    from kit.sources import fetch, model_path
    from kit.text import bytes_text

    entry = model(plan.model.name)
    if not yes and not model_path(entry).is_file() and sys.stdin.isatty():
        question = f"Fetch the model {entry.name} ({bytes_text(plan.model.bytes)}, {entry.license})?"
        if not click.confirm(question, default=True, err=True):
            raise InputError("Without the model there is nothing to measure.", f"kit models fetch {entry.name}")
    with transfer(f"model {entry.name}: fetching and hashing", quiet=quiet) as on_bytes:
        return fetch(entry, on_bytes)


@click.command("reproduce")
@plan_options
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Run folder; default runs/PLATFORM-TIME."
)
@click.option(
    "--no-calibrate", is_flag=True, help="Skip the calibration of the load generator: every cell is then SUSPECT."
)
@yes_option
@quiet_option
@json_option
def command(out: Path | None, no_calibrate: bool, yes: bool, quiet: bool, as_json: bool, **options: Any) -> None:
    """Measure PLATFORM: every entry, one at a time, at every concurrency, and print the tables.

    PLATFORM is the name of a platform of the kit or a .yaml file. The load generator is calibrated first. The
    run folder keeps the plan, every raw record and the report. Ctrl-C ends the run; what was measured until
    then is kept.

    Example: kit reproduce demo --window 20 --replicates 3
    """
    from kit.cli.progress import RunProgress
    from kit.correctness import load_suite
    from kit.engines.process import ProcessEngine
    from kit.reproduce import reproduce
    from kit.strict import plain
    from kit.tables import tables

    plan = plan_for(**options, calibrate=not no_calibrate)
    folder = new_folder(out, plan.platform)
    suite = load_suite(plan.correctness.name, plan.correctness_level)
    model = model_file(plan, yes=yes, quiet=quiet)
    with RunProgress(plan, quiet=quiet or as_json) as progress:
        outcome = reproduce(plan, folder, ProcessEngine(), model, suite, progress)
    if as_json:
        click.echo(json.dumps({"run": str(folder), "result": plain(outcome.result)}, indent=1))
        return
    click.echo(tables(plan, outcome.result, outcome.calibration))
    click.echo(f"The run lies in {folder} (start with {folder / 'REPORT.md'}).")
    click.echo(f"Next: kit bundle {folder} -o {plan.platform}.tar.gz && kit verify {plan.platform}.tar.gz")
