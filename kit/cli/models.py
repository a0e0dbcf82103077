"""kit models: list and fetch model files."""

from __future__ import annotations

import json

import click

from kit.cli._shared.containers import lines, source_option
from kit.cli._shared.options import json_option, quiet_option
from kit.cli._shared.printing import show_json
from kit.cli._shared.progress import transfer


@click.group("models")
def command() -> None:
    """Download, verify (sha256) and convert models.

    Example: kit models fetch smollm2-135m-instruct-q4_1
    """


@command.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List the models of the catalogue, and whether each is present.

    Example: kit models list --json
    """
    from kit.catalogue import models
    from kit.supply.weights import weights_path
    from kit.text import bytes_text

    rows = [
        {
            "name": entry.name,
            "bytes": entry.bytes,
            "sha256": entry.sha256,
            "confirmed": entry.confirmed,
            "license": entry.license,
            "source": entry.source.kind,
            "here": weights_path(entry).exists(),
        }
        for entry in models()
    ]
    if as_json:
        show_json(json.dumps(rows, indent=1))
        return
    for row, entry in zip(rows, models(), strict=True):
        size = bytes_text(entry.bytes) if entry.bytes else "size unknown"
        state = "present" if row["here"] else "missing"
        doubt = "" if entry.confirmed else ", hash not confirmed"
        click.echo(f"{entry.name:<36} {size:>12}  {state}{doubt}  ({entry.license}, {entry.title})")


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="MODEL...")
@quiet_option
def fetch_models(names: tuple[str, ...], quiet: bool) -> None:
    """Download model files and verify their sha256; files already present are verified again.

    Example: kit models fetch smollm2-135m-instruct-q4_1
    """
    from kit.catalogue import model
    from kit.supply.download import fetch

    for entry in [model(name) for name in names]:
        with transfer(f"fetching {entry.name}", quiet=quiet) as on_bytes:
            path = fetch(entry, on_bytes)
        click.echo(f"{entry.name}: {path}")


@command.command("prepare")
@click.argument("names", nargs=-1, required=True, metavar="MODEL...")
@source_option
@quiet_option
def prepare_models(names: tuple[str, ...], from_source: bool | None, quiet: bool) -> None:
    """Download or convert models, and store them in volumes of the container engine.

    Conversions (GGUF to safetensors, for vLLM) run in a container. A hash that the catalogue lacks is printed: add
    it there to make runs with that model repeatable.

    Example: kit models prepare smollm2-135m-instruct-bf16
    """
    from kit.run.containers import PreparationOptions, prepare
    from kit.text import bytes_text

    with transfer("preparing models", quiet=quiet) as on_bytes:
        for found in prepare(names, PreparationOptions(from_source), lines(quiet=quiet), on_bytes):
            doubt = "" if found.confirmed else "  (hash not confirmed)"
            click.echo(f"{found.name}  {bytes_text(found.bytes)}  {found.sha256}  volume {found.volume}{doubt}")
