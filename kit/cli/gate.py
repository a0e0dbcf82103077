"""kit gate: is every grade good enough?"""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli._shared.options import json_option
from kit.cli._shared.printing import show_document
from kit.cli._shared.words import completing
from kit.cli.score import chosen_contract, opened, scored_options


@click.command("gate")
@scored_options
@click.option(
    "--min",
    "grade",
    required=True,
    metavar="GRADE",
    shell_complete=completing.grades,
    help="Minimum grade for every row: A+, A, B, C, D or F of kit-2.",
)
@json_option
def command(
    runs: tuple[Path, ...],
    contract_name: str,
    platform_class: str | None,
    concurrency: tuple[int, ...] | None,
    grade: str,
    as_json: bool,
) -> int:
    """Fail if a grade is below the minimum, or missing; print which rows fail and why.

    For CI: exit code 0 if every row reaches the grade, 1 if one does not or has no grade, 2 if the contract has
    no such grade.

    Example: kit gate results/smol-2cpu.tar.gz --min C -c 1
    """
    from kit.errors import InputError
    from kit.judge.open import require_verified
    from kit.judge.score import failures, known_grade, scorecard
    from kit.judge.score.text import gate_text
    from kit.strict import plain

    contract = chosen_contract(contract_name)
    wanted = known_grade(contract, grade)
    studies = opened(runs)
    found = scorecard([each.study for each in studies], contract, concurrency, platform_class)
    if not found.cards:
        raise InputError("There is nothing to score at these concurrencies.", "Leave out -c to score all of them.")
    require_verified(studies, "it passes no gate")
    failed = failures(found, contract, wanted)
    if as_json:
        document = {
            "min": wanted,
            "passed": not failed,
            "cards": len(found.cards),
            "contract": plain(found.contract),
            "failures": plain(failed),
        }
        show_document("gate", document)
    else:
        click.echo(gate_text(failed, wanted, len(found.cards), found.contract))
    return int(bool(failed))
