"""The folder of one cell: its files, what the load generator left there, and the numbers they give."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.debuglog import logged
from kit.documents import AnswerCheck, Cell, CellFailure, Load, LoadFacts, Metrics, Record
from kit.documents.phases import WINDOW
from kit.documents.witness import WitnessAnswer
from kit.errors import EngineError, InputError, InternalError, KitError, StorageError, UnreachableError
from kit.metrics.aggregate import cell_metrics
from kit.metrics.failures import reason_text
from kit.plan.chat_body import PromptTexts
from kit.plan.prompts import PromptSet
from kit.storage.names import CELL, CORRECT, FACTS, LOAD, LOADGEN_LOG, METRICS, PROMPTS, RECORDS, TEXTS, WITNESS
from kit.storage.whole import replace_file
from kit.strict import plain, read_json, read_jsonl, record_from, typed, write_json, write_jsonl_line

MAX_RECORD_LINE_BYTES = 32 << 20  # a record of a million chunks, or the longest text that is kept, escaped

Event = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Text:
    id: int
    text: str


@logged("file")
def write_cell(folder: Path, cell: Cell) -> None:
    """Write cell.json, whole or not at all: with it the cell is done."""
    replace_file(folder / CELL, write_json(plain(cell)))


@logged("file")
def write_load(folder: Path, load: Load, prompts: PromptSet) -> Path:
    """Put load.json and prompts.json where the load generator looks; returns the path of load.json."""
    given = PromptTexts(prompts.sha256, prompts.texts, prompts.chats)
    (folder / PROMPTS).write_bytes(write_json(plain(given)))
    path = folder / LOAD
    path.write_bytes(write_json(plain(load)))
    return path


def remove_load(folder: Path) -> None:
    """Take both away again: the load is in cell.json, the prompts are the kit's."""
    for name in (LOAD, PROMPTS):
        (folder / name).unlink(missing_ok=True)


def remove_hand_over(folder: Path) -> None:
    """Take away what the load generator handed over and an interrupt left unread; cell.json is the evidence."""
    for name in (FACTS, METRICS):
        (folder / name).unlink(missing_ok=True)


@logged("file")
def write_checks(folder: Path, checks: Sequence[AnswerCheck]) -> None:
    """Write correct.jsonl."""
    (folder / CORRECT).write_bytes(b"".join(write_jsonl_line(plain(check)) for check in checks))


@logged("file")
def write_witness(folder: Path, answers: Sequence[WitnessAnswer]) -> None:
    """Write witness.jsonl."""
    (folder / WITNESS).write_bytes(b"".join(write_jsonl_line(plain(answer)) for answer in answers))


def read_checks(path: Path) -> tuple[AnswerCheck, ...]:
    """The answers of a cell folder's correct.jsonl; none where a cell ended before it asked."""
    if not path.is_file():
        return ()
    lines = read_jsonl(path.read_bytes(), str(path), max_line_bytes=MAX_RECORD_LINE_BYTES)
    return tuple(typed(AnswerCheck, value, f"{path}:{number}") for number, value in lines)


def parse_event(line: str) -> Event:
    """One event of the load generator; anything else is an event without a name."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


_ERRORS: Mapping[int, type[KitError]] = {
    kind.exit_code: kind for kind in (InputError, InternalError, StorageError, UnreachableError)
}


def raise_load_error(code: int, errors: list[Event]) -> None:
    """Turn a failed load generator into the error it reported; nothing if it ended well."""
    if errors:
        first = errors[0]
        kind = _ERRORS.get(code, EngineError)
        raise kind(str(first.get("what", "The load generator failed.")), str(first.get("remedy", "")))
    if code:
        raise EngineError(
            f"The load generator ended with exit code {code}.",
            f"See {LOADGEN_LOG} in the folder.",
        )


def too_many_errors(load: Load, facts: LoadFacts) -> CellFailure:
    """Why a load was given up that failed more often than it was allowed to, and the most frequent reason."""
    share = (load.max_error_milli or 0) / 10
    words = f"Aborted: more than {share:g} % of {facts.requests} requests failed."
    if facts.failures is not None:
        words += f" Most often: {reason_text(facts.failures.reasons[0])}"
    return CellFailure(WINDOW, "TooManyErrors", words)


def read_facts(folder: Path) -> LoadFacts:
    """The facts the load generator left; the file goes into cell.json and is removed."""
    path = folder / FACTS
    facts = typed(LoadFacts, read_json(path.read_bytes(), str(path)), str(path))
    path.unlink()
    return facts


def read_records(path: Path) -> Iterator[Record]:
    """The records of a cell folder's records.jsonl, one at a time: the file may be larger than the memory."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}:{number}"
            for _, value in read_jsonl(line, where, max_line_bytes=MAX_RECORD_LINE_BYTES):
                yield record_from(value, where)


def metrics_of(folder: Path, facts: LoadFacts, load: Load) -> Metrics | None:
    """The numbers of the records in a folder; None when no window was closed.

    The load generator adds them up as it writes the records and leaves them in a file, which goes into cell.json
    and is removed; where they need the texts too, both are read again.
    """
    path = folder / METRICS
    if path.is_file():
        found = typed(Metrics, read_json(path.read_bytes(), str(path)), str(path))
        path.unlink()
        return found
    if facts.window is None:
        return None
    return cell_metrics(
        read_records(folder / RECORDS),
        facts.window,
        open_loop=load.loop.kind == "open",
        slo=load.slo,
        validate=load.validate,
        texts=None if load.validate is None else read_texts(folder / TEXTS),
        method=load.method,
        prefill=load.prefill,
    )


def read_texts(path: Path) -> dict[int, str]:
    """The texts of a cell folder's texts.jsonl by request id."""
    lines = read_jsonl(path.read_bytes(), str(path), max_line_bytes=MAX_RECORD_LINE_BYTES)
    found = (typed(_Text, value, f"{path}:{number}") for number, value in lines)
    return {text.id: text.text for text in found}
