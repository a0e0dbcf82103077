"""kit init: write the platform file that `kit run` would measure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from kit.cli._shared.choosing import choosing_options, chosen_by
from kit.cli._shared.options import write_file

STANDARD_OUTPUT = Path("-")


@click.command("init")
@choosing_options
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file; default NAME.yaml, - prints it.",
)
def command(out: Path | None, **wishes: Any) -> None:
    """Write a platform file for MODEL or for servers that already run: what kit run would measure, to edit.

    It says in comments what was chosen and why. kit reproduce FILE measures it, kit plan FILE shows its cells,
    docs/platforms.md explains its fields.

    Example: kit init ./model.gguf --users 1,4,16 -o my.yaml
    """
    from kit.errors import InputError
    from kit.plan.choosing.platform_file import platform_text

    if wishes["slo"] is not None and wishes["users"] is not None:
        raise click.UsageError("A platform file has either --users, or the limits of a search with --slo.")
    if out is not None and out != STANDARD_OUTPUT:
        _require_new(out)
    chosen = chosen_by(**wishes)
    text = platform_text(chosen.platform, chosen.reasons)
    if out == STANDARD_OUTPUT:
        click.echo(text, nl=False)
        return
    path = out or Path(f"{chosen.platform.name}.yaml")
    if path.suffix not in (".yaml", ".yml"):
        raise InputError(
            f"{path} does not end in .yaml.", "Platforms are found by that ending: give -o NAME.yaml."
        )
    _require_new(path)
    write_file(path, text.encode())
    for line in chosen.reasons:
        click.echo(line, err=True)
    sys.stderr.flush()
    click.echo(f"Written to {path}. Edit it, then: kit reproduce {path}")


def _require_new(path: Path) -> None:
    from kit.errors import InputError

    if path.exists():
        raise InputError(f"{path} exists.", "Give another file with -o.")
