"""A run from its platform to what it ends with on the screen: shared by `reproduce` and `run`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.carrying_out import ChosenRun, CommandOptions, carried_out
from kit.cli._shared.printing import show_document
from kit.documents import Plan
from kit.storage.names import PLATFORM, REPORT

if TYPE_CHECKING:
    from kit.judge.open import OpenedStudy
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
    verbose: bool = False,
    more: Mapping[str, Any] | None = None,
    advice: Advice | None = None,
) -> None:
    """The last screen on a terminal; in a pipe, or `verbose`, all tables in Markdown and the judgement.

    As JSON the result, with `more` in the document. `advice` are lines that stand with the judgement. The page is
    written in any case.
    """
    from kit.cli.showing.ended import opened_run, page_of_run, screen_of
    from kit.cli.showing.screen import is_shown, show_screen
    from kit.strict import plain

    opened = opened_run(folder, plan, quiet=as_json)
    page = page_of_run(folder, opened)
    lines = advice(folder) if advice is not None else ()
    if as_json:
        document = {"run": str(folder), "result": plain(outcome.result), **(more or {})}
        if outcome.quality is not None:
            document["quality"] = plain(outcome.quality)
        if advice is not None:
            document["recommendation"] = list(lines)
        show_document("outcome", document)
    elif opened is not None and is_shown() and not verbose:
        show_screen(screen_of(opened, folder, page, lines))
    else:
        _show_all(plan, outcome, folder, opened, page, lines)


def _show_all(
    plan: Plan,
    outcome: Outcome,
    folder: Path,
    opened: OpenedStudy | None,
    page: Path | None,
    advice: Sequence[str],
) -> None:
    """Tables, judgement, and what to type next."""
    from kit.cli._shared.judgement import show_opened
    from kit.report.quality.quality_text import quality_text
    from kit.report.tables import tables

    click.echo(
        tables(plan, outcome.result, outcome.calibration, notes=outcome.notes, disturbance=outcome.disturbance)
    )
    if outcome.quality is not None:
        click.echo(quality_text(outcome.quality))
    if opened is not None:
        show_opened(opened)
    if advice:
        click.echo("\n".join(("", "Recommendation", "", *advice, "")))
    web = f"open {page} in a browser" if page else f"run kit report {folder} for a web page"
    click.echo(f"Saved to {folder}. Read {folder / REPORT}, or {web}.")
    click.echo(f"Next: kit bundle {folder} -o {plan.platform}.tar.gz && kit verify {plan.platform}.tar.gz")


def _remove_if_nothing_began(folder: Path) -> None:
    """A platform alone is no run."""
    from kit.storage.names import PLAN, TRACE

    if not (folder / PLAN).is_file():
        for name in (PLATFORM, TRACE):
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's files in it stay, or there is none
            folder.rmdir()


def _show_where(folder: Path) -> None:
    """Where an interrupted run is, and how to resume it; nothing if it has not begun."""
    from kit.run.status import status_of
    from kit.storage.names import PLAN

    if (folder / PLAN).is_file():
        found = status_of(folder)
        done, needed = found.measured + len(found.failed), found.planned - found.not_needed
        click.echo(f"Run kept in {folder}{f': {done} of {needed} cells' if needed else ''}.", err=True)
        if found.resume is not None:
            click.echo(f"Resume: {found.resume}", err=True)
