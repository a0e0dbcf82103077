"""kit bundle: a run as one file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kit.cli._shared.options import json_option, write_file
from kit.cli._shared.printing import show_json


@click.command("bundle")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="RUN")
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Output file; default RUN.tar.gz.",
)
@click.option("--list", "only_list", is_flag=True, help="List the contents without writing a file.")
@json_option
def command(run: Path, output: Path | None, only_list: bool, as_json: bool) -> None:
    """Pack a run into one archive for others to verify: plan, host facts, cells, records, texts, result.

    All prompts and answers are included; server logs and the report are not. The identity printed is the sha256
    of the manifest, not of the file: the same run has the same identity on every machine.

    Example: kit bundle runs/demo-20260131-120000 -o demo.tar.gz
    """
    from kit.storage.bundle import pack_run

    bundle = pack_run(run)
    target = output or run.with_name(run.name + ".tar.gz")
    if not only_list:
        write_file(target, bundle.data)
    if as_json:
        files = [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in bundle.manifest.files]
        document = {"file": None if only_list else str(target), "identity": bundle.identity, "files": files}
        show_json(json.dumps(document, indent=1))
        return
    if only_list:
        for file in bundle.manifest.files:
            click.echo(f"{file.bytes:>12,}  {file.path}")
    else:
        click.echo(f"{target} ({len(bundle.data):,} bytes, {len(bundle.manifest.files)} files)")
    click.echo(f"identity {bundle.identity}")
    if not only_list:
        click.echo(f"Next: kit verify {target}")
