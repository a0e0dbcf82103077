"""kit runtimes: which runtimes there are, what they can be set to, and whether a folder is one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option, runtime_path_option
from kit.cli._shared.printing import show_document
from kit.cli._shared.words import completing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kit.runtimes.outside.checks import Point
    from kit.runtimes.protocol import Runtime, SettingRule


@click.group("runtimes")
def command() -> None:
    """List runtimes, show their settings, and check a runtime of your own (docs/adding-a-runtime.md).

    Example: kit runtimes check runtimes/transformers
    """


def _where(name: str) -> tuple[Runtime, str, str | None]:
    """A runtime, where it is from, and the sha256 of its folder if it is none of the kit's."""
    from kit.errors import InputError
    from kit.runtimes import OWN, runtime_names
    from kit.runtimes.outside.search import found
    from kit.text import hint, plain_text

    if name in OWN:
        return OWN[name], "the kit", None
    outside = found().get(name)
    if outside is None:
        known = runtime_names()
        raise InputError(
            f"There is no runtime {plain_text(name)!r}.", hint(name, known, also=f"Known: {', '.join(known)}.")
        )
    return outside.runtime, outside.where, outside.pin.sha256


@command.command("list")
@runtime_path_option
@json_option
def list_runtimes(as_json: bool) -> None:
    """List the runtimes of the kit, and those of KIT_RUNTIME_PATH and installed packages.

    Example: kit runtimes list --runtime-path runtimes
    """
    from kit.runtimes import runtime_names

    rows = []
    for name in runtime_names():
        runtime, where, sha256 = _where(name)
        rows.append({"name": name, "variants": list(runtime.VARIANTS), "from": where, "sha256": sha256})
    if as_json:
        show_document("runtimes-list", {"runtimes": rows})
        return
    for row in rows:
        click.echo(f"{row['name']:<14} {', '.join(map(str, row['variants'] or ())):<56} {row['from']}")


@command.command("show")
@click.argument("name", metavar="RUNTIME", shell_complete=completing.runtimes)
@runtime_path_option
@json_option
def show(name: str, as_json: bool) -> None:
    """Show what the variants of a runtime can be set to.

    Example: kit runtimes show llamacpp
    """
    from kit.runtimes.chosen import rules_of

    runtime, where, sha256 = _where(name)
    if as_json:
        show_document("runtime-settings", _described(runtime, where, sha256))
        return
    click.echo(f"{name}, from {where}" + (f", folder sha256 {sha256}" if sha256 else ""))
    click.echo(f"model: {'a folder of safetensors' if runtime.LOADS_FOLDERS else 'one GGUF file'}")
    for variant in runtime.VARIANTS:
        extras = runtime.extras(variant)
        kind = "process" if variant in runtime.PROCESS_VARIANTS else "container"
        more = [word for word, has in (("flags", extras.flags), ("gpus", extras.gpus)) if has]
        click.echo(f"\n{variant} ({kind}{', also ' + ' and '.join(more) if more else ''})")
        for setting, rule in rules_of(runtime, variant).items():
            usual = "optional" if setting in extras.settings else f"default {rule.default}"
            click.echo(f"  {setting:<24} {_range(rule):<22} {usual:<14} {rule.meaning}")


def _range(rule: SettingRule) -> str:
    return "|".join(rule.choices) if rule.choices else f"{rule.low}-{rule.high}"


def _described(runtime: Runtime, where: str, sha256: str | None) -> dict[str, object]:
    from kit.runtimes.chosen import rules_of

    variants = {}
    for variant in runtime.VARIANTS:
        extras = runtime.extras(variant)
        settings = {
            name: {
                **({"choices": list(rule.choices)} if rule.choices else {"low": rule.low, "high": rule.high}),
                "default": None if name in extras.settings else rule.default,
                "meaning": rule.meaning,
            }
            for name, rule in rules_of(runtime, variant).items()
        }
        process = variant in runtime.PROCESS_VARIANTS
        variants[variant] = {"process": process, "flags": extras.flags, "gpus": extras.gpus, "settings": settings}
    return {
        "name": runtime.NAME,
        "from": where,
        "sha256": sha256,
        "loads_folders": runtime.LOADS_FOLDERS,
        "variants": variants,
    }


@command.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option("--variant", help="With --url or --model: the variant; default the first.")
@click.option("--url", help="Also ask a server of this runtime that is up, with default settings.")
@click.option(
    "--model",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="Also start a process variant on these weights and ask it.",
)
@json_option
def check(folder: Path, variant: str | None, url: str | None, model: Path | None, as_json: bool) -> int:
    """Check a runtime's folder against the contract of runtimes. Exit code 1 if a point does not hold.

    Example: kit runtimes check runtimes/transformers --model my-model
    """
    import os

    from kit.cpus import usable_cpus
    from kit.runtimes.outside.checks import contract
    from kit.runtimes.outside.folder import read_folder

    if url is not None and model is not None:
        raise click.UsageError("Give either --url or --model.")
    outside = read_folder(folder)
    runtime = outside.runtime
    points = list(_told(contract(runtime), as_json=as_json))
    if url is not None or model is not None:
        from kit.run.contract import of_process, of_server

        os.environ["KIT_RUNTIME_PATH"] = str(folder)
        chosen = variant or runtime.VARIANTS[0]
        live = (
            of_server(runtime, chosen, url, usable_cpus())
            if url is not None
            else of_process(runtime, chosen, model or folder, usable_cpus())
        )
        points += _told(live, as_json=as_json)
    failed = sum(not point.holds for point in points)
    if as_json:
        rows = [
            {"what": each.what, "variant": each.variant, "holds": each.holds, "why": each.why} for each in points
        ]
        show_document("runtime-check", {"name": runtime.NAME, "sha256": outside.pin.sha256, "points": rows})
    else:
        words = "all hold" if not failed else f"{failed} do not hold"
        click.echo(f"{runtime.NAME}: {len(points)} points, {words}. Folder sha256 {outside.pin.sha256}")
    return int(failed > 0)


def _told(points: Iterable[Point], *, as_json: bool) -> Iterable[Point]:
    """Each point as soon as it is known."""
    from kit.text import plain_text

    for point in points:
        if not as_json:
            place = f"{point.variant}: " if point.variant else ""
            click.echo(f"{'ok  ' if point.holds else 'FAIL'}  {plain_text(place + point.what, 160)}")
            for line in point.why.splitlines():
                click.echo(f"      {plain_text(line, 400)}")
        yield point
