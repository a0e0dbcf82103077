"""kit reproduce: the main job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kit.cli._shared.carrying_out import ChosenRun, CommandOptions
from kit.cli._shared.containers import source_option
from kit.cli._shared.durations import Duration
from kit.cli._shared.evaluating import eval_option
from kit.cli._shared.measuring import measured, show_outcome
from kit.cli._shared.options import json_option, new_folder, out_option, quiet_option, verbose_option, yes_option
from kit.cli._shared.planning import asked_nonce, chosen_platform, plan_options, quiet_machine_options
from kit.documents.quality.asked import EvaluationWish
from kit.storage.names import PLATFORM

MAXIMUM = 10  # replicates of a run until decided, where nobody says otherwise


@click.command("reproduce")
@plan_options
@out_option("Run folder; default runs/PLATFORM-TIME.")
@click.option(
    "--resume",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Resume an interrupted run; with --replicates N, extend a run.",
)
@click.option(
    "--until-decided",
    is_flag=True,
    help="Add replicates only where a comparison is open, up to --replicates (default 10).",
)
@click.option(
    "--budget",
    type=Duration(1, 31 * 86_400),
    metavar="TIME",
    help="With --until-decided or --slo: begin nothing that would end later, e.g. 60m.",
)
@click.option(
    "--no-calibrate", is_flag=True, help="Skip calibrating the load generator; marks every cell SUSPECT."
)
@eval_option
@quiet_machine_options
@source_option
@yes_option
@verbose_option
@quiet_option
@json_option
def command(
    platform: str | None,
    out: Path | None,
    resume: Path | None,
    until_decided: bool,
    budget: float | None,
    no_calibrate: bool,
    evaluation: EvaluationWish | None,
    quiet_wait: float | None,
    attempts: int | None,
    from_source: bool | None,
    yes: bool,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure PLATFORM: every entry, one at a time, at every concurrency; print tables, scorecard and comparison.

    PLATFORM is a platform's name or a .yaml file. Missing images are built and missing models downloaded; the
    load generator is calibrated first. The run folder holds the plan, all raw records and the report. Ctrl-C
    stops the run and keeps what was measured; --resume measures the rest, and takes an interrupted cell again.
    --until-decided ends when it is known at every concurrency who leads, or who is tied; kit verify replays each
    decision. --slo looks for the largest number of users of each entry (docs/how-many-users.md). --eval also asks
    tasks with tests, so that speed and quality stand in one bundle. With --challenge
    the seed follows from a board's nonce (docs/publishing.md).

    Example: kit reproduce demo --until-decided --budget 20m
    """
    budget_ns = None if budget is None else round(budget * 1e9)
    _refuse_what_does_not_fit(resume, until_decided, quiet_wait, attempts, evaluation)
    chosen_run = _chosen_run(platform, resume, options, budget_ns, until_decided=until_decided)
    if evaluation is not None:
        chosen_run = replace(chosen_run, platform=replace(chosen_run.platform, evaluation=evaluation))
    command_options = CommandOptions(
        from_source=from_source,
        seed=options["seed"],
        calibrate=not no_calibrate,
        yes=yes,
        quiet=quiet or as_json,
        until_decided=until_decided,
        budget_ns=budget_ns,
        quiet_wait_s=quiet_wait,
        attempts=attempts,
        nonce=None if resume is not None else asked_nonce(options["challenge"], options["seed"]),
    )
    folder = resume or new_folder(out, chosen_run.platform.name)
    plan, outcome = measured(chosen_run, folder, command_options)
    show_outcome(plan, outcome, folder, as_json=as_json, verbose=verbose)


def _refuse_what_does_not_fit(
    resume: Path | None,
    until_decided: bool,
    quiet_wait: float | None,
    attempts: int | None,
    evaluation: EvaluationWish | None,
) -> None:
    """`UsageError` for options that a run that goes on cannot have, or that need another."""
    kept = {
        "--until-decided": until_decided,
        "--quiet-wait": quiet_wait is not None,
        "--attempts": attempts is not None,
        "--eval": evaluation is not None,
    }
    for name, given in kept.items():
        if resume is not None and given:
            raise click.UsageError(f"--resume keeps the plan of the run: leave out {name}.")


def _chosen_run(
    platform: str | None,
    resume: Path | None,
    options: dict[str, Any],
    budget_ns: int | None,
    *,
    until_decided: bool,
) -> ChosenRun:
    from kit.plan.extension import extended
    from kit.storage.run_folder import read_plan

    if (platform is None) == (resume is None):
        raise click.UsageError("Give either PLATFORM, or --resume DIR to resume a run.")
    options["replicates"] = options["replicates"] or (MAXIMUM if until_decided else None)
    if resume is None:
        chosen = chosen_platform(platform or "", **options)
        if budget_ns is not None and not until_decided and chosen.workload.search is None:
            raise click.UsageError("--budget needs --until-decided or --slo.")
        return ChosenRun(chosen, None)
    if any(value is not None for name, value in options.items() if name != "replicates"):
        raise click.UsageError("--resume keeps the plan of the run: leave out the options that change it.")
    kept, replicates = read_plan(resume)[0], options["replicates"]
    if budget_ns is not None and kept.sequential is None:
        raise click.UsageError("--budget is for runs that were started with --until-decided.")
    if replicates is not None or budget_ns is not None:
        kept = extended(kept, replicates or kept.workload.replicates, budget_ns)
    own = resume / PLATFORM
    return ChosenRun(chosen_platform(str(own) if own.is_file() else kept.platform), kept)
