"""kit verify: does it hold?"""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option, quiet_option, run_argument
from kit.cli._shared.printing import show_json
from kit.cli._shared.signed import SignatureOptions, is_refused, signature_options, with_signature


@click.command("verify")
@run_argument
@signature_options
@quiet_option
@json_option
def command(
    run: Path, signers: Path | None, signature: Path | None, revoked: Path | None, quiet: bool, as_json: bool
) -> int:
    """Open a run folder or bundle without extracting it, recompute every number, and print a label.

    No number in it is trusted, nothing in it is executed, nothing is written. docs/rules.md lists the rules. Exit
    code 0: accepted, with the label printed; 1: rejected, or its signature is bad or of a revoked key; 2: wrong
    usage; 3: internal error. --quiet prints only the label. --signers names who signed (docs/publishing.md); a
    signature never changes a label.

    Example: kit verify demo.tar.gz --json
    """
    from kit.judge.limited import judge_limited
    from kit.storage.bundle import read_archive
    from kit.strict import plain, write_json
    from kit.verify.verdict_text import label_text, verdict_text

    options = SignatureOptions(signers, signature, revoked).checked()
    if run.is_dir() and options.asked:
        raise click.UsageError("A run folder has no signature: give a bundle (kit bundle, kit sign).")
    verdict = judge_limited(run)
    if options.asked:
        verdict = with_signature(verdict, run, read_archive(run), options)
    if as_json:
        show_json(write_json(plain(verdict)))
    elif quiet:
        click.echo(label_text(verdict))
    else:
        click.echo(verdict_text(verdict))
    return int(is_refused(verdict))
