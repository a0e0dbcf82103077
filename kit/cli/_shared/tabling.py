"""What `kit table` does beside printing: rows for other programs, and blocks in somebody's Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import write_file
from kit.errors import InputError

if TYPE_CHECKING:
    from kit.documents import Plan, Result, Verdict
    from kit.report.rows import RowsOf
    from kit.verify.evidence import Evidence

MAX_PAGE_BYTES = 16 << 20


def check_options(
    form: str | None,
    rows: str | None,
    out: Path | None,
    into: Path | None,
    *,
    differences: bool,
    as_json: bool,
    metrics: bool,
) -> None:
    """`UsageError` for options that do not go together."""
    if differences and metrics:
        raise click.UsageError("Give either --differences or --metric.")
    if rows and not form:
        raise click.UsageError("--rows comes with --format csv or --format parquet.")
    if out and not form:
        raise click.UsageError("--out comes with --format csv or --format parquet.")
    if form and (differences or as_json or metrics or into):
        raise click.UsageError("--format has every figure: leave out --metric, --differences, --json and --into.")
    if form == "parquet" and out is None:
        raise click.UsageError("--format parquet needs a file: -o FILE.")
    if into and (differences or as_json):
        raise click.UsageError("--into writes tables: leave out --differences and --json.")


def show_rows(
    run: Path, evidence: Evidence, found: tuple[Plan, Result, Verdict], form: str, of: RowsOf, out: Path | None
) -> None:
    """The rows of a run, to a file or to standard output; what verify says goes to standard error."""
    from kit.report.parquet import parquet_bytes
    from kit.report.rows import Source, csv_text, rows_of

    plan, result, verdict = found
    rows = rows_of(
        Source(
            run=evidence.identity or run.name,
            label=verdict.label,
            plan=plan,
            result=result,
            cells={name: files.cell for name, files in evidence.cells.items() if files.cell is not None},
            records={name: files.records or () for name, files in evidence.cells.items()},
        ),
        of,
    )
    if out is None:
        click.echo(csv_text(rows), nl=False)
        return
    write_file(out, parquet_bytes(rows) if form == "parquet" else csv_text(rows).encode())
    click.echo(f"Written: {out} ({len(rows.rows):,} rows, {len(rows.columns)} columns)", err=True)


def refresh(run: Path, page: Path, metrics: Sequence[str], made: Callable[[Sequence[str]], str]) -> None:
    """Make the blocks of a run in a Markdown file anew; the file is written whole or not at all.

    `made` gives the tables of some metrics, all for none. What a block asks for goes before `metrics`.
    """
    from kit.report.marked import END, begin_line, refreshed
    from kit.storage.whole import replace_file
    from kit.text import plain_text

    before = _text(page)
    target = page.resolve()  # a link stays one

    def is_of(named: str) -> bool:
        return named == str(run) or run.resolve() in (Path(named).resolve(), (target.parent / named).resolve())

    after = refreshed(before, str(page), is_of, lambda mark: made(mark.metrics or metrics))
    if after is None:
        raise InputError(
            f"{page} has no block of {run}.",
            "Add these two lines where the tables are to stand, and run the command again.",
            (begin_line(str(run), metrics), END),
        )
    if after == before:
        click.echo(f"Unchanged: {plain_text(str(page), 400)}")
        return
    part = after.encode("utf-8")
    try:
        mode = target.stat().st_mode
        replace_file(target, part)
        target.chmod(mode)
    except OSError as error:
        raise InputError(f"{page} cannot be written: {error.strerror}.", "Check its folder.") from None
    click.echo(f"Refreshed: {plain_text(str(page), 400)}")


def _text(page: Path) -> str:
    try:
        data = page.read_bytes()
        if len(data) > MAX_PAGE_BYTES:
            raise InputError(f"{page} is larger than {MAX_PAGE_BYTES >> 20} MiB.", "Give a Markdown file.")
        return data.decode("utf-8")
    except OSError as error:
        raise InputError(f"{page} cannot be read: {error.strerror}.", "Give a Markdown file.") from None
    except UnicodeDecodeError:
        raise InputError(f"{page} is not UTF-8.", "Give a Markdown file.") from None
