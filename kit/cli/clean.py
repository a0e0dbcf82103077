"""kit clean: remove what killed runs have left on an engine."""

from __future__ import annotations

import json

import click

from kit.cli._shared.options import json_option


@click.command("clean")
@click.option("--run", metavar="NAME", help="Only what bears this run's name; default all runs.")
@click.option("--models", is_flag=True, help="The volumes with models too; they are filled again when needed.")
@click.option("--force", is_flag=True, help="Even if a run seems to go on.")
@json_option
def command(run: str | None, models: bool, force: bool, as_json: bool) -> int:
    """Remove every container, network and volume of the kit's runs from the engine.

    What is kept on purpose: images, and the volumes with models unless --models says otherwise. A run that goes
    on is left alone unless --force is given. Exit code 1 when something could not be removed.

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
                f"The run {held.run} of process {held.pid} on {held.host} holds this engine.",
                "If there is no such process any more, give --force.",
            )
        removed = host.clean(run, models=models)
    if as_json:
        click.echo(json.dumps(plain(removed), indent=1))
    else:
        click.echo(
            f"Removed {removed.containers} containers, {removed.networks} networks, {removed.volumes} volumes."
        )
        for problem in removed.problems:
            click.echo(plain_text(problem, 400), err=True)
    return int(bool(removed.problems))
