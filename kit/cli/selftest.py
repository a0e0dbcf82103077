"""kit selftest: does every runtime of a platform work on this machine? One small file says so."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.carrying_out import ChosenRun, CommandOptions, carried_out
from kit.cli._shared.containers import source_option
from kit.cli._shared.options import json_option, quiet_option, reserved_file, write_file, yes_option
from kit.cli._shared.planning import chosen_platform
from kit.cli._shared.printing import show_json
from kit.cli._shared.words import completing
from kit.errors import InputError, NoResultError

if TYPE_CHECKING:
    from kit.documents.selftest import SelfTest

MAX_BYTES = 1 << 20


@click.command("selftest")
@click.argument("platform", required=False, shell_complete=completing.platforms)
@click.option("--only", metavar="ENTRY,...", shell_complete=completing.entry_list, help="Test only these entries.")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Default selftest-PLATFORM-TIME.json."
)
@click.option(
    "--table",
    "files",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE|DIR",
    help="Print a table of self test files instead.",
)
@source_option
@yes_option
@quiet_option
@json_option
def command(
    platform: str | None,
    only: str | None,
    out: Path | None,
    files: Path | None,
    from_source: bool | None,
    yes: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Test every entry of PLATFORM for 30 s at 1 and 4 users, with all checks, and write one small file.

    The file says what passed, what failed with the reason, figures, versions and the machine. It has no names of
    people, hosts or folders, so it can be sent to others. Nothing else is kept. Exit code 1 if an entry failed, 8
    if all did; the file is written in both cases.

    Example: kit selftest demo
    """
    if (platform is None) == (files is None):
        raise click.UsageError("Give either PLATFORM, or --table to read self test files.")
    if files is not None:
        _print_table(files)
        return 0
    target = out or _default_file(platform or "")
    # It is short, and says how busy the machine was instead of waiting for it.
    options = CommandOptions(
        from_source, None, calibrate=True, yes=yes, quiet=quiet or as_json, quiet_wait_s=0, attempts=1
    )
    with reserved_file(target):
        found, failure = _tested(platform or "", only, options)
        return _told(found, failure, target, as_json=as_json)


def _default_file(platform: str) -> Path:
    from kit.timestamps import utc_now

    stamp = utc_now()[:19].replace("-", "").replace(":", "").replace("T", "-")
    return Path(f"selftest-{Path(platform).stem}-{stamp}.json")


def _tested(platform: str, only: str | None, options: CommandOptions) -> tuple[SelfTest, NoResultError | None]:
    """The self test, and the error if not one entry could be measured. What the run leaves is removed."""
    from kit.run.selftest import SHORT, load_average, selftest_in

    before = load_average()
    chosen = chosen_platform(platform, only=only, **SHORT)
    with tempfile.TemporaryDirectory(prefix="kit-selftest-") as scratch:
        folder = Path(scratch) / Path(scratch).name  # what it starts on an engine is named after the folder
        failure: NoResultError | None = None
        try:
            carried_out(ChosenRun(chosen), folder, options)
        except NoResultError as error:
            failure = error
        return selftest_in(folder, before), failure


def _told(found: SelfTest, failure: NoResultError | None, target: Path, *, as_json: bool) -> int:
    from kit.judge.selftest import all_passed
    from kit.report.selftest_text import failure_lines, selftest_table
    from kit.strict import plain, write_json
    from kit.strict.schema import check

    document = plain(found)
    check(document, "selftest", str(target))
    data = write_json(document)
    write_file(target, data)
    if as_json:
        show_json(data)
    else:
        click.echo("\n\n".join(filter(None, (selftest_table([found]), "\n".join(failure_lines(found))))))
        click.echo(f"\nSaved to {target} ({len(data)} bytes, without names of people, hosts or folders).")
    if failure is not None:
        raise NoResultError(failure.what.partition("\n")[0], "Check the machine: kit doctor.")
    return int(not all_passed(found))


def _print_table(place: Path) -> None:
    from kit.report.selftest_text import selftest_table

    paths = sorted(place.glob("*.json")) if place.is_dir() else [place]
    click.echo(selftest_table([_read(path) for path in paths]) if paths else "No self tests yet.")


def _read(path: Path) -> SelfTest:
    from kit.documents.selftest import SelfTest
    from kit.storage.run_folder import read_document

    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{path} is larger than a self test can be.", "Give a file that `kit selftest` wrote.")
    return read_document(data, SelfTest, "selftest", str(path))
