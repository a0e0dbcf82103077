"""Markdown as it is for whoever reads a pipe; on a terminal its tables are drawn as wide as that is."""

from __future__ import annotations

import io
import re
import shutil

import click

from kit.cli.showing.screen import WIDTH, is_shown


def show_markdown(text: str, *, raw: bool = False) -> None:
    """Print our own Markdown, drawn on a terminal unless it is wanted `raw`."""
    click.echo(text if raw or not is_shown() else drawn(text, shutil.get_terminal_size((WIDTH, 24)).columns))


def drawn(text: str, width: int) -> str:
    """Tables with lines and aligned columns, paragraphs that fit; no control characters but line feeds."""
    from rich.console import Console
    from rich.markdown import Markdown

    page = io.StringIO()
    console = Console(file=page, width=width, color_system=None, highlight=False, emoji=False)
    for block in text.split("\n\n"):  # rich joins the lines of a paragraph; ours are sentences of their own
        if block.lstrip().startswith(("|", "-", "**")):
            console.print(Markdown(block))
        else:
            for line in block.split("\n"):
                console.print(Markdown(line))
        console.print()
    lines = "\n".join(line.rstrip() for line in page.getvalue().strip("\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines)
