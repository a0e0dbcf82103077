"""kit table: every table again, from the records alone."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option, run_argument
from kit.cli._shared.printing import show_json


@click.command("table")
@run_argument
@click.option("--metric", "metrics", multiple=True, metavar="PATH", help="E.g. throughput_tok_s; repeatable.")
@json_option
def command(run: Path, metrics: tuple[str, ...], as_json: bool) -> None:
    """Recompute every table of a run folder or bundle from its raw records.

    The stored result is not used. --json prints the recomputed result.json.

    Example: kit table demo.tar.gz --metric throughput_tok_s
    """
    from kit.cli._shared.opening import bundle_bytes
    from kit.report.tables import chosen_metrics, tables
    from kit.storage.run_folder import read_folder
    from kit.strict import plain, write_json
    from kit.verify.evidence import open_bundle, open_run
    from kit.verify.recompute import recomputed_result

    chosen = chosen_metrics(metrics)
    evidence = open_run(read_folder(run)) if run.is_dir() else open_bundle(bundle_bytes(run))
    plan, result = recomputed_result(evidence)
    if as_json:
        show_json(write_json(plain(result)))
    else:
        click.echo(tables(plan, result, evidence.calibration, chosen))
