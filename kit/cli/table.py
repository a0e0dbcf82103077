"""kit table: every table again, from the records alone; rows for other programs; blocks in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from kit.cli._shared.options import json_option, metric_option, run_argument
from kit.cli._shared.prices import given_prices, price_options
from kit.cli._shared.printing import show_json
from kit.cli._shared.words import completing
from kit.metrics.registry import MORE_TABLES, SESSION_TABLES, TABLES

if TYPE_CHECKING:
    from kit.documents import Plan, Result
    from kit.judge.costs import Prices
    from kit.verify.evidence import Evidence


TABLES_HELP = f"PATH is one of {', '.join(each.path for each in (*TABLES, *MORE_TABLES, *SESSION_TABLES))}."


PRICES = "Prices go with the tables; as JSON: kit recommend RUN --users N --json."


@click.command("table", epilog=TABLES_HELP)
@run_argument
@metric_option("E.g. throughput_tok_s, see below; repeatable. Default all tables.", completing.tables)
@click.option("--differences", is_flag=True, help="Show what differs between the engines' answers instead.")
@price_options
@click.option("--format", "form", type=click.Choice(("csv", "parquet")), help="Rows for other programs instead.")
@click.option(
    "--rows", type=click.Choice(("cells", "requests")), help="With --format: a row for each. Default cells."
)
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="With --format: the file."
)
@click.option(
    "--into",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Refresh the blocks of this run in a Markdown file.",
)
@click.option("--markdown", is_flag=True, help="Print Markdown on a terminal too, as into a pipe.")
@json_option
def command(
    run: Path,
    metrics: tuple[str, ...],
    differences: bool,
    price_per_hour: float | None,
    price_per_kwh: float | None,
    form: str | None,
    rows: Literal["cells", "requests"] | None,
    out: Path | None,
    into: Path | None,
    markdown: bool,
    as_json: bool,
) -> int:
    """Recompute every table of a run folder or bundle from its raw records.

    The stored result is not used. What kit verify says stands with the tables, and a rejected run has exit code
    1. --json prints the recomputed result.json. --differences compares what the engines made of the same prompts:
    tokens counted, length, identical answers. With a price the cost of a million tokens follows the tables.
    --format csv or parquet gives every figure as rows for pandas and spreadsheets; parquet needs pip install
    'llm-repro-kit[parquet]'. --into FILE writes the tables between the lines <!-- kit:table RUN --> and
    <!-- kit:end --> of a Markdown file, and changes nothing else.

    Example: kit table demo.tar.gz --metric throughput_tok_s
    """
    from kit.cli._shared.opening import bundle_bytes
    from kit.cli._shared.tabling import check_options, refresh, show_rows
    from kit.cli.showing.markdown import show_markdown
    from kit.judge.open import RefusedError
    from kit.report.tables import chosen_metrics
    from kit.storage.run_folder import read_folder
    from kit.verify.evidence import open_bundle, open_run
    from kit.verify.recompute import recomputed_result
    from kit.verify.verdict import verify
    from kit.verify.verdict_text import label_line, rejection

    check_options(form, rows, out, into, differences=differences, as_json=as_json, metrics=bool(metrics))
    prices = given_prices(price_per_hour, price_per_kwh)
    if (differences or as_json or form) and prices is not None:
        raise click.UsageError(PRICES)
    chosen_metrics(metrics)
    evidence = open_run(read_folder(run)) if run.is_dir() else open_bundle(bundle_bytes(run))
    plan, result = recomputed_result(evidence)
    verdict = verify(evidence)
    for_programs = as_json or form is not None
    if refused := verdict.label == "rejected":
        if into is not None:
            raise RefusedError(f"{rejection(verdict)}.", f"All findings: kit verify {run}")
        click.echo(f"{rejection(verdict)}\nAll findings: kit verify {run}\n", err=for_programs)
    elif for_programs:
        click.echo(label_line(verdict), err=True)
    if form is not None:
        show_rows(run, evidence, (plan, result, verdict), form, rows or "cells", out)
    elif into is not None:
        label = label_line(verdict)
        refresh(run, into, metrics, lambda asked: f"{_tables(plan, result, evidence, asked, prices)}\n\n{label}")
    else:
        _show(plan, result, evidence, metrics, prices, differences=differences, as_json=as_json, raw=markdown)
        if not refused and not as_json:
            show_markdown(label_line(verdict), raw=markdown)
    return int(refused)


def _show(
    plan: Plan,
    result: Result,
    evidence: Evidence,
    metrics: Sequence[str],
    prices: Prices | None,
    *,
    differences: bool,
    as_json: bool,
    raw: bool,
) -> None:
    from kit.cli.showing.markdown import show_markdown
    from kit.judge.differences import differences_in
    from kit.report.differences_text import differences_table
    from kit.strict import plain, write_json

    if as_json:
        show_json(write_json(plain(differences_in(plan, evidence) if differences else result)))
    elif differences:
        show_markdown(differences_table(differences_in(plan, evidence)), raw=raw)
    else:
        show_markdown(_tables(plan, result, evidence, metrics, prices), raw=raw)


def _tables(plan: Plan, result: Result, evidence: Evidence, metrics: Sequence[str], prices: Prices | None) -> str:
    """The tables of some metrics, all for none, and what stands below them."""
    from kit.judge.differences import differences_in
    from kit.judge.open import study_of
    from kit.metrics.witness.words import with_witness
    from kit.report.cost_text import cost_table
    from kit.report.differences_text import difference_notes
    from kit.report.disturbance_text import disturbance_of
    from kit.report.quality.quality_text import quality_text
    from kit.report.tables import chosen_metrics, tables
    from kit.verify.evaluation.computed import quality_in

    disturbance = disturbance_of(plan, evidence).markdown()
    notes = [*_rule_notes(evidence, plan), *difference_notes(differences_in(plan, evidence))]
    notes = [*with_witness(plan, result, notes)]
    text = tables(plan, result, evidence.calibration, chosen_metrics(metrics), notes, disturbance)
    if quality := quality_in(evidence):
        text += f"\n{quality_text(quality)}"
    return text if prices is None else f"{text}\n{cost_table(study_of(plan, result, evidence), prices)}\n"


def _rule_notes(evidence: Evidence, plan: Plan) -> tuple[str, ...]:
    """What a run that decided, or looked for the largest number of users, came to."""
    from kit.report.course_text import course_notes
    from kit.report.search_text import search_notes
    from kit.verify.recompute import recomputed_course, recomputed_search

    searched = search_notes(plan, recomputed_search(evidence, plan))
    return (*searched, *course_notes(plan, recomputed_course(evidence, plan)))
