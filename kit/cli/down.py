"""kit down: remove the servers that `kit up` started."""

from __future__ import annotations

import click


@click.command("down")
def command() -> None:
    """Stop and remove every server that `kit up` started.

    Example: kit down
    """
    from kit.engines.docker.cleaning import clean
    from kit.engines.docker.client import connect
    from kit.engines.docker.standing import STANDING

    client = connect()
    try:
        removed = clean(client, STANDING)
    finally:
        client.close()
    click.echo(f"Removed {removed.containers} servers.")
