"""kit models: list and fetch model files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kit.cli._shared.containers import lines, source_option
from kit.cli._shared.options import json_option, quiet_option
from kit.cli._shared.printing import show_document
from kit.cli._shared.words import completing
from kit.cli.showing.transfers import transfer
from kit.errors import InternalError

if TYPE_CHECKING:
    from kit.catalogue import ModelEntry
    from kit.engines.protocol import OnBytes


@click.group("models")
def command() -> None:
    """Describe, download, verify (sha256) and convert models.

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
        show_document("models-list", {"models": rows})
        return
    for row, entry in zip(rows, models(), strict=True):
        size = bytes_text(entry.bytes) if entry.bytes else "size unknown"
        state = "present" if row["here"] else "missing"
        doubt = "" if entry.confirmed else ", hash not confirmed"
        click.echo(f"{entry.name:<36} {size:>12}  {state}{doubt}  ({entry.license}, {entry.title})")


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="MODEL...", shell_complete=completing.models)
@quiet_option
def fetch_models(names: tuple[str, ...], quiet: bool) -> None:
    """Download model files and verify their sha256; files already present are verified again.

    MODEL is a name of the catalogue, hf:ORG/REPO[:FILE][@REVISION], or https://...

    Example: kit models fetch smollm2-135m-instruct-q4_1
    """
    from kit.supply.own_models import fetched

    for name in names:
        known = _known(name)  # before anything is shown: a word that is none stands in an error only
        with transfer(f"fetching {name}", quiet=quiet) as on_bytes:
            entry = known or _own(name, on_bytes)
            path = fetched(entry, on_bytes)
        click.echo(f"{entry.name}: {path}" + ("" if entry.catalogue else f"  sha256 {entry.sha256}"))


def _known(text: str) -> ModelEntry | None:
    """The model of the catalogue; None for the words of one that is elsewhere."""
    from kit.catalogue import model
    from kit.plan.sources import source_of

    return model(text) if source_of(text) is None else None


def _own(text: str, on_bytes: OnBytes) -> ModelEntry:
    from kit.plan.sources import source_of
    from kit.supply.own_model import own_model

    source = source_of(text)
    if source is None:
        raise InternalError("A model of the catalogue is none of somebody's own.")
    return own_model(source, may_download=True, on_bytes=on_bytes).entry


@command.command("show")
@click.argument("text", metavar="MODEL", shell_complete=completing.models)
@json_option
def show_model(text: str, as_json: bool) -> None:
    """Show what a GGUF file says of itself: architecture, size, quantisation, context, chat template.

    MODEL is a file, hf:ORG/REPO[:FILE][@REVISION], https://..., or a name of the catalogue. Of a model that is not
    here, only the beginning is read. HF_TOKEN is for gated repositories.

    Example: kit models show ./model.gguf
    """
    from kit.report.model_text import model_document, model_lines
    from kit.supply.own_model import shown_model

    found = shown_model(text)
    if as_json:
        show_document("model", model_document(found.entry, found.facts))
        return
    for line in model_lines(found.entry, found.facts):
        click.echo(line)


@command.command("prepare")
@click.argument("names", nargs=-1, required=True, metavar="MODEL...", shell_complete=completing.models)
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
