"""What an evaluation needs beside a plan, and the words that ask for one: shared by `eval` and `reproduce`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.containers import lines
from kit.documents import Plan
from kit.documents.quality.asked import EvaluationWish

if TYPE_CHECKING:
    from kit.engines.protocol import ContainerHost
    from kit.run.evaluating.scoring import Evaluator


def evaluator_of(
    plan: Plan, host: ContainerHost | None = None, image: str = "", *, quiet: bool
) -> Evaluator | None:
    """The tasks of a plan, fetched if need be, and where programs may run; None without an evaluation."""
    if plan.evaluation is None:
        return None
    from functools import partial

    from kit.run.evaluating.scoring import Evaluator
    from kit.sandbox import open_sandbox
    from kit.supply.suites import suite_here

    suite = suite_here(plan.evaluation.suite, lines(quiet=quiet))
    if host is None:
        return Evaluator(suite, partial(open_sandbox, "process"))
    return Evaluator(suite, partial(open_sandbox, "container", host=host, image=image))


class SuiteType(click.ParamType[EvaluationWish]):
    """SUITE or SUITE:LIMIT: the name of a suite of the kit, and how many of its tasks."""

    name = "SUITE[:LIMIT]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> EvaluationWish:
        if isinstance(value, EvaluationWish):
            return value
        from kit.errors import InputError
        from kit.evaluation.suites import planned_evaluation

        name, colon, limit = str(value).partition(":")
        if colon and not (limit.isascii() and limit.isdigit() and len(limit) < 6 and int(limit)):
            self.fail(f"{value!r}: after the colon stands a number of tasks, like {name}:20.", param, ctx)
        wish = EvaluationWish(name, int(limit) if colon else None)
        try:
            planned_evaluation(wish)
        except InputError as error:
            self.fail(f"{error}", param, ctx)
        return wish


eval_option = click.option(
    "--eval",
    "evaluation",
    type=SuiteType(),
    help="Ask the tasks of a suite after the cells: basics, humaneval (docs/evaluation.md).",
)
