"""kit verify: does it hold?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.options import json_option, quiet_option
from kit.cli._shared.printing import show_json
from kit.cli._shared.signed import SignatureOptions, is_refused, signature_options, with_signature
from kit.cli._shared.verifying import ShardType, merged_summaries, show_statement, show_verdicts, verified
from kit.cli._shared.words.numbers import Whole

if TYPE_CHECKING:
    from kit.judge.batch.documents import Shard

Paths = tuple[Path, ...]


@click.command("verify")
@click.argument(
    "runs", type=click.Path(exists=True, path_type=Path), metavar="RUN|BUNDLE|DIR...", nargs=-1, required=True
)
@signature_options
@quiet_option
@json_option
@click.option("--statement", is_flag=True, help="Print the verdict on one bundle as an in-toto statement.")
@click.option("--jobs", "-j", type=Whole(1, 1024), metavar="N", help="Bundles at once. Default: all cores.")
@click.option("--shard", type=ShardType(), help="Verify only part I of N, from 1.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the verdicts, as JSON.")
@click.option("--rerun-eval", is_flag=True, help="Also run the programs of its evaluation.")
@click.option("--merge", is_flag=True, help="Put the files of all parts (--shard, -o) together.")
def command(
    runs: Paths,
    signers: Path | None,
    signature: Path | None,
    revoked: Path | None,
    quiet: bool,
    as_json: bool,
    statement: bool,
    jobs: int | None,
    shard: Shard | None,
    out: Path | None,
    rerun_eval: bool,
    merge: bool,
) -> int:
    """Open a run folder or bundle without extracting it, recompute every number, and print a label.

    No number in it is trusted, nothing in it is executed, nothing is written. docs/rules.md lists the rules. Exit
    code 0: accepted, with the label printed; 1: rejected, or its signature is bad or of a revoked key; 2: wrong
    usage; 3: internal error. --quiet prints only the label. --signers names who signed (docs/publishing.md); a
    signature never changes a label. --rerun-eval runs the programs of an accepted evaluation again, in a sandbox
    of this machine; exit code 1 if their tests say something else.

    Of a folder, all bundles in it and below are verified (*.tar.gz; links are not followed), on all cores; what
    one of them does stops no other. Exit code 0: all accepted; 1: at least one rejected. Two bundles of one plan
    are also compared: reproduced? docs/verifying-at-scale.md has --shard on schedulers.

    Example: kit verify demo.tar.gz --json
    """
    options = SignatureOptions(signers, signature, revoked).checked()
    if rerun_eval:
        whole = not (merge or statement or shard or out or as_json) and _is_one(runs)
        _only(whole, "--rerun-eval is about one run or bundle, and prints text")
    if merge:
        _only(
            not (statement or jobs or shard or options.asked),
            "--merge takes the files that -o wrote, --json and -o",
        )
        return show_verdicts(merged_summaries(runs), out, as_json=as_json, quiet=quiet)
    if statement:
        _only(len(runs) == 1 and not (jobs or shard or out or as_json), "--statement is about one bundle")
        return show_statement(runs[0], options)
    if _is_one(runs) and shard is None and out is None:
        code = _verify_one(runs[0], options, as_json=as_json, quiet=quiet)
        return code or (_rerun(runs[0]) if rerun_eval else 0)
    _only(signature is None, "--signature is that of one bundle; of many, each has its own beside it")
    return show_verdicts(verified(runs, jobs, shard, options, quiet=quiet), out, as_json=as_json, quiet=quiet)


def _rerun(run: Path) -> int:
    """1 if the tests say something else of a program here than in the bundle; a rejected one is not run."""
    from kit.cli.evaluating.rerunning import contradicts, rerun_of, show_rerun

    found = rerun_of(run)
    show_rerun(found)
    return int(contradicts(found))


def _only(holds: bool, words: str) -> None:
    if not holds:
        raise click.UsageError(f"{words}.")


def _is_one(runs: Paths) -> bool:
    from kit.judge.batch.gathering import is_collection

    return len(runs) == 1 and not is_collection(runs[0])


def _verify_one(run: Path, options: SignatureOptions, *, as_json: bool, quiet: bool) -> int:
    from kit.cli._shared.opening import bundle_bytes
    from kit.judge.limited import judge_limited
    from kit.strict import plain, write_json
    from kit.verify.verdict_text import label_text, verdict_text

    if options.asked and run.is_dir():
        raise click.UsageError("A run folder has no signature: give a bundle (kit bundle, kit sign).")
    verdict = judge_limited(run)
    if options.asked:
        verdict = with_signature(verdict, run, bundle_bytes(run), options)
    if as_json:
        show_json(write_json(plain(verdict)))
    elif quiet:
        click.echo(label_text(verdict))
    else:
        click.echo(verdict_text(verdict), nl=False)
    return int(is_refused(verdict))
