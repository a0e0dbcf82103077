"""What a run that has just ended shows: it is opened once, for its page and for its last screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kit.cli.showing.screen import is_shown, link_to, show_screen
from kit.documents import Cell, Plan, Sweep
from kit.storage.names import PAGE

if TYPE_CHECKING:
    from kit.errors import KitError
    from kit.judge.open import OpenedStudy
    from kit.report.screen.values import Screen


def opened_run(folder: Path, plan: Plan, *, quiet: bool = False) -> OpenedStudy | None:
    """The run, verified, within the limits that it looked for; None, and told, if verification refuses it."""
    from kit.cli import show_error
    from kit.cli._shared.opening import open_study
    from kit.judge.open import RefusedError

    try:
        return open_study(folder, plan.search.slo if plan.search is not None else None)
    except RefusedError as refused:
        if not quiet:
            show_error(refused)
        return None


def page_of_run(folder: Path, opened: OpenedStudy | None) -> Path | None:
    """Write the page into the folder of a run; None where there is nothing that may stand on it.

    It is beside the measurement: whatever goes wrong with it, the run and its screen stay.
    """
    from kit.cli import show_error
    from kit.cli.report import page_inputs
    from kit.errors import KitError
    from kit.report.page.report import page_of
    from kit.storage.whole import replace_file

    if opened is None:
        return None
    try:
        replace_file(folder / PAGE, page_of(page_inputs([(folder, opened)])).encode())
    except (KitError, OSError) as error:
        show_error(error if isinstance(error, KitError) else _unwritten(folder, error))
        return None
    return folder / PAGE


def _unwritten(folder: Path, error: OSError) -> KitError:
    from kit.errors import StorageError

    words = error.strerror or type(error).__name__
    return StorageError(f"{folder / PAGE} cannot be written: {words}.", f"The run is whole: kit report {folder}")


def screen_of(opened: OpenedStudy, folder: Path, page: Path | None, advice: Sequence[str] = ()) -> Screen:
    """The last screen of a run in a folder."""
    from kit.judge.differences import differences_in
    from kit.report.differences_text import difference_notes
    from kit.report.screen.runs import Ended, run_screen

    plan, evidence = opened.plan, opened.evidence
    notes: list[str] = []
    if plan is not None and evidence is not None and len(plan.entries) > 1:
        notes = difference_notes(differences_in(plan, evidence))
    ended = Ended(
        run=str(folder),
        page=str(page) if page else "",
        page_link=link_to(page) if page else "",
        advice=tuple(advice),
        differences=tuple(notes),
    )
    return run_screen(opened, ended)


def show_sweep(sweep: Sweep, folder: Path) -> bool:
    """Show the last screen of a sweep, if somebody looks at a terminal; its page is written in any case."""
    from kit.cli._shared.opening import open_study
    from kit.errors import KitError
    from kit.report.screen.loads import sweep_screen

    try:
        page = page_of_run(folder, open_study(folder)) if any(each.metrics for each in sweep.levels) else None
    except KitError:
        page = None  # verification says why: kit verify
    if not is_shown():
        return False
    show_screen(sweep_screen(sweep, str(folder), str(page) if page else "", link_to(page) if page else ""))
    return True


def show_load(cell: Cell, folder: Path) -> bool:
    """The same of one load, whose page is made when somebody asks for it."""
    from kit.report.screen.loads import load_screen

    if not is_shown():
        return False
    show_screen(load_screen(cell, str(folder)))
    return True
