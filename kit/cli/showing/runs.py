"""kit runs: what runs and bundles are there."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_json
from kit.documents.runs import RunLine, RunList


def runs_text(found: RunList, *, labels: bool) -> str:
    """The list for people: a row a run, below it what could not be read."""
    from tabulate import tabulate

    from kit.text import plain_text

    good = [line for line in found.runs if line.problem is None]
    headers = ["run", "platform", "machine", "started (UTC)", "state", "cells", "size", *(["label"] * labels)]
    rows = [_row(line, labels=labels) for line in good]
    parts = [tabulate(rows, headers, tablefmt="plain", disable_numparse=True)] if rows else []
    parts += [f"{line.name}: {plain_text(line.problem, 300)}" for line in found.runs if line.problem is not None]
    return "\n".join(parts) or f"No runs in {plain_text(found.folder, 200)}."


def _row(line: RunLine, *, labels: bool) -> list[str]:
    from kit.text import NO_DATA, bytes_text

    started = line.started_utc or NO_DATA
    return [
        line.name,
        line.platform or NO_DATA,
        line.machine or NO_DATA,
        started[:16].replace("T", " "),
        line.state or NO_DATA,
        _cells(line),
        bytes_text(line.size_bytes),
        *([line.label or NO_DATA] * labels),
    ]


def _cells(line: RunLine) -> str:
    from kit.text import NO_DATA

    failed = f", {line.failed} failed" if line.failed else ""
    return NO_DATA if line.planned is None else f"{line.done} of {line.planned}{failed}"


@click.command("runs")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--labels", is_flag=True, help="Verify each, and show its label; about a second for each.")
@json_option
def command(folder: Path | None, labels: bool, as_json: bool) -> None:
    """List the run folders and bundles in DIR, the newest first; without DIR those in runs/.

    Platform, machine, start, state (complete, stopped: can be resumed, running), cells done and size. What cannot
    be read is named with the reason.

    Example: kit runs results --labels
    """
    from kit.errors import InputError
    from kit.judge.limited import judge_limited
    from kit.run.listing import runs_in
    from kit.strict import plain, write_json
    from kit.strict.schema import check

    place = folder or Path("runs")
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "Give a folder with runs or bundles in it.")
    found = runs_in(place, judge_limited if labels else None)
    if as_json:
        document = plain(found)
        check(document, "runs", "runs")
        show_json(write_json(document))
        return
    click.echo(runs_text(found, labels=labels))
