"""A good run whose cells have a witness, and what a forger makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256

from kit.documents import Cell, CellFailure, Plan, Record
from kit.documents.phases import WITNESS as PHASE
from kit.documents.witness import WitnessAnswer, WitnessFacts, WitnessWish
from kit.metrics.results import make_result
from kit.metrics.witness.facts import FAILED, Witnessed, witness_facts
from kit.plan.witness import chosen_requests, reference_of, witness_ids, witness_rule
from kit.storage.bundle import pack_files
from kit.strict import plain, read_jsonl, record_from, write_json
from tests.support.calibrations import START_NS, recorded_calibration
from tests.support.good_bundle import Files, good_cell, good_files, good_plan, jsonl
from tests.support.toy_server import MS

BATCHED = "r1-c2-llamacpp-batched"
# At the pace of the toy server they would be longer and take longer, but its phase is short.
ANSWER_NS, LONGEST_CHARS = 6 * MS, 60
Answers = Sequence[WitnessAnswer]
Change = Callable[[Cell, Answers], tuple[Cell, Answers]]


def witnessed_plan() -> Plan:
    plan = good_plan()
    return replace(plan, witness=witness_rule(WitnessWish(questions=8, tokens=24), plan.entries, plan.model, ()))


def _answers(plan: Plan, cell: Cell, files: Files) -> tuple[Answers, tuple[Record, ...], Mapping[int, str]]:
    """The very answers of the load and of the reference; others to changed questions."""
    rule, load = plan.witness, cell.load
    assert rule is not None
    assert load is not None
    assert cell.facts is not None
    records = [record_from(value, "records") for _, value in read_jsonl(files["records.jsonl"], "records")]
    lines = [json.loads(line) for line in files["texts.jsonl"].splitlines()]
    texts: dict[int, str] = {line["id"]: line["text"] for line in lines}
    chosen, known = chosen_requests(rule, load, cell.facts.window, records), reference_of(rule, cell.entry, load)
    made = []
    for round_, number in witness_ids(rule, load, chosen, known):
        if round_ == "reference":
            assert known is not None
            made.append(replace(known.questions[number].answer, id=number, elapsed_ns=ANSWER_NS))
        else:
            text = (f"4711 {texts[number]}" if round_ == "changed" else texts[number])[:LONGEST_CHARS]
            made.append(WitnessAnswer(round_, number, text, "length", ANSWER_NS))
    return made, chosen, texts


def facts_of(plan: Plan, cell: Cell, answers: Answers, files: Files) -> WitnessFacts:
    """What follows from these answers."""
    _, chosen, texts = _answers(plan, cell, files)
    assert plan.witness is not None
    assert cell.load is not None
    known = reference_of(plan.witness, cell.entry, cell.load)
    return witness_facts(Witnessed(answers, chosen, texts, known))


def witnessed_files(
    change: Change = lambda cell, answers: (cell, answers),
    *,
    in_plan: Callable[[Plan], Plan] = lambda plan: plan,
    derived: bool = True,
) -> Files:
    """The files of the good run; `change` is done to the cell BATCHED, and what follows from it is `derived`."""
    plan = in_plan(witnessed_plan())
    asked = witnessed_plan()  # also where nobody planned a witness, or with references that nobody knows here
    if plan.witness is not None and not plan.witness.references:
        asked = plan
    files = {name: data for name, data in good_files().items() if not name.startswith("cells/")}
    files["plan.json"] = write_json(plain(plan))
    cells: dict[str, Cell] = {}
    start_ns = START_NS
    for planned in plan.cells:
        cell, more = good_cell(plan, planned, start_ns, {})
        start_ns += cell.duration_ns + 20 * MS
        answers, _, _ = _answers(asked, cell, more)
        cell = replace(cell, witness=facts_of(asked, cell, answers, more))
        if planned.id == BATCHED:
            cell, answers = change(cell, answers)
            if derived and cell.witness is not None:
                cell = replace(cell, witness=facts_of(asked, cell, answers, more))
        more["witness.jsonl"] = jsonl(answers)
        cells[planned.id] = cell
        files |= {f"cells/{planned.id}/{name}": data for name, data in more.items()}
        files[f"cells/{planned.id}/cell.json"] = write_json(plain(cell))
    calibration, _ = recorded_calibration(plan.workload.concurrencies)
    result = make_result(plan, sha256(files["plan.json"]).hexdigest(), cells, calibration)
    files["result.json"] = write_json(plain(result))
    return files


@cache
def witnessed_bundle() -> bytes:
    return pack_files(witnessed_files()).data


def _bundle(change: Change, *, derived: bool = True) -> Callable[[], bytes]:
    return lambda: pack_files(witnessed_files(change, derived=derived)).data


def _each(change: Callable[[WitnessAnswer], WitnessAnswer], *rounds: str) -> Change:
    return lambda cell, answers: (
        cell,
        [change(answer) if answer.round in rounds else answer for answer in answers],
    )


def other_words(answer: WitnessAnswer) -> WitnessAnswer:
    return replace(answer, text="other words", tokens=())


def _of_others(cell: Cell, answers: Answers) -> tuple[Cell, Answers]:
    return _each(other_words, "reference")(cell, answers)


def _disliked(cell: Cell, answers: Answers) -> tuple[Cell, Answers]:
    failure = CellFailure(PHASE, FAILED, "The witness speaks against this cell.")
    return replace(cell, status="failed", failure=failure, metrics=None), answers


def _better(cell: Cell, answers: Answers) -> tuple[Cell, Answers]:
    assert cell.witness is not None
    return replace(cell, witness=replace(cell.witness, near=cell.witness.near + 1)), answers


def _unasked() -> bytes:
    return pack_files(witnessed_files(in_plan=lambda plan: replace(plan, witness=None))).data


def _not_held() -> bytes:
    def without(plan: Plan) -> Plan:
        assert plan.witness is not None
        return replace(plan, witness=replace(plan.witness, references={}))

    return pack_files(witnessed_files(in_plan=without)).data


WITNESS_MUTATIONS: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("witness.answers", "one left out", _bundle(lambda cell, answers: (cell, answers[1:]))),
    ("witness.answers", "another request", _bundle(_each(lambda a: replace(a, id=a.id + 1), "again"))),
    ("witness.answers", "a witness that nobody planned", _unasked),
    ("witness.derived", "one near tie more", _bundle(_better, derived=False)),
    ("witness.derived", "an answer in other words", _bundle(_each(other_words, "again"), derived=False)),
    ("witness.passed", "answers of other weights", _bundle(_of_others)),
    ("witness.passed", "nothing found", _bundle(lambda cell, answers: (replace(cell, witness=None), answers))),
    ("witness.passed", "failed without a reason", _bundle(_disliked)),
    ("witness.time", "longer than its phase", _bundle(_each(lambda a: replace(a, elapsed_ns=10**9), "again"))),
    ("witness.reference", "compared with none", _not_held),
)
