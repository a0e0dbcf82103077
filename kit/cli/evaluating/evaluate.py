"""kit eval: how many tasks does a server solve?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kit.cli._shared.containers import source_option
from kit.cli._shared.evaluating import SuiteType
from kit.cli._shared.options import (
    Concurrencies,
    json_option,
    new_folder,
    out_option,
    quiet_option,
    runtime_path_option,
    yes_option,
)
from kit.cli._shared.printing import show_document
from kit.cli._shared.words.numbers import Whole
from kit.documents.quality.asked import EvaluationWish

if TYPE_CHECKING:
    from kit.cli._shared.carrying_out import ChosenRun
    from kit.documents import Entry, Plan, Platform
    from kit.run.reproduce import Outcome

CONTEXT_TOKENS = 2048  # of a prompt of HumanEval and the longest answer
CONTEXTS = ("context_tokens_per_slot", "context_tokens", "max_model_len")  # what runtimes call it


@click.command("eval")
@click.argument("suite", required=False, type=SuiteType())
@click.argument("platform", required=False)
@runtime_path_option
@click.option("--entry", "entries", metavar="ENTRY,...", help="Ask only these entries.")
@click.option("--url", metavar="URL", help="Ask a server that already runs, in place of PLATFORM.")
@click.option(
    "--served-model", metavar="NAME", help="With --url: the model to ask for. Default: the first listed."
)
@click.option("--limit", type=Whole(1, 10_000), metavar="N", help="Ask only the first N tasks.")
@click.option("-c", "--concurrency", type=Concurrencies(), help="Tasks asked at once. Default 1,8.")
@click.option(
    "--resume",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Resume an interrupted evaluation; answers that are there are kept.",
)
@out_option("Run folder; default runs/NAME-TIME.")
@source_option
@yes_option
@quiet_option
@json_option
def command(
    suite: EvaluationWish | None,
    platform: str | None,
    entries: str | None,
    url: str | None,
    served_model: str | None,
    limit: int | None,
    concurrency: tuple[int, ...] | None,
    resume: Path | None,
    out: Path | None,
    from_source: bool | None,
    yes: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Ask the entries of PLATFORM, or the server at --url, the tasks of SUITE, and test the programs they write.

    SUITE is humaneval (164 tasks, downloaded once) or basics (60 short ones, for very small models); SUITE:N
    asks the first N. Each entry is started as by kit reproduce, with context for a whole answer, and asked once
    at each concurrency, at temperature 0. Programs run only when the server is gone, and only in a sandbox: a
    container, or for processes bubblewrap or namespaces of Linux; without one nothing runs (exit code 5). The
    run folder is one like any other: kit bundle, kit verify, kit report. kit reproduce --eval SUITE measures
    speed, too.

    Example: kit eval basics demo --limit 20
    """
    from kit.cli._shared.carrying_out import CommandOptions
    from kit.cli._shared.measuring import measured

    given = (suite, platform, url, entries, served_model, limit, concurrency)
    chosen_run = _resumed(resume, given) if resume is not None else _new(given)
    options = CommandOptions(
        from_source=from_source,
        seed=None,
        calibrate=False,
        yes=yes,
        quiet=quiet or as_json,
        evaluation_alone=True,
    )
    folder = resume or new_folder(out, chosen_run.platform.name)
    plan, outcome = measured(chosen_run, folder, options)
    _show(plan, outcome, folder, as_json=as_json)


_Given = tuple[
    EvaluationWish | None,
    str | None,
    str | None,
    str | None,
    str | None,
    int | None,
    tuple[int, ...] | None,
]


def _new(given: _Given) -> ChosenRun:
    from kit.cli._shared.carrying_out import ChosenRun
    from kit.cli._shared.planning import chosen_platform
    from kit.plan.choosing.server_choice import chosen_servers
    from kit.plan.choosing.wishes import Wishes

    suite, name, url, entries, served_model, limit, concurrency = given
    if suite is None:
        raise click.UsageError("Missing argument 'SUITE': basics or humaneval.")
    if (name is None) == (url is None):
        raise click.UsageError("Give either PLATFORM, or --url URL.")
    if served_model is not None and url is None:
        raise click.UsageError("--served-model needs --url.")
    if limit is not None and suite.limit is not None:
        raise click.UsageError(f"Give the number of tasks once: {suite.suite}:{suite.limit} or --limit {limit}.")
    wish = replace(suite, limit=limit or suite.limit, concurrencies=concurrency or suite.concurrencies)
    if url is not None:
        if entries is not None:
            raise click.UsageError("--entry is for the entries of a PLATFORM.")
        platform = chosen_servers([url], served_model, Wishes()).platform
    else:
        platform = chosen_platform(name or "", only=entries)
    return ChosenRun(_asked_alone(platform, wish))


def _asked_alone(platform: Platform, wish: EvaluationWish) -> Platform:
    """The platform as one of its own: with the evaluation, and with context for whole answers."""
    return replace(
        platform,
        name=f"{platform.name[:58]}-eval",
        entries=tuple(map(_with_context, platform.entries)),
        evaluation=wish,
        published=None,
    )


def _with_context(entry: Entry) -> Entry:
    context = {
        name: max(value, CONTEXT_TOKENS)
        for name, value in entry.settings.items()
        if name in CONTEXTS and isinstance(value, int)
    }
    return replace(entry, settings={**entry.settings, **context})


def _resumed(folder: Path, given: _Given) -> ChosenRun:
    from kit.cli._shared.carrying_out import ChosenRun
    from kit.cli._shared.planning import chosen_platform
    from kit.errors import InputError
    from kit.storage.names import PLATFORM
    from kit.storage.run_folder import read_plan

    if any(each is not None for each in given):
        raise click.UsageError("--resume keeps the plan: leave out everything that changes it.")
    kept, _ = read_plan(folder)
    if kept.evaluation is None or not kept.evaluation.alone:
        raise InputError(f"{folder} holds no run of kit eval.", f"Resume it: kit reproduce --resume {folder}")
    return ChosenRun(chosen_platform(str(folder / PLATFORM)), kept)


def _show(plan: Plan, outcome: Outcome, folder: Path, *, as_json: bool) -> None:
    from kit.report.quality.quality_text import quality_text
    from kit.strict import plain

    quality = outcome.quality
    if quality is None:
        return
    if as_json:
        show_document("evaluation", {"run": str(folder), "quality": plain(quality)})
        return
    click.echo(quality_text(quality))
    click.echo(f"Saved to {folder}. One answer: kit answer {folder} TASK")
    click.echo(f"Next: kit bundle {folder} -o {plan.platform}.tar.gz && kit verify {plan.platform}.tar.gz")
