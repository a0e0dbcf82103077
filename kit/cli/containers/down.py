"""kit down: remove the servers that `kit up` started."""

from __future__ import annotations

import click


@click.command("down")
def command() -> None:
    """Stop and remove every server that `kit up` started.

    Example: kit down
    """
    from kit.engines import connect
    from kit.run.containers import STANDING

    with connect() as host:
        removed = host.clean(STANDING)
    click.echo(f"Removed {removed.containers} servers.")
