"""kit import: results of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kit.cli._shared.options import json_option, write_file
from kit.cli._shared.printing import show_json
from kit.errors import InputError


@click.group("import")
def command() -> None:
    """Import results of other tools, to score, compare and report them with the kit's own.

    Imported results are marked as such: without raw records they cannot be verified.

    Example: kit import probador old/*.json -o old.study.json
    """


def _bytes(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from None
    if len(data) > most:
        raise InputError(f"{path} is larger than {most >> 20} MiB.", "A probador result is far smaller.")
    return data


def _contents(files: Sequence[Path], most: int) -> tuple[list[tuple[str, bytes]], list[InputError]]:
    """What can be read of the files, and why the others cannot."""
    contents, unread = list[tuple[str, bytes]](), list[InputError]()
    for path in files:
        try:
            contents.append((str(path), _bytes(path, most)))
        except InputError as error:
            unread.append(error)
    return contents, unread


def _target(out: Path | None, name: str, files: tuple[Path, ...]) -> Path:
    """Where the study goes: never over one of the files that are read, nor over what nobody named."""
    path = out or Path(f"{name}.study.json")
    if path.resolve() in {file.resolve() for file in files}:
        raise InputError(f"{path} is one of the files to import.", "Give another file with -o.")
    if out is None and path.exists():
        raise InputError(f"{path} exists.", "Give another --name, or -o FILE to overwrite it.")
    return path


@command.command("probador")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="STUDY.json", help="Default NAME.study.json."
)
@click.option("--name", metavar="NAME", help="Name of the study (a-z 0-9 . _ -). Default imported.")
@json_option
def import_probador(files: tuple[Path, ...], out: Path | None, name: str | None, as_json: bool) -> None:
    """Import results of `probador llm load`, `bench` and `sweep` as one study.

    `kit score`, `kit compare` and `kit report` accept it. Files that are no results are named and left out.
    Impossible zeros are treated as missing; docs/probador.md says what is read and how. With --json the study is
    printed, and written only if -o is given.

    Example: kit import probador old/*.json -o gb10.study.json --name gb10
    """
    from kit.judge.probador import DEFAULT_NAME, MAX_FILE_BYTES, import_files, imported_text
    from kit.strict import plain, write_json
    from kit.strict.schema import check
    from kit.text import plain_text

    name = name or DEFAULT_NAME
    contents, unread = _contents(files, MAX_FILE_BYTES)
    if not contents:
        raise unread[0]
    found = import_files(contents, name)
    study, left_out = found.study, (*unread, *found.left_out)
    document = plain(study)
    check(document, "study", "the study")
    data = write_json(document)
    target = _target(out, name, files) if out or not as_json else None
    if target:
        write_file(target, data)
    for error in left_out:
        click.echo(f"Not imported: {plain_text(error.what, 1000)}", err=True)
    if as_json:
        show_json(data)
    else:
        click.echo(imported_text(study))
        if left_out:
            click.echo(f"{found.files} of {len(files)} files are results; the others are named above.")
        click.echo(f"\nWritten: {target}")
        click.echo(f"Next: kit score {target} --contract probador-2.0")
