"""kit answer: one answer to a task, the program in it, and the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.options import json_option, run_argument
from kit.cli._shared.printing import show_document
from kit.cli._shared.words.numbers import Whole

if TYPE_CHECKING:
    from kit.verify.evaluation.reading import EvalEvidence, RoundFiles

MAX_SHOWN_CHARS = 20_000


@click.command("answer")
@run_argument
@click.argument("task", required=False)
@click.option("--entry", metavar="ENTRY", help="Only of this entry.")
@click.option("-c", "--concurrency", type=Whole(1, 4096), metavar="N", help="Only at this concurrency.")
@click.option("--failed", is_flag=True, help="Without TASK: list only what was not solved.")
@json_option
def command(
    run: Path, task: str | None, entry: str | None, concurrency: int | None, failed: bool, as_json: bool
) -> None:
    """Show what was answered to TASK in a run or bundle with an evaluation: words, program and verdict.

    TASK is a task's id or its number from 0. Without it all verdicts are listed. Nothing is run.

    Example: kit answer demo-eval.tar.gz basics/subtract -c 1
    """
    from kit.cli._shared.opening import bundle_bytes
    from kit.errors import InputError
    from kit.storage.run_folder import read_folder
    from kit.verify.evidence import open_bundle, open_run

    evidence = open_run(read_folder(run)) if run.is_dir() else open_bundle(bundle_bytes(run))
    if evidence.plan is None:
        raise InputError(f"{run} is no run and no bundle of one.", f"What is wrong with it: kit verify {run}")
    rounds = [
        each
        for each in evidence.evals.rounds.values()
        if each.round is not None
        and entry in (None, each.round.entry)
        and concurrency in (None, each.round.concurrency)
    ]
    if not rounds:
        raise InputError(f"{run} has no such evaluation.", "Make one: kit eval SUITE PLATFORM")
    if task is None:
        rows = [row for each in rounds for row in _verdicts(each, failed=failed)]
        show_document("eval-verdicts", {"verdicts": rows}) if as_json else click.echo(_list_text(rows))
        return
    number = _number(evidence.evals, task)
    found = [row for each in rounds if (row := _answer(evidence.evals, each, number)) is not None]
    if not found:
        raise InputError(f"{task} was not answered there.", f"List the answers: kit answer {run}")
    show_document("eval-answers", {"answers": found}) if as_json else click.echo(
        "\n\n".join(map(_answer_text, found))
    )


def _number(evals: EvalEvidence, word: str) -> int:
    from kit.errors import InputError
    from kit.text import hint, plain_text

    names = [task.id for task in evals.tasks or ()]
    if word in names:
        return names.index(word)
    if word.isascii() and word.isdigit() and len(word) < 6 and int(word) < len(names):
        return int(word)
    raise InputError(f"There is no task {plain_text(word)!r}.", hint(word, names, also="Give its id or number."))


def _verdicts(files: RoundFiles, *, failed: bool) -> list[dict[str, Any]]:
    return [
        {"round": files.id, "task": each.task, "status": each.status, "detail": each.detail}
        for each in files.verdicts or ()
        if not (failed and each.status == "passed")
    ]


def _list_text(rows: list[dict[str, Any]]) -> str:
    from tabulate import tabulate

    from kit.text import plain_text

    body = [[row["round"], row["task"], row["status"], plain_text(row["detail"], 60)] for row in rows]
    return tabulate(body, ["round", "task", "verdict", ""], tablefmt="plain", disable_numparse=True)


def _answer(evals: EvalEvidence, files: RoundFiles, number: int) -> dict[str, Any] | None:
    from kit.evaluation.scoring import program_of

    answer = next((each for each in files.answers or () if each.number == number), None)
    if answer is None or evals.tasks is None:
        return None
    verdict = next((each for each in files.verdicts or () if each.number == number), None)
    return {
        "round": files.id,
        "task": answer.task,
        "prompt": evals.tasks[number].prompt,
        "finish_reason": answer.finish_reason,
        "completion_tokens": answer.completion_tokens,
        "seconds": (answer.done_ns - answer.sent_ns) / 1e9,
        "error": answer.error,
        "answer": answer.text,
        "program": program_of(answer, evals.tasks[number]),
        "status": verdict.status if verdict else None,
        "detail": verdict.detail if verdict else "",
    }


def _answer_text(found: dict[str, Any]) -> str:
    from kit.text import plain_text

    tokens = f", {found['completion_tokens']} tokens" if found["completion_tokens"] is not None else ""
    why = f": {plain_text(found['detail'], 500)}" if found["detail"] else ""
    parts = [
        f"{found['round']}  {found['task']}  {found['status'] or 'not judged'}{why}",
        f"{found['seconds']:.1f} s{tokens}, finish_reason {plain_text(str(found['finish_reason']))}",
        "Answer" if not found["error"] else f"No answer: {plain_text(found['error'], 500)}",
        _lines(found["answer"]),
    ]
    if found["program"] is not None:
        parts += ["Program", _lines(found["program"])]
    return "\n\n".join(part for part in parts if part)


def _lines(text: str) -> str:
    """A text of a model, line by line and harmless on a terminal, indentation and all."""
    from kit.text import plain_text

    shown = []
    for line in text[:MAX_SHOWN_CHARS].split("\n"):
        inner = line.lstrip(" ")
        shown.append("    " + " " * (len(line) - len(inner)) + plain_text(inner.replace("\t", "    "), 500))
    return "\n".join(shown).rstrip()
