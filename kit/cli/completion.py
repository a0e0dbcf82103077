"""kit completion: the tab completion script of a shell."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the tab completion script for SHELL, to be sourced by the shell's startup file.

    Example: kit completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    from kit.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    script = found(cli, {}, "kit", "_KIT_COMPLETE").source()
    # click's script for fish takes the part between the first two commas, which cuts descriptions.
    click.echo(script.replace('string split ","', 'string split -m 1 ","') if shell == "fish" else script)
