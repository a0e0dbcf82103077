"""kit bundle: a run as one file."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.options import json_option, write_file
from kit.cli._shared.printing import show_document
from kit.cli._shared.words import completing

if TYPE_CHECKING:
    from kit.documents import CellResult
    from kit.storage.bundle import Bundle
    from kit.storage.contents import Group

MAX_SHOWN_CHARS = 200


@click.command("bundle")
@click.argument(
    "run",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="RUN",
    shell_complete=completing.runs,
)
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Output file; default RUN.tar.gz.",
)
@click.option(
    "--list", "only_list", is_flag=True, help="Show every file and field that would leave; write nothing."
)
@json_option
def command(run: Path, output: Path | None, only_list: bool, as_json: bool) -> None:
    """Pack a run into one archive for others to verify: plan, host facts, cells, records, texts, result.

    All answers are included; server logs and the report are not. --list shows every file and field with its size,
    and whether the names of this machine and user are in there. The identity is the sha256 of the manifest: the
    same run has the same one on every machine, while the sha256 of the file depends on the zlib that packed it.

    Example: kit bundle runs/demo-20260131-120000 -o demo.tar.gz
    """
    from kit.storage.bundle import pack_run

    bundle = pack_run(run)
    target = output or run.with_name(run.name + ".tar.gz")
    lacking = _lacking(bundle)
    if only_list:
        _show_list(run, bundle, lacking, as_json=as_json)
        return
    write_file(target, bundle.data)
    digest = sha256(bundle.data).hexdigest()
    if as_json:
        show_document("packed", {"file": str(target), "file_sha256": digest, **_facts(bundle, lacking)})
        return
    click.echo(f"{target} ({len(bundle.data):,} bytes, {len(bundle.manifest.files)} files)")
    click.echo(f"identity     {bundle.identity}  (sha256 of its manifest.json: names the run)")
    click.echo(f"file sha256  {digest}  (this archive)")
    _show_lacking(lacking)
    click.echo(f"Next: kit verify {target}, and kit sign {target} --key FILE if you stand behind it")


def _facts(bundle: Bundle, lacking: list[CellResult]) -> dict[str, Any]:
    files = [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in bundle.manifest.files]
    cells = [{"id": cell.id, "status": cell.status} for cell in lacking]
    return {"identity": bundle.identity, "complete": not cells, "lacking": cells, "files": files}


def _lacking(bundle: Bundle) -> list[CellResult]:
    """The planned cells that have no numbers, whatever the reason."""
    from kit.documents import Result
    from kit.storage.names import RESULT
    from kit.storage.run_folder import read_document

    result = read_document(bundle.files[RESULT], Result, "result", RESULT)
    return [cell for cell in result.cells if cell.status not in ("measured", "not needed")]


def _show_lacking(lacking: list[CellResult]) -> None:
    from kit.text import plain_text

    if not lacking:
        return
    click.echo(f"Incomplete: {len(lacking)} planned cells have no numbers:")
    for cell in lacking:
        reason = f" in {cell.failure.phase}: {plain_text(cell.failure.message, 100)}" if cell.failure else ""
        click.echo(f"  {cell.id}: {cell.status}{reason}")


def _show_list(run: Path, bundle: Bundle, lacking: list[CellResult], *, as_json: bool) -> None:
    from kit.run.selftest import private_names
    from kit.storage.contents import contents, found_words

    groups, names = contents(bundle.files), found_words(bundle.files, private_names())
    if as_json:
        listed = [
            {
                "name": group.name,
                "says": group.says,
                "bytes": group.bytes,
                "files": [{"path": path, "bytes": size} for path, size in group.files],
                "fields": [{"path": each.path, "count": each.count, "bytes": each.bytes} for each in group.fields],
            }
            for group in groups
        ]
        document = {"file": None, **_facts(bundle, lacking), "groups": listed, "own_names_found_in": names}
        show_document("packed", document)
        return
    for group in groups:
        _show_group(group)
    sizes = f"{sum(group.bytes for group in groups):,} bytes, {len(bundle.data):,} packed"
    click.echo(f"{run}: {len(bundle.files)} files, {sizes}; nothing was written.")
    click.echo(f"identity {bundle.identity}")
    click.echo(f"Names of this machine and user: {_names_text(names)}")
    click.echo("Not included: logs of servers and load generator, REPORT.md.")
    _show_lacking(lacking)


def _names_text(names: dict[str, tuple[str, ...]]) -> str:
    from kit.text import plain_text

    if not names:
        return "in none of these files."
    found = [f"{plain_text(word)} in {', '.join(where[:3])}" for word, where in names.items()]
    return f"FOUND: {'; '.join(found)}. Look before you send it."


def _show_group(group: Group) -> None:
    from kit.text import plain_text

    click.echo(f"{group.name}: {group.bytes:,} bytes. {group.says}")
    for path, size in group.files:
        click.echo(f"{size:>14,}  {path}")
    click.echo(f"{'bytes':>14}  {'times':>9}  field")
    for each in group.fields:
        click.echo(f"{each.bytes:>14,}  {each.count:>9,}  {plain_text(each.path, MAX_SHOWN_CHARS)}")
    click.echo()
