"""How commands print documents for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import click

from kit.output import printable_json


def show_json(document: bytes | str) -> None:
    """Print a JSON document on standard output, with escapes for what must not reach a terminal."""
    text = document if isinstance(document, str) else document.decode()
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(printable_json(text, encoding), nl=not text.endswith("\n"))


def show_document(name: str, document: Mapping[str, object]) -> None:
    """Print what has no class and no schema file as a document with an id, `kit/<name>/1`, of its fields."""
    show_json(json.dumps({"schema": f"kit/{name}/1", **document}, indent=1))
