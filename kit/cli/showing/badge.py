"""kit badge: a run's best figure and its label as a picture for a README."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import METRICS_HELP, run_argument, users_option, write_file
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole


@click.command("badge", epilog=METRICS_HELP)
@run_argument
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Output, SVG.")
@click.option(
    "--metric",
    default="throughput_tok_s",
    metavar="PATH",
    shell_complete=completing.metrics,
    help="The figure, see below. Default throughput_tok_s.",
)
@users_option(Whole(1, 10_000), "At this number of users only.")
def command(run: Path, out: Path | None, metric: str, users: int | None) -> None:
    """Make a badge (SVG) of a run or bundle: the best figure, with its entry and users, and the label.

    The run is verified first, and a rejected one gets no badge. The colour is that of the label: green for
    consistent, amber for self-reported, grey for imported results. Without -o it is printed.

    Example: kit badge results/demo-2cpu.tar.gz -o badge.svg
    """
    from kit.cli._shared.opening import open_study
    from kit.judge.best import best_figure
    from kit.report.badge import badge_of, badge_svg

    study = open_study(run).study
    text = badge_svg(badge_of(study, best_figure(study, metric, users)))
    if out is None:
        click.echo(text, nl=False)
        return
    write_file(out, text.encode())
    click.echo(f"Written: {out}")
