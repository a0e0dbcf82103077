"""From a platform to a finished run folder: shared by `reproduce` and `selftest`."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.containers import lines
from kit.cli._shared.planning import plan_of
from kit.documents import NO_WEIGHTS, Plan, Platform

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


@dataclass(frozen=True, slots=True)
class ChosenRun:
    """The platform to measure, and the plan of the run that goes on, if one does."""

    platform: Platform
    kept: Plan | None = None


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """What the user chose beside the platform; `until_decided` gives the plan the rule that says when to end."""

    from_source: bool | None
    seed: int | None
    calibrate: bool
    yes: bool
    quiet: bool
    until_decided: bool = False
    budget_ns: int | None = None
    quiet_wait_s: float | None = None
    attempts: int | None = None
    nonce: str | None = None


def _final(plan: Plan, options: CommandOptions) -> Plan:
    """A new plan with the seed of its challenge and the rule of runs that decide, if it is to have them."""
    from kit.plan.challenge import challenged
    from kit.plan.extension import deciding

    plan = challenged(plan, options.nonce)
    return deciding(plan, options.budget_ns) if options.until_decided else plan


def carried_out(chosen_run: ChosenRun, folder: Path, command_options: CommandOptions) -> tuple[Plan, Outcome]:
    """Measure a platform into a run folder, as processes or in containers; raises what `reproduce` raises."""
    from kit.cli._shared.progress import RunProgress, transfer
    from kit.engines.process import ProcessEngine
    from kit.plan.correctness import load_suite
    from kit.run.reproduce import reproduce
    from kit.run.running import require_answers
    from kit.supply.supply import NOTHING_TO_START, process_supply, require_modules

    suite = load_suite(chosen_run.platform.correctness.name, chosen_run.platform.correctness.level)
    if chosen_run.platform.engine == "process":
        require_modules(chosen_run.platform.entries)
        plan = chosen_run.kept or _final(
            plan_of(
                chosen_run.platform,
                command_options.seed,
                calibrate=command_options.calibrate,
                quiet_wait_s=command_options.quiet_wait_s,
                attempts=command_options.attempts,
            ),
            command_options,
        )
        require_answers(plan.entries)
        supply = NOTHING_TO_START
        if plan.model != NO_WEIGHTS:
            supply = process_supply(plan, model_file(plan, yes=command_options.yes, quiet=command_options.quiet))
        with RunProgress(plan, quiet=command_options.quiet) as progress:
            return plan, reproduce(plan, folder, ProcessEngine(), supply, suite, progress)
    from kit.run.containers import PreparationOptions, ready

    with contextlib.ExitStack() as stack:
        chosen = PreparationOptions(
            command_options.from_source,
            command_options.seed,
            command_options.calibrate,
            command_options.quiet_wait_s,
            command_options.attempts,
        )
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
        plan = chosen_run.kept or _final(made.plan, command_options)
        progress = stack.enter_context(RunProgress(plan, quiet=command_options.quiet))
        return plan, reproduce(plan, folder, made.engine, made.supply, suite, progress)
