"""kit test: does this server answer correctly?"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.durations import Duration
from kit.cli._shared.options import api_option, json_option, quiet_option
from kit.cli._shared.printing import show_json
from kit.cli._shared.server import given_access, given_url, server_options
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole
from kit.cli._shared.words.renamed import Renamed

if TYPE_CHECKING:
    from kit.plan.target import Access, Target

MOST_AT_ONCE = 4096  # kit.loadgen.asking.MAX_AT_ONCE, which would take long to import for a help text
ANSWER_S = 180.0  # kit.probe.examiner.ANSWER_S, likewise
HOUR_S = 3600.0


@click.command("test")
@server_options
@click.option(
    "--level",
    default="standard",
    show_default=True,
    shell_complete=completing.levels,
    help="Test level: standard, or tiny for small models.",
)
@click.option(
    "-c",
    "--concurrency",
    cls=Renamed,
    old=["--users"],
    type=Whole(1, MOST_AT_ONCE),
    default=1,
    show_default=True,
    metavar="N",
    help="Also send N prompts at once.",
)
@click.option(
    "--timeout-total",
    type=Duration(0.001, HOUR_S),
    default=ANSWER_S,
    metavar="TIME",
    help="Give up an answer after TIME. Default 3m.",
)
@api_option
@quiet_option
@json_option
def command(
    model: str | None,
    level: str,
    concurrency: int,
    timeout_total: float,
    api: str,
    quiet: bool,
    as_json: bool,
    **words: Any,
) -> int:
    """Send the correctness prompts to a server, one by one and then at --concurrency, and check the answers.

    Each question is shown with its answer and what was expected, as they come. Exit code 0 if every answer is
    right, 1 if one is wrong or missing, 6 if nobody answers at the URL. KIT_API_KEY is sent as a bearer token.
    With --api completions the prompts are beginnings of texts, sent raw, as for base models.

    Example: kit test http://127.0.0.1:8080 --level tiny -c 4
    """
    from kit.documents import AnswerCheck
    from kit.plan import correctness
    from kit.plan.target import parse_target
    from kit.probe.examiner import Examiner
    from kit.report.examination import Account, examination, summary
    from kit.strict import plain

    url = given_url(words)
    target, access = parse_target(url), given_access(words, url)
    raw = api == "completions"
    suite = correctness.load_suite("correctness-raw" if raw else "correctness", level)
    account = Account(quiet=quiet)

    def tell(test: correctness.Test, check: AnswerCheck) -> None:
        if not as_json:
            for line in account.lines(test, check):
                click.echo(line)

    with _somebody_answers(target):
        name = _model(target, access) if model is None else model
        examiner = Examiner(
            target,
            name,
            suite,
            access,
            api="completions" if raw else "chat",
            answer_s=timeout_total,
            on_check=tell,
        )
        checks = examiner.single()
        if concurrency > 1:
            checks += examiner.concurrent(concurrency)
    tests = {test.name: test for test in suite.tests}
    told = [(tests[check.test], check) for check in checks]
    if as_json:
        found = examination(target.base_url, access.insecure and target.tls, name, level, concurrency, told)
        show_json(json.dumps(plain(found), indent=1))
    else:
        click.echo(summary(told, name))
    return int(not all(check.passed for check in checks))


def _model(target: Target, access: Access) -> str:
    from kit.run.model_choice import chosen_model

    return chosen_model(target, access)


@contextlib.contextmanager
def _somebody_answers(target: Target) -> Iterator[None]:
    """A server that nobody reaches is not ready, as for whoever waits for it, and gives no wrong answers."""
    from kit import errors
    from kit.loadgen.reach import nobody_answers
    from kit.probe import http

    try:
        yield
    except (errors.UnreachableError, http.UnreachableError) as error:
        told = error if isinstance(error, errors.UnreachableError) else nobody_answers(target, str(error))
        raise errors.RuntimeNotReadyError(told.what, told.remedy) from None
