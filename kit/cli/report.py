"""kit report: one page for people, the same in Markdown, and the plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import write_file
from kit.cli._shared.prices import given_prices, price_options
from kit.cli._shared.words import completing
from kit.errors import InputError
from kit.storage.names import PAGE, REPORT

if TYPE_CHECKING:
    from kit.documents.study import Study
    from kit.judge.costs import Prices
    from kit.judge.open import OpenedStudy
    from kit.judge.trial_figures import CellParts
    from kit.report.page.inputs import PageInput

MAX_RUNS = 100


@click.command("report")
@click.argument(
    "runs",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="RUN|BUNDLE|STUDY...",
    shell_complete=completing.runs,
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR", help="Output; default report-NAME.")
@click.option("--title", help="Title of the page; default that of the run.")
@click.option("--timeline", metavar="CELL", help="Cell shown in the token timeline, e.g. r1-c4-vllm.")
@click.option("--open", "opened", is_flag=True, help="Open the page in a browser.")
@price_options
@click.option("--quiet", "-q", is_flag=True, help="Print only the path of report.html.")
def command(
    runs: tuple[Path, ...],
    out: Path | None,
    title: str | None,
    timeline: str | None,
    opened: bool,
    price_per_hour: float | None,
    price_per_kwh: float | None,
    quiet: bool,
) -> None:
    """Write a report of runs, bundles and imported results: report.html, REPORT.md and plots/*.svg.

    Everything is verified first and recomputed from the records. The page is one file and needs no network:
    verdict, tables, plots, method, warnings, provenance, how to verify. A folder means all runs in it. Files of
    an older report are replaced; other files are never overwritten.

    Example: kit report results/smol-2cpu.tar.gz -o report
    """
    written = write_report(runs, out, title, timeline, given_prices(price_per_hour, price_per_kwh))
    for path in written[:1] if quiet else written:
        click.echo(str(path))
    if opened:
        _open(written[0])


def _open(page: Path) -> None:
    """Show the page in the browser of this machine; where there is none, say its address."""
    import webbrowser

    address = page.resolve().as_uri()
    if not webbrowser.open(address):
        click.echo(f"No browser was found here. The page: {address}", err=True)


def write_report(
    runs: Sequence[Path],
    out: Path | None,
    title: str | None = None,
    timeline: str | None = None,
    prices: Prices | None = None,
) -> list[Path]:
    """Write the report of some runs; the paths of its files, in the order in which they were written."""
    from kit.cli._shared.opening import inside, open_study
    from kit.report.page.report import report_of

    if out is not None and out.suffix.lower() in (".html", ".htm", ".md", ".pdf") and not out.is_dir():
        raise InputError(
            f"A report is a folder of several files, and {out} looks like one file.", f"-o {out.stem}"
        )
    found = [(each, open_study(each)) for path in runs for each in inside(path)]
    if len(found) > MAX_RUNS:
        raise InputError(f"Too many runs for one page: {len(found)}.", f"Give at most {MAX_RUNS}.")
    report = report_of([replace(each, prices=prices) for each in page_inputs(found, timeline)], title)
    folder = out or Path(f"report-{found[0][1].study.name}")
    files = {
        PAGE: report.html,
        REPORT: report.markdown,
        **{f"plots/{name}": text for name, text in report.plots.items()},
    }
    for name in files:
        _refuse_foreign(folder / name)
    for name, text in files.items():
        write_file(folder / name, text.encode())
    return [folder / name for name in files]


def page_inputs(found: Sequence[tuple[Path, OpenedStudy]], timeline: str | None = None) -> list[PageInput]:
    """What the page is made of. The cell of the timeline is looked for in every run that is not the only one."""
    from kit.judge.shapes import shapes_of
    from kit.judge.trial_figures import CellParts
    from kit.report.page.inputs import has_records

    parts = [
        {
            name: CellParts(files.cell, files.records or (), ())
            for name, files in (each.evidence.cells if each.evidence else {}).items()
        }
        for _, each in found
    ]
    if timeline and len(found) > 1 and not any(has_records(cells, timeline) for cells in parts):
        raise InputError(f'No cell "{timeline}" with records in these runs.', "result.json lists the cells.")
    return [
        _input(path, replace(each, study=study), mine, _wanted(timeline, mine, len(found) == len(studies) == 1))
        for (path, each), cells in zip(found, parts, strict=True)
        for studies in [shapes_of(each.study)]
        for study in studies
        for mine in [cells if len(studies) == 1 else _cells_of(study, cells)]
    ]


def _cells_of(study: Study, cells: Mapping[str, CellParts]) -> dict[str, CellParts]:
    """The cells of one shape of a run."""
    sources = {trial.source for subject in study.subjects for trial in subject.trials}
    return {name: parts for name, parts in cells.items() if name in sources}


def _wanted(timeline: str | None, cells: Mapping[str, CellParts], alone: bool) -> str | None:
    from kit.report.page.inputs import has_records

    return timeline if timeline and (alone or has_records(cells, timeline)) else None


def _input(path: Path, opened: OpenedStudy, cells: Mapping[str, CellParts], cell: str | None) -> PageInput:
    from kit.collection.layout import bundle_name
    from kit.judge.differences import differences_in
    from kit.metrics.witness.words import witness_notes
    from kit.report.disturbance_text import disturbance_of
    from kit.report.page.inputs import imported_input, run_input
    from kit.report.page.scorecard import scorecard_part
    from kit.verify.evaluation.computed import quality_in

    if opened.evidence is None or opened.plan is None:
        given = imported_input(opened.study, path.name)
    else:
        identity = opened.evidence.identity
        given = run_input(
            opened.study,
            bundle_name(identity) if identity else path.name,  # so that a renamed file gives the same page
            opened.evidence.source,
            opened.plan,
            cells,
            opened.evidence.calibration,
            opened.evidence.host,
            cell,
        )
        disturbance = tuple(disturbance_of(opened.plan, opened.evidence).plain())
        given = replace(given, disturbance=disturbance, quality=quality_in(opened.evidence))
        if opened.evidence.result is not None:
            given = replace(given, witness=witness_notes(opened.plan, opened.evidence.result))
        if len(opened.plan.entries) > 1:
            given = replace(given, differences=differences_in(opened.plan, opened.evidence))
    return replace(given, scorecard=scorecard_part(opened.study))


def _refuse_foreign(path: Path) -> None:
    """`InputError` if there is a file that no report of ours left there."""
    from kit.report.page.report import MARK

    if not path.exists() and not path.is_symlink():
        return
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give another folder with -o.") from None
    if MARK.encode() not in first:
        raise InputError(f"{path} exists and was not written by kit report.", "Give another folder with -o.")
