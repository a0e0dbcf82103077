"""A run from its platform to what it ends with on the screen: shared by `reproduce` and `run`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.carrying_out import ChosenRun, CommandOptions, carried_out
from kit.cli._shared.printing import show_document
from kit.documents import Plan
from kit.storage.names import PLATFORM, REPORT

if TYPE_CHECKING:
    from kit.run.reproduce import Outcome

Advice = Callable[[Path], tuple[str, ...]]


def measured(chosen_run: ChosenRun, folder: Path, options: CommandOptions) -> tuple[Plan, Outcome]:
    """Carry a run out; an interrupted one says where it is, and how it goes on.

    A platform that does not come with the kit is kept in the folder: a run that is resumed needs it.
    """
    from kit.plan.choosing.platform_file import platform_text
    from kit.plan.platforms import platform_names
    from kit.storage.run_folder import keep_platform

    own = chosen_run.kept is None and chosen_run.platform.name not in platform_names()
    if own and not (folder / PLATFORM).is_file():
        keep_platform(folder, platform_text(chosen_run.platform))
    try:
        return carried_out(chosen_run, folder, options)
    except KeyboardInterrupt:
        _show_where(folder)
        raise
    finally:
        _remove_if_nothing_began(folder)


def show_outcome(
    plan: Plan,
    outcome: Outcome,
    folder: Path,
    *,
    as_json: bool,
    more: Mapping[str, Any] | None = None,
    advice: Advice | None = None,
) -> None:
    """Tables, judgement, and what to type next; as JSON the result, with `more` in the document.

    `advice` are lines that stand below the judgement.
    """
    from kit.cli._shared.judgement import show_judgement
    from kit.report.tables import tables
    from kit.strict import plain

    if as_json:
        document = {"run": str(folder), "result": plain(outcome.result), **(more or {})}
        if advice is not None:
            document["recommendation"] = list(advice(folder))
        show_document("outcome", document)
        return
    click.echo(
        tables(plan, outcome.result, outcome.calibration, notes=outcome.notes, disturbance=outcome.disturbance)
    )
    show_judgement(folder)
    if advice is not None:
        lines = advice(folder)
        click.echo("\n".join(("", "Recommendation", "", *lines, "")) if lines else "")
    click.echo(f"Saved to {folder}. Read {folder / REPORT}, or run kit report {folder} for a web page.")
    click.echo(f"Next: kit bundle {folder} -o {plan.platform}.tar.gz && kit verify {plan.platform}.tar.gz")


def _remove_if_nothing_began(folder: Path) -> None:
    """A platform alone is no run."""
    from kit.storage.names import PLAN

    if not (folder / PLAN).is_file():
        (folder / PLATFORM).unlink(missing_ok=True)


def _show_where(folder: Path) -> None:
    """Where an interrupted run is, and how to resume it; nothing if it has not begun."""
    from kit.run.status import status_of
    from kit.storage.names import PLAN

    if (folder / PLAN).is_file():
        found = status_of(folder)
        done = found.measured + len(found.failed)
        click.echo(f"Run kept in {folder}: {done} of {found.planned - found.not_needed} cells.", err=True)
        if found.resume is not None:
            click.echo(f"Resume: {found.resume}", err=True)
