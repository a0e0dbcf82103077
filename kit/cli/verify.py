"""kit verify: does it hold?"""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option, quiet_option, run_argument
from kit.cli._shared.printing import show_json


@click.command("verify")
@run_argument
@quiet_option
@json_option
def command(run: Path, quiet: bool, as_json: bool) -> int:
    """Open a run folder or bundle without extracting it, recompute every number, and print a label.

    No number in it is trusted, nothing in it is executed, nothing is written. docs/rules.md lists the rules. Exit
    code 0: accepted, with the label printed; 1: rejected; 2: wrong usage; 3: internal error. --quiet prints only
    the label.

    Example: kit verify demo.tar.gz --json
    """
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
