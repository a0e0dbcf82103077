"""Tasks put to a server by the load generator, and its answers kept as they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kit.documents import Exchange
from kit.documents.quality.asked import QUESTIONS, Evaluation, Question, Questions
from kit.documents.quality.evaluation import Task, TaskAnswer
from kit.errors import EngineError, RuntimeNotReadyError
from kit.evaluation.asking import task_body
from kit.probe.examiner import answer_text
from kit.probe.http import EndpointError, UnreachableError, whole_body
from kit.probe.running import access_of
from kit.run.evaluating.files import add_answer
from kit.run.load import run_generator
from kit.run.phases import CellState
from kit.storage.cell_folder import Event
from kit.storage.names import LOAD
from kit.strict import plain, write_json
from kit.text import plain_text
from kit.timestamps import utc_ns

MAX_TEXT_CHARS = 131_072
MAX_WORD_CHARS, MAX_MODEL_CHARS, MAX_ERROR_CHARS = 100, 1000, 300
MAX_TOKENS_TOLD = 10**12

OnAnswer = Callable[[TaskAnswer], None]


@dataclass(frozen=True, slots=True)
class Began:
    """When stamps begin: in UTC, and what the clock of this load generator is behind it by."""

    utc: str
    offset_ns: int


def ask_tasks(
    state: CellState,
    evaluation: Evaluation,
    tasks: Sequence[Task],
    done: Mapping[int, TaskAnswer],
    origin_utc: str | None,
    on_begun: Callable[[str], None],
    on_answer: OnAnswer,
) -> None:
    """Ask what is not answered yet; `on_begun` gets the UTC at which stamps begin, once it is known.

    `RuntimeNotReadyError` if the server goes away.
    """
    inputs = state.inputs
    left = [(number, task) for number, task in enumerate(tasks) if number not in done]
    asked = Questions(
        schema=QUESTIONS,
        url=state.server.running.url,
        api=inputs.plan.workload.api,
        at_once=inputs.cell.concurrency,
        answer_ns=evaluation.answer_ns,
        questions=tuple(
            Question(number, _body(task, state.model_name, evaluation, state)) for number, task in left
        ),
        insecure=inputs.entry.url is not None and access_of(inputs.entry).insecure,
    )
    began: list[Began] = []
    unreached: list[str] = []

    def on_event(event: Event) -> None:
        if event.get("event") == "begun":
            began.append(_began(event, origin_utc))
            on_begun(began[-1].utc)
        elif event.get("event") == "answer" and began:
            exchange = exchange_of(event)
            answer = answer_of(exchange, tasks, began[-1].offset_ns)
            if answer is None:
                unreached.append(exchange.failure_detail)
                return
            add_answer(inputs.folder, answer)
            on_answer(answer)

    _carry_out(asked, state, inputs.folder, on_event)
    if unreached:
        raise RuntimeNotReadyError(
            f"The server was not to be reached for {len(unreached)} of the tasks: {plain_text(unreached[0], 200)}."
        )
    code = state.server.running.exit_code()
    if code is not None:
        raise RuntimeNotReadyError(
            f"The server ended with exit code {code} while it was asked.", "", state.server.running.log_tail(5)
        )
    if not began:
        raise EngineError("The load generator asked nothing.")


def _body(task: Task, model: str, evaluation: Evaluation, state: CellState) -> str:
    body = task_body(task, model, evaluation.max_tokens, state.inputs.plan.workload.api)
    return json.dumps(body, ensure_ascii=False)


def _carry_out(asked: Questions, state: CellState, folder: Path, on_event: Callable[[Event], None]) -> None:
    file = folder / LOAD
    file.write_bytes(write_json(plain(asked)))
    try:
        run_generator(state.inputs.engine, file, folder, on_event)
    finally:
        file.unlink(missing_ok=True)


def _began(event: Event, origin_utc: str | None) -> Began:
    """Stamps of a round that goes on are of its first beginning, by the clock of the machine that asks."""
    utc, at_ns = str(event.get("utc")), event.get("at_ns")
    if origin_utc is None or not isinstance(at_ns, int):
        return Began(utc, 0)
    return Began(origin_utc, max(0, utc_ns(utc) - utc_ns(origin_utc) - at_ns))


# --- one answer -----------------------------------------------------------------------------------------


def exchange_of(event: Event) -> Exchange:
    """An exchange as the load generator tells of it."""

    def number(name: str) -> int:
        value = event.get(name)
        return value if isinstance(value, int) else 0

    status, failure = event.get("status"), event.get("failure")
    done_ns = number("done_ns")
    return Exchange(
        id=number("number"),
        worker=0,
        intended_ns=0,
        connect_ns=None,
        sent_ns=number("sent_ns"),
        headers_ns=None,
        done_ns=done_ns,
        status=status if isinstance(status, int) else None,
        pieces=((done_ns, str(event.get("body", "")).encode("utf-8", "replace")),),
        complete=event.get("complete") is True,
        failure="connect" if failure == "connect" else None if failure is None else "protocol",
        failure_detail=str(event.get("detail", "")),
    )


def answer_of(exchange: Exchange, tasks: Sequence[Task], offset_ns: int) -> TaskAnswer | None:
    """What an exchange answers; None where nobody was reached, which is no answer of the server."""
    answer = TaskAnswer(
        number=exchange.id,
        task=tasks[exchange.id].id,
        sent_ns=offset_ns + (exchange.sent_ns or 0),
        done_ns=offset_ns + exchange.done_ns,
        text="",
        finish_reason=None,
    )
    try:
        body = whole_body(exchange)
        answer = _with_what_it_says(answer, body)
        text = answer_text(body)
    except UnreachableError:
        return None
    except EndpointError as error:
        return replace(answer, error=plain_text(str(error), MAX_ERROR_CHARS) or "no answer")
    if len(text) > MAX_TEXT_CHARS:
        return replace(answer, error=f"the answer has {len(text)} characters, more than {MAX_TEXT_CHARS}")
    return replace(answer, text=text)


def _with_what_it_says(answer: TaskAnswer, body: bytes) -> TaskAnswer:
    """The answer with why it ended, the model and the counts, as far as a server says it in a usable form."""
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return answer
    if not isinstance(document, dict):
        return answer
    choices, usage = document.get("choices"), document.get("usage")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    counts = usage if isinstance(usage, dict) else {}
    return replace(
        answer,
        finish_reason=_word(choice.get("finish_reason"), MAX_WORD_CHARS),
        model=_word(document.get("model"), MAX_MODEL_CHARS),
        prompt_tokens=_count(counts.get("prompt_tokens")),
        completion_tokens=_count(counts.get("completion_tokens")),
    )


def _word(value: object, limit: int) -> str | None:
    return plain_text(value, limit) if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and isinstance(value, int) and 0 <= value <= MAX_TOKENS_TOLD else None
