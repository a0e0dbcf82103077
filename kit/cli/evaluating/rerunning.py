"""`kit verify --rerun-eval`: the verdicts of a bundle made again on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kit.run.evaluating.rerun import Again

MAX_TOLD = 20


def rerun_of(run: Path) -> list[Again]:
    """Every program of a run or bundle run again; `InputError` if it has none, `EngineError` without a sandbox."""
    from kit.cli._shared.opening import bundle_bytes
    from kit.errors import InputError
    from kit.run.evaluating.rerun import rerun
    from kit.sandbox import open_sandbox
    from kit.storage.run_folder import read_folder
    from kit.verify.evidence import open_bundle, open_run

    evidence = open_run(read_folder(run)) if run.is_dir() else open_bundle(bundle_bytes(run))
    if not evidence.evals.scored:
        raise InputError(f"{run} has no evaluation to run again.", "Leave out --rerun-eval.")
    with open_sandbox("process") as sandbox:
        return list(rerun(evidence, sandbox))


def contradicts(found: Sequence[Again]) -> bool:
    """Whether the tests say something else here than in the bundle."""
    return any(each.outcome == "other" for each in found)


def show_rerun(found: Sequence[Again]) -> None:
    """How many verdicts are the same, and each that is not."""
    same = sum(each.outcome == "same" for each in found)
    click.echo(f"Run again: {same} of {len(found)} verdicts are the same.")
    told = [each for each in found if each.outcome != "same"]
    for each in told[:MAX_TOLD]:
        note = " (a limit of one of the machines)" if each.outcome == "open" else ""
        click.echo(f"  {each.round} {each.task}: {each.said} in the bundle, {each.now} here{note}")
    if len(told) > MAX_TOLD:
        click.echo(f"  and {len(told) - MAX_TOLD} more")
