"""From a platform to a finished run folder: shared by `reproduce` and `selftest`."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.containers import safe_lines
from kit.cli._shared.planning import plan_of
from kit.documents import Plan, Platform

if TYPE_CHECKING:
    from kit.catalogue import ModelEntry, Models
    from kit.plan.correctness import SuiteLevel
    from kit.run.reproduce import Outcome


def model_files(plan: Plan, models: Models, *, yes: bool, quiet: bool) -> dict[str, Path]:
    """The plan's models by name, fetched if need be (after asking, on a terminal)."""
    from kit.plan.weights import known_weights

    names = dict.fromkeys(pin.name for entry in plan.entries if (pin := known_weights(plan, entry)) is not None)
    return {name: _model_file(models.named(name), yes=yes, quiet=quiet) for name in names}


def _model_file(entry: ModelEntry, *, yes: bool, quiet: bool) -> Path:
    from kit.cli.showing.transfers import transfer
    from kit.errors import InputError
    from kit.supply.download import model_path
    from kit.supply.hashes import file_with
    from kit.supply.own_models import fetched
    from kit.supply.weights import folder_here
    from kit.text import bytes_text

    is_here = model_path(entry).is_file() or file_with(entry.sha256 or "") is not None
    if not yes and not is_here and sys.stdin.isatty():
        size = bytes_text(entry.bytes) if entry.bytes else "size unknown"
        question = f"Download the model {entry.name} ({size}, {entry.license})?"
        if not click.confirm(question, default=True, err=True):
            raise InputError("The model is needed and was not downloaded.", f"kit models fetch {entry.name}")
    doing = "verifying" if is_here else "downloading and verifying"
    with transfer(f"model {entry.name}: {doing}", quiet=quiet) as on_bytes:
        return folder_here(entry, on_bytes) if entry.is_folder else fetched(entry, on_bytes)


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
    evaluation_alone: bool = False


def _final(plan: Plan, platform: Platform, options: CommandOptions) -> Plan:
    """A new plan with its evaluation, the seed of its challenge and the rule of runs that choose, as far as it has

    them.
    """
    from kit.evaluation.suites import with_evaluation
    from kit.plan.challenge import challenged
    from kit.plan.extension import deciding, searching

    plan = with_evaluation(plan, platform.evaluation, alone=options.evaluation_alone)
    plan = challenged(plan, options.nonce)
    return deciding(plan, options.budget_ns) if options.until_decided else searching(plan, options.budget_ns)


def keep_own_trace(platform: Platform, plan: Plan, folder: Path) -> None:
    """A user's trace goes into the folder of a new run, as the plan pins it."""
    from kit.documents.shape import TraceSource
    from kit.errors import InputError
    from kit.plan.workloads.own_traces import own_trace
    from kit.storage.names import PLAN
    from kit.storage.run_folder import keep_trace

    source, pin = platform.workload.trace, plan.workload.trace
    if pin is None or not isinstance(source, TraceSource) or (folder / PLAN).is_file():
        return
    found = own_trace(source)
    if found.pin.sha256 != pin.sha256:
        raise InputError("The trace was changed after the plan was made.", "Begin again.")
    keep_trace(folder, found.data)


def carried_out(chosen_run: ChosenRun, folder: Path, options: CommandOptions) -> tuple[Plan, Outcome]:
    """Measure a platform into a run folder, as processes or in containers; raises what `reproduce` raises."""
    from kit.plan.correctness import load_suite

    suite = load_suite(chosen_run.platform.correctness.name, chosen_run.platform.correctness.level)
    carry_out = _as_processes if chosen_run.platform.engine == "process" else _in_containers
    return carry_out(chosen_run, folder, options, suite)


def _as_processes(
    chosen_run: ChosenRun, folder: Path, options: CommandOptions, suite: SuiteLevel
) -> tuple[Plan, Outcome]:
    from kit.cli._shared.evaluating import evaluator_of
    from kit.cli._shared.progress import RunProgress
    from kit.cli.showing.transfers import transfer
    from kit.engines.process import ProcessEngine
    from kit.run.reproduce import reproduce
    from kit.run.running import require_answers
    from kit.supply.own_models import settled
    from kit.supply.supply import process_supply, require_modules

    require_modules(chosen_run.platform.entries)
    with transfer("model: looking it up", quiet=options.quiet) as on_bytes:
        known = settled(chosen_run.platform, chosen_run.kept, on_bytes=on_bytes)
    plan = chosen_run.kept or _final(
        plan_of(
            known.platform,
            options.seed,
            calibrate=options.calibrate,
            quiet_wait_s=options.quiet_wait_s,
            attempts=options.attempts,
            models=known.models,
        ),
        chosen_run.platform,
        options,
    )
    evaluator = evaluator_of(plan, quiet=options.quiet)
    require_answers(plan.entries)
    files = model_files(plan, known.models, yes=options.yes, quiet=options.quiet)
    keep_own_trace(chosen_run.platform, plan, folder)
    with RunProgress(plan, quiet=options.quiet) as progress:
        supply = process_supply(plan, files)
        return plan, reproduce(plan, folder, ProcessEngine(), supply, suite, progress, evaluator)


def _in_containers(
    chosen_run: ChosenRun, folder: Path, options: CommandOptions, suite: SuiteLevel
) -> tuple[Plan, Outcome]:
    from kit.cli._shared.evaluating import evaluator_of
    from kit.cli._shared.progress import RunProgress
    from kit.cli.showing.transfers import preparation
    from kit.run.containers import PreparationOptions, ready
    from kit.run.reproduce import reproduce

    with contextlib.ExitStack() as stack:
        chosen = PreparationOptions(
            options.from_source, options.seed, options.calibrate, options.quiet_wait_s, options.attempts
        )
        with preparation("images and models", quiet=options.quiet) as (on_bytes, on_line):
            made = stack.enter_context(
                ready(chosen_run.platform, folder.name, chosen, safe_lines(on_line), on_bytes, chosen_run.kept)
            )
        plan = chosen_run.kept or _final(made.plan, chosen_run.platform, options)
        keep_own_trace(chosen_run.platform, plan, folder)
        evaluator = evaluator_of(plan, made.host, made.image, quiet=options.quiet)
        progress = stack.enter_context(RunProgress(plan, quiet=options.quiet))
        return plan, reproduce(plan, folder, made.engine, made.supply, suite, progress, evaluator)
