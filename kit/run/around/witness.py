"""The witness of a cell: after its load some requests are asked again, alone, and the answers compared."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import CellFailure
from kit.documents.phases import WITNESS
from kit.errors import InternalError, RuntimeNotReadyError
from kit.metrics.witness.facts import FAILED, Witnessed, witness_facts, witness_faults
from kit.plan.witness import chosen_requests, reference_of, witness_questions
from kit.probe.http import EndpointError
from kit.run.fitting import prompts_of_load
from kit.run.phases import CellState
from kit.storage.cell_folder import read_records, read_texts, write_witness
from kit.storage.names import RECORDS, TEXTS


def witnessed(state: CellState) -> CellState:
    """Ask and compare; a cell whose answers are not to be trusted keeps its records, but no numbers."""
    inputs, load = state.inputs, state.load
    rule = inputs.plan.witness
    if rule is None or load is None or state.facts is None:
        raise InternalError("There is no witness to ask.")
    records = chosen_requests(rule, load, state.facts.window, read_records(inputs.folder / RECORDS))
    known = reference_of(rule, inputs.entry.name, load)
    prompts = prompts_of_load(load, inputs.plan.prompts.name)
    questions = witness_questions(rule, load, prompts.chats or prompts.texts, records, known)
    try:
        answers = state.server.probe.witness(questions, load.api)
    except EndpointError as error:
        why = f"The server does not answer after its load: {error}."
        return replace(state, metrics=None, failure=CellFailure(WITNESS, RuntimeNotReadyError.__name__, why))
    write_witness(inputs.folder, answers)
    wanted = {record.id for record in records}
    texts = {number: text for number, text in read_texts(inputs.folder / TEXTS).items() if number in wanted}
    facts = witness_facts(Witnessed(answers, records, texts, known))
    faults = witness_faults(facts, inputs.cell.concurrency, known.name if known else None)
    if not faults:
        return replace(state, witness=facts)
    message = f"The witness speaks against this cell: {'; '.join(faults)}."
    return replace(state, witness=facts, metrics=None, failure=CellFailure(WITNESS, FAILED, message))
