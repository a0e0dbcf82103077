"""kit calibrate: how right the load generator is on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option, levels_option, processes_option, quiet_option, write_file
from kit.cli._shared.printing import show_json
from kit.cli._shared.words.numbers import Number
from kit.cli._shared.words.renamed import Renamed


@click.command("calibrate")
@levels_option("Numbers of concurrent streams to measure.", default="1,8,32")
@click.option(
    "--token-rate",
    "rate",
    cls=Renamed,
    old=["--rate"],
    type=Number(1, 10_000),
    default=200,
    show_default=True,
    metavar="TOK_S",
    help="Tokens per second per stream.",
)
@processes_option
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write calibration.json to FILE.",
)
@quiet_option
@json_option
def command(
    concurrency: tuple[int, ...],
    rate: float,
    processes: int | None,
    output: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Measure how accurate the load generator is on this machine, and up to what load.

    It is run against an endpoint with known timing: 2 to 3 s per concurrency, then up to 8 s to find the highest
    token rate it can follow. Exit code 1 if a concurrency fails. `kit reproduce` does this before its first cell.

    Example: kit calibrate -c 1,8,32 --token-rate 200
    """
    import tempfile

    from kit.cli._shared.progress import calibration_steps
    from kit.engines.process import ProcessEngine
    from kit.report.calibration_text import calibration_table
    from kit.run.calibrate import calibrate
    from kit.strict import plain, write_json

    on_step = calibration_steps(quiet=quiet or as_json)
    with tempfile.TemporaryDirectory(prefix="kit-calibrate-") as folder:
        found = calibrate(concurrency, rate, ProcessEngine(), Path(folder), on_step, processes=processes)
    document = write_json(plain(found))
    if output is not None:
        write_file(output, document)
    text = calibration_table(found, processes or 1)
    show_json(document) if as_json else click.echo(text)
    held = {point.concurrency for point in found.points if point.ok}
    return 0 if held == set(concurrency) else 1
