"""kit status: how far a run has come."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_json
from kit.documents.status import RunningCell, RunStatus

MAX_WORDS = 200  # of the reason why a cell failed


def status_text(found: RunStatus) -> str:
    """A status for people."""
    from kit.cli.showing.bars import remaining_text
    from kit.text import plain_text

    needed = found.planned - found.not_needed
    done = found.measured + len(found.failed)
    states = {"running": "running", "stopped": "not running, can be resumed", "complete": "complete"}
    lines = [
        f"run         {plain_text(found.run, MAX_WORDS)}: {plain_text(found.platform)}, {states[found.state]}",
        *([f"done        {done} of {needed} cells"] if needed else []),  # an evaluation alone has none
    ]
    if found.running is not None:
        lines.append(f"running     {_running(found.running)}")
    lines += [
        f"failed      {plain_text(each.id)} in {plain_text(each.phase)}: {plain_text(each.message, MAX_WORDS)}"
        for each in found.failed
    ]
    lines += [f"interrupted {plain_text(name)}" for name in found.interrupted]
    if found.set_aside:
        lines.append(f"set aside   {found.set_aside} attempt{'s' if found.set_aside > 1 else ''}")
    if found.not_needed:
        lines.append(f"not needed  {found.not_needed} of {found.planned} planned cells")
    if found.state != "complete" and needed:
        left, most = (remaining_text(ns / 1e9) for ns in (found.left_ns, found.at_most_ns))
        lines.append(f"time left   about {left}" + (f", at most {most}" if most != left else ""))
    if found.resume is not None:
        lines.append(f"resume      {found.resume}")
    return "\n".join(lines)


def _running(running: RunningCell) -> str:
    from kit.text import plain_text

    where = f"{plain_text(running.cell)}, " if running.cell else ""
    return f"{where}{plain_text(running.phase)} for {running.phase_ns / 1e9:.0f} s"


@click.command("status")
@click.argument("run", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def command(run: Path | None, as_json: bool) -> None:
    """Show how far the run in a folder has come: cells done, running and failed, the time left, how to resume.

    Without RUN: the run in runs/ that was started last. The run may go on meanwhile in another process.

    Example: kit status runs/demo-20261129-150000
    """
    from kit.run.status import latest_run, status_of
    from kit.strict import plain, write_json
    from kit.strict.schema import check

    found = status_of(run or latest_run(Path("runs")))
    if as_json:
        document = plain(found)
        check(document, "status", "status")
        show_json(write_json(document))
        return
    click.echo(status_text(found))
