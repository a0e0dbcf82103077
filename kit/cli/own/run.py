"""kit run: measure a model or running servers without a platform file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit.cli._shared.choosing import choosing_options, chosen_by
from kit.cli._shared.containers import source_option
from kit.cli._shared.options import (
    json_option,
    new_folder,
    out_option,
    quiet_option,
    seed_option,
    verbose_option,
    yes_option,
)
from kit.cli._shared.planning import quiet_machine_options


@click.command("run")
@choosing_options
@seed_option
@out_option("Run folder; default runs/MODEL-TIME.")
@click.option(
    "--no-calibrate", is_flag=True, help="Skip calibrating the load generator; marks every cell SUSPECT."
)
@quiet_machine_options
@source_option
@yes_option
@verbose_option
@quiet_option
@json_option
def command(
    seed: int | None,
    out: Path | None,
    no_calibrate: bool,
    quiet_wait: float | None,
    attempts: int | None,
    from_source: bool | None,
    yes: bool,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Measure MODEL with every runtime that this machine has, or servers that already run; recommend one.

    With --slo alone, without --users, it finds how many users each carries within the limits.

    MODEL is a .gguf file, hf:ORG/REPO[:FILE][@REVISION], an https address, or a name of the catalogue. Runtimes
    run in containers if a container engine answers, else as processes: the embedded llama.cpp, and llama-server,
    ollama, vllm and apr from the PATH. What was chosen, and why, is printed first; platform.yaml in the run folder
    has it to edit (kit init writes the same). Then all is as with kit reproduce, --resume included.

    Example: kit run ./model.gguf --slo ttft=500ms,tpot=50ms --budget 20m
    """
    from kit.cli._shared.carrying_out import ChosenRun, CommandOptions
    from kit.cli._shared.measuring import measured, show_outcome
    from kit.cli._shared.recommending import recommendation
    from kit.errors import InputError
    from kit.metrics.goodput import parse_slo
    from kit.plan.choosing.platform_file import platform_text
    from kit.plan.extension import CALIBRATE, UNCALIBRATED
    from kit.storage.run_folder import keep_platform
    from kit.strict import plain

    slo, users, budget = wishes["slo"], wishes["users"], wishes["budget"]
    limits = parse_slo(slo) if slo is not None else None
    if no_calibrate and limits is not None and users is None:
        raise InputError(UNCALIBRATED, CALIBRATE)
    chosen = chosen_by(**wishes, quiet=quiet or as_json)
    folder = new_folder(out, chosen.platform.name)
    keep_platform(folder, platform_text(chosen.platform, chosen.reasons))
    if not quiet and not as_json:
        for line in chosen.reasons:
            click.echo(line, err=True)
    budget_ns = None if budget is None else round(budget * 1e9)
    options = CommandOptions(
        from_source=from_source, seed=seed, calibrate=not no_calibrate, yes=yes, quiet=quiet or as_json,
        budget_ns=budget_ns, quiet_wait_s=quiet_wait, attempts=attempts,
    )  # fmt: skip
    plan, outcome = measured(ChosenRun(chosen.platform), folder, options)
    more = {"platform": plain(chosen.platform), "choices": list(chosen.reasons)}

    def advice(run: Path) -> tuple[str, ...]:
        return recommendation(run, plan, limits)

    show_outcome(plan, outcome, folder, as_json=as_json, verbose=verbose, more=more, advice=advice)
