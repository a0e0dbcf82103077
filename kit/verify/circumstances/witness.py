"""Rules about the witness: whether its answers are those that were to be asked for, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kit.documents.phases import WITNESS as PHASE
from kit.documents.witness import WitnessAnswer, WitnessFacts, WitnessReference, WitnessRule
from kit.metrics.witness.facts import FAILED, Witnessed, witness_facts, witness_faults
from kit.plan.witness import chosen_requests, known_for, reference, reference_of, witness_ids
from kit.storage.names import PLAN, WITNESS
from kit.strict import StrictError, jsonl_lines, plain, read_line, typed, write_jsonl_line
from kit.strict.schema import problems
from kit.text import path_text
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, found_cells, loaded_cells

REFERENCE = "reference"
MAX_LINE_BYTES, MAX_LINES = 1 << 20, 4096


@dataclass(frozen=True, slots=True)
class _Seen:
    """A cell whose witness was asked, with the answers as far as they can be read, and why not."""

    loaded: Loaded
    rule: WitnessRule
    answers: tuple[WitnessAnswer, ...] | None
    known: WitnessReference | None
    fault: str = ""

    @property
    def unknown(self) -> bool:
        """Whether it was compared with a reference that this kit does not have."""
        pin = self.rule.references.get(self.loaded.found.planned.entry)
        return pin is not None and reference(pin) is None

    @property
    def place(self) -> str:
        return self.loaded.found.file(WITNESS)


def _seen(evidence: Evidence) -> Iterator[_Seen]:
    plan = evidence.plan
    if plan is None or plan.witness is None:
        return
    for loaded in loaded_cells(evidence):
        if loaded.cell.witness is None and not loaded.found.measured:
            continue
        known = reference_of(plan.witness, loaded.found.planned.entry, loaded.load)
        data = evidence.files.get(loaded.found.file(WITNESS))
        try:
            answers = None if data is None else _read(data, loaded.found.file(WITNESS))
        except StrictError as error:
            yield _Seen(loaded, plan.witness, None, known, error.message)
        else:
            yield _Seen(loaded, plan.witness, answers, known, "" if answers is not None else "is missing")


def _read(data: bytes, where: str) -> tuple[WitnessAnswer, ...]:
    answers = []
    for number, line in jsonl_lines(data, where, max_line_bytes=MAX_LINE_BYTES, max_lines=MAX_LINES):
        value = read_line(line, where, number)
        found = problems(value, "witness", limit=1)
        if found:
            raise StrictError(f"{where}:{number}", path_text(found[0].path), found[0].message)
        answers.append(typed(WitnessAnswer, value, f"{where}:{number}"))
    if b"".join(write_jsonl_line(plain(answer)) for answer in answers) != data:
        raise StrictError(where, "", "is not written as the kit writes it")
    return tuple(answers)


@rule(
    "witness.answers",
    "reject",
    "answers",
    "A measured cell of a plan with a witness has its answers, to the requests and questions that the seed chose",
)
def witness_answers(evidence: Evidence) -> Steps:
    if evidence.plan is not None and evidence.plan.witness is None:
        for found in found_cells(evidence):
            if found.cell.witness is not None:
                yield 1
                yield Issue(found.where, "has a witness that the plan does not ask for")
        return
    for seen in _seen(evidence):
        if seen.answers is None:
            yield Issue(seen.place, seen.fault)
            continue
        yield len(seen.answers)
        loaded = seen.loaded
        records = chosen_requests(seen.rule, loaded.load, loaded.facts.window, loaded.records)
        wanted = witness_ids(seen.rule, loaded.load, records, seen.known)
        told = tuple((each.round, each.id) for each in seen.answers if each.round != REFERENCE or not seen.unknown)
        if told != wanted:
            yield Issue(seen.place, "does not hold the answers to the requests and questions that the seed chose")


@rule(
    "witness.derived",
    "reject",
    "cells",
    "What a cell's witness found follows from its answers, the texts of the load and the reference",
)
def witness_derived(evidence: Evidence) -> Steps:
    for seen, said, expected in _compared(evidence):
        yield 1
        yield from (Issue(f"{seen.loaded.where}: witness", words) for words in differences(expected, said))


def _compared(evidence: Evidence) -> Iterator[tuple[_Seen, WitnessFacts, WitnessFacts]]:
    """Each cell with what it says its witness found, and what that follows from."""
    for seen in _seen(evidence):
        said, texts = seen.loaded.cell.witness, seen.loaded.found.files.texts
        if seen.answers is None or said is None or texts is None:
            continue
        loaded = seen.loaded
        records = chosen_requests(seen.rule, loaded.load, loaded.facts.window, loaded.records)
        wanted = {record.id for record in records}
        loaded_texts = {line.id: line.text for line in texts if line.id in wanted}
        expected = witness_facts(Witnessed(seen.answers, records, loaded_texts, seen.known))
        if seen.unknown:
            expected = replace(
                expected,
                reference_asked=said.reference_asked,
                reference_differ=said.reference_differ,
                reference_near=said.reference_near,
            )
        yield seen, said, expected


@rule(
    "witness.passed",
    "reject",
    "cells",
    "A cell with numbers passed its witness, and one that its witness speaks against did not",
)
def witness_passed(evidence: Evidence) -> Steps:
    for seen in _seen(evidence):
        cell = seen.loaded.cell
        yield 1
        if cell.witness is None:
            yield Issue(seen.loaded.where, "is measured, and does not say what its witness found")
            continue
        name = seen.known.name if seen.known else None
        faults = witness_faults(cell.witness, seen.loaded.concurrency, name)
        failed = cell.failure is not None and cell.failure.kind == FAILED
        if faults and seen.loaded.found.measured:
            yield Issue(seen.loaded.where, f"has numbers, though {'; '.join(faults)}")
        elif failed and not faults:
            yield Issue(seen.loaded.where, "failed by its witness, though this is what honest servers answer")


@rule("witness.time", "reject", "cells", "The answers of a witness came one after the other, within its phase")
def witness_time(evidence: Evidence) -> Steps:
    for seen in _seen(evidence):
        phase = next((phase for phase in seen.loaded.cell.phases if phase.name == PHASE), None)
        if seen.answers is None or phase is None:
            continue
        yield 1
        took_ns = sum(answer.elapsed_ns for answer in seen.answers)
        if took_ns > phase.ended_ns - phase.started_ns:
            words = f"took {took_ns / 1e9:.1f} s, its phase {(phase.ended_ns - phase.started_ns) / 1e9:.1f} s"
            yield Issue(seen.place, words)


@rule(
    "witness.reference",
    "flag",
    "entries",
    "Entries whose weights have a reference in this kit are compared with it, and with no other",
)
def witness_reference(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None or plan.witness is None:
        return
    for entry in plan.entries:
        yield 1
        pin, own = plan.witness.references.get(entry.name), known_for(entry, plan.model, plan.models)
        where = f"{PLAN}: witness"
        if pin is None:
            if own is not None:
                yield Issue(where, f"{entry.name} is not compared with the reference {own} of its weights")
        elif reference(pin) is None:
            yield Issue(where, f"{entry.name} is compared with a reference that this kit does not have")
        elif entry.url is None and pin.name != own:
            yield Issue(where, f"{entry.name} is compared with the reference of other weights")


RULES = (witness_answers, witness_derived, witness_passed, witness_time, witness_reference)
