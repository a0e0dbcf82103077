"""kit verify: does it hold?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option, quiet_option
from kit.cli._shared.printing import show_json
from kit.cli._shared.verifying import (
    ShardType,
    merged_summaries,
    show_statement,
    show_verdicts,
    verified,
)
from kit.errors import InputError

if TYPE_CHECKING:
    from kit.judge.batch.documents import Shard

Paths = tuple[Path, ...]


@click.command("verify")
@click.argument(
    "runs", type=click.Path(exists=True, path_type=Path), metavar="RUN|BUNDLE|DIR...", nargs=-1, required=True
)
@quiet_option
@json_option
@click.option("--statement", is_flag=True, help="Print the verdict on one bundle as an in-toto statement.")
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 1024), metavar="N", help="Bundles at once. Default: all cores."
)
@click.option("--shard", type=ShardType(), help="Verify only part I of N, from 1.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the verdicts, as JSON.")
@click.option("--merge", is_flag=True, help="Put the files of all parts (--shard, -o) together.")
def command(
    runs: Paths,
    quiet: bool,
    as_json: bool,
    statement: bool,
    jobs: int | None,
    shard: Shard | None,
    out: Path | None,
    merge: bool,
) -> int:
    """Open a run folder or bundle without extracting it, recompute every number, and print a label.

    No number in it is trusted, nothing in it is executed, nothing is written. docs/rules.md lists the rules. Exit
    code 0: accepted, with the label printed; 1: rejected; 2: wrong usage; 3: internal error. --quiet prints only
    the label.

    Of a folder, all bundles in it and below are verified (*.tar.gz; links are not followed), on all cores; what
    one of them does stops no other. Exit code 0: all accepted; 1: at least one rejected. Two bundles of one plan
    are also held against each other: reproduced? docs/verifying-at-scale.md has --shard on schedulers.

    Example: kit verify demo.tar.gz --json
    """
    if merge:
        _only(not (statement or jobs or shard), "--merge takes the files that -o wrote, --json and -o")
        return show_verdicts(merged_summaries(runs), out, as_json=as_json, quiet=quiet)
    if statement:
        _only(len(runs) == 1 and not (jobs or shard or out or as_json), "--statement is about one bundle")
        return show_statement(runs[0])
    if _is_one(runs) and shard is None and out is None:
        return _verify_one(runs[0], as_json=as_json, quiet=quiet)
    return show_verdicts(verified(runs, jobs, shard, quiet=quiet), out, as_json=as_json, quiet=quiet)


def _only(holds: bool, words: str) -> None:
    if not holds:
        raise InputError(f"{words}.", "Leave the other options out.")


def _is_one(runs: Paths) -> bool:
    from kit.judge.batch.gathering import is_collection

    return len(runs) == 1 and not is_collection(runs[0])


def _verify_one(run: Path, *, as_json: bool, quiet: bool) -> int:
    from kit.judge.limited import judge_limited
    from kit.strict import plain, write_json
    from kit.verify.verdict_text import verdict_text

    verdict = judge_limited(run)
    if as_json:
        show_json(write_json(plain(verdict)))
    elif quiet:
        click.echo(verdict.label)
    else:
        click.echo(verdict_text(verdict))
    return int(verdict.label == "rejected")
