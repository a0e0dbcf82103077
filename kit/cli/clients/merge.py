"""kit merge: the shares of one load by several clients, put together."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option, new_folder, out_option
from kit.cli._shared.printing import show_json


@click.command("merge")
@click.argument(
    "loads",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="LOAD...",
)
@out_option("Output; default runs/merged-TIME.")
@json_option
def command(loads: tuple[Path, ...], out: Path | None, as_json: bool) -> int:
    """Put the shares of one load by several clients together.

    LOADs are the folders of `kit load --shard 1/N` to `N/N`, copied to this machine. All numbers are computed anew
    from all records; table, report, compare, bundle and verify take the new folder like any load's. A share that
    is missing, or of another load, is refused. Exit code 8 if no request succeeded.

    Example: kit merge part-1 part-2 part-3 -o runs/together
    """
    from kit.cli.load import load_text
    from kit.errors import NoResultError
    from kit.report.load_tables import client_lines
    from kit.run.clients.merging import merge_loads
    from kit.strict import plain, write_json

    folder = new_folder(out, "merged")
    cell = merge_loads(loads, folder)
    if as_json:
        show_json(write_json(plain(cell)))
    else:
        click.echo(load_text(cell, folder, client_lines(cell)))
    if cell.metrics is None or not cell.metrics.requests.ok:
        return NoResultError.exit_code
    return 0
