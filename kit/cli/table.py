"""kit table: every table again, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option, run_argument
from kit.cli._shared.prices import given_prices, price_options
from kit.cli._shared.printing import show_json

if TYPE_CHECKING:
    from kit.documents import Plan
    from kit.verify.evidence import Evidence


@click.command("table")
@run_argument
@click.option("--metric", "metrics", multiple=True, metavar="PATH", help="E.g. throughput_tok_s; repeatable.")
@click.option("--differences", is_flag=True, help="Show what differs between the engines' answers instead.")
@price_options
@json_option
def command(
    run: Path,
    metrics: tuple[str, ...],
    differences: bool,
    price_per_hour: float | None,
    price_per_kwh: float | None,
    as_json: bool,
) -> int:
    """Recompute every table of a run folder or bundle from its raw records.

    The stored result is not used. What kit verify says stands with the tables, and a rejected run has exit code
    1. --json prints the recomputed result.json. --differences compares what the engines made of the same prompts:
    tokens counted, length, identical answers. With a price the cost of a million tokens follows the tables.

    Example: kit table demo.tar.gz --metric throughput_tok_s
    """
    from kit.cli._shared.opening import bundle_bytes
    from kit.judge.differences import differences_in
    from kit.judge.open import study_of
    from kit.report.cost_text import cost_table
    from kit.report.differences_text import difference_notes, differences_table
    from kit.report.disturbance_text import disturbance_of
    from kit.report.tables import chosen_metrics, tables
    from kit.storage.run_folder import read_folder
    from kit.strict import plain, write_json
    from kit.verify.evidence import open_bundle, open_run
    from kit.verify.recompute import recomputed_result
    from kit.verify.verdict import verify
    from kit.verify.verdict_text import label_line, rejection

    if differences and metrics:
        raise click.UsageError("Give either --differences or --metric.")
    prices = given_prices(price_per_hour, price_per_kwh)
    if (differences or as_json) and prices is not None:
        raise click.UsageError("Prices go with the tables; as JSON: kit recommend RUN --users N --json.")
    chosen = chosen_metrics(metrics)
    evidence = open_run(read_folder(run)) if run.is_dir() else open_bundle(bundle_bytes(run))
    plan, result = recomputed_result(evidence)
    verdict = verify(evidence)
    if refused := verdict.label == "rejected":
        click.echo(f"{rejection(verdict)}\nAll findings: kit verify {run}\n", err=as_json)
    elif as_json:
        click.echo(label_line(verdict), err=True)
    if as_json and not differences:
        show_json(write_json(plain(result)))
        return int(refused)
    found = differences_in(plan, evidence)
    if as_json:
        show_json(write_json(plain(found)))
    elif differences:
        click.echo(differences_table(found))
    else:
        disturbance = disturbance_of(plan, evidence).markdown()
        notes = [*_rule_notes(evidence, plan), *difference_notes(found)]
        click.echo(tables(plan, result, evidence.calibration, chosen, notes, disturbance))
        if prices is not None:
            click.echo(cost_table(study_of(plan, result, evidence), prices) + "\n")
    if not refused and not as_json:
        click.echo(label_line(verdict))
    return int(refused)


def _rule_notes(evidence: Evidence, plan: Plan) -> tuple[str, ...]:
    """What a run that decided, or looked for the largest number of users, came to."""
    from kit.report.course_text import course_notes
    from kit.report.search_text import search_notes
    from kit.verify.recompute import recomputed_course, recomputed_search

    searched = search_notes(plan, recomputed_search(evidence, plan))
    return (*searched, *course_notes(plan, recomputed_course(evidence, plan)))
