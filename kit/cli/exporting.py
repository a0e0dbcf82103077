"""kit export: a run in the format of another tool."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option, run_argument, write_file
from kit.cli._shared.printing import show_document
from kit.errors import InputError


@click.group("export")
def command() -> None:
    """Export a run in the format of another tool.

    The run is verified first. Raw records are not exported, so the result cannot be verified: to share a run, use
    `kit bundle`.

    Example: kit export probador runs/demo -o exported
    """


@command.command("probador")
@run_argument
@click.option(
    "-o", "--out", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Output."
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@json_option
def export_probador(run: Path, out: Path, force: bool, as_json: bool) -> None:
    """Write one result per measured cell, in the format that `probador llm score` and `report` read.

    Several replicates of an entry at one concurrency also give a bench report. docs/probador.md says which
    definition each figure follows.

    Example: kit export probador results/demo-2cpu.tar.gz -o exported
    """
    from kit.cli._shared.opening import open_study
    from kit.judge.probador import document_bytes, export_study
    from kit.text import plain_text

    found = open_study(run)
    if found.evidence is None:
        raise InputError(f"{run} is an imported result, without records.", "Give a run folder or a bundle.")
    cells = {name: files.cell for name, files in found.evidence.cells.items() if files.cell is not None}
    export = export_study(found.study, cells, found.records)
    if not export.files:
        raise InputError(f"{run} has no measured cell.", f"kit table {run} shows why.")
    there = [name for name in export.files if (out / name).exists()]
    if there and not force:
        raise InputError(f"{out / there[0]} exists.", "Give another folder with -o, or --force to overwrite it.")
    for name, document in export.files.items():
        write_file(out / name, document_bytes(document))
    if as_json:
        report = {"folder": str(out), "files": list(export.files), "left_out": dict(export.left_out)}
        show_document("exported", report)
        return
    for name in export.files:
        click.echo(f"Written: {out / name}")
    for name, reason in export.left_out.items():
        click.echo(f"Left out: {plain_text(name)}: {plain_text(reason, 300)}")
