"""What the commands of containers share: lines of what happens, and options."""

from __future__ import annotations

from collections.abc import Callable

import click

OnLine = Callable[[str], None]

source_option = click.option(
    "--from-source/--official",
    default=None,
    help="Build images from source, or use official ones; default whichever works.",
)


def safe_lines(on_line: OnLine) -> OnLine:
    """Hands lines on, made safe."""
    from kit.text import plain_text, without_password

    return lambda line: on_line(plain_text(without_password(line), 200))


def lines(*, quiet: bool) -> OnLine:
    """Prints what happens on standard error, made safe; nothing when quiet."""
    from kit.text import plain_text, without_password

    return lambda line: None if quiet else click.echo(plain_text(without_password(line), 200), err=True)
