"""kit clean: remove what killed runs have left on an engine."""

from __future__ import annotations

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_document


@click.command("clean")
@click.option("--run", metavar="NAME", help="Only objects of this run; default all runs.")
@click.option("--models", is_flag=True, help="Also the model volumes; they are refilled when needed.")
@click.option("--force", is_flag=True, help="Even if a run appears to be active.")
@json_option
def command(run: str | None, models: bool, force: bool, as_json: bool) -> int:
    """Remove every container, network and volume of the kit's runs from the container engine.

    Images are kept, and so are model volumes unless --models is given. An active run is left alone unless --force
    is given. Exit code 1 if something could not be removed.

    Example: kit clean
    """
    from kit.engines import connect
    from kit.errors import InputError
    from kit.strict import plain
    from kit.text import plain_text

    with connect() as host:
        held = host.holder()
        if held is not None and not held.dead and not force and run in (None, held.run):
            raise InputError(
                f"Run {held.run} (process {held.pid} on {held.host}) is using this engine.",
                "If that process no longer exists, give --force.",
            )
        removed = host.clean(run, models=models)
    if as_json:
        document = plain(removed)
        assert isinstance(document, dict)
        show_document("cleaned", document)
    else:
        click.echo(
            f"Removed {removed.containers} containers, {removed.networks} networks, {removed.volumes} volumes."
        )
        for problem in removed.problems:
            click.echo(plain_text(problem, 400), err=True)
    return int(bool(removed.problems))
