"""How commands print documents for programs."""

from __future__ import annotations

import sys

import click

from kit.output import printable_json


def show_json(document: bytes | str) -> None:
    """Print a JSON document on standard output, with escapes for what must not reach a terminal."""
    text = document if isinstance(document, str) else document.decode()
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(printable_json(text, encoding), nl=not text.endswith("\n"))
