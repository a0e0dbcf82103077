"""What the witnesses of a run found, in lines for tables and pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.documents import Plan, Result
from kit.documents.witness import WitnessFacts
from kit.metrics.witness.facts import users

_Row = tuple[str, str, int]


def witness_notes(plan: Plan, result: Result) -> tuple[str, ...]:
    """A line for each row whose answers differ; one line for all where none do. Nothing without a witness."""
    if plan.witness is None:
        return ()
    rows: dict[_Row, list[WitnessFacts]] = {}
    for line in result.cells:
        if line.witness is not None:
            rows.setdefault((line.entry, line.shape, line.concurrency), []).append(line.witness)
    found = tuple(note for row in rows.items() if (note := _note(*row, _names(plan))))
    return found or _agreed(rows)


def with_witness(plan: Plan, result: Result, notes: Sequence[str]) -> tuple[str, ...]:
    """Notes with those of the witness: before the others where answers differ, else after them."""
    said = witness_notes(plan, result)
    agreed = all(note.startswith(AGREED) for note in said)
    return (*notes, *said) if agreed else (*said, *notes)


AGREED = "Witness: "


def _names(plan: Plan) -> Mapping[str, str]:
    references = plan.witness.references if plan.witness else {}
    return {entry: pin.name for entry, pin in references.items()}


def _note(row: _Row, facts: list[WitnessFacts], names: Mapping[str, str]) -> str:
    entry, shape, concurrency = row
    differ, asked = sum(each.differ for each in facts), sum(each.asked for each in facts)
    near = sum(each.near for each in facts)
    other = sum(each.reference_differ for each in facts)
    if not differ and not other:
        return ""
    place = f"{entry}{f' ({shape})' if shape else ''}"
    parts = [f"answers at {users(concurrency)} differ from those at 1: {differ} of {asked}"]
    if near:
        parts.append(f"{near} more part at a near tie")
    if other:
        told = sum(each.reference_asked for each in facts)
        parts.append(f"{other} of {told} differ from the reference {names.get(entry, '')}".rstrip())
    return f"{place}: {'; '.join(parts)}."


def _agreed(rows: Mapping[_Row, list[WitnessFacts]]) -> tuple[str, ...]:
    every = [facts for row in rows.values() for facts in row]
    if not every:
        return ()
    asked, near = sum(facts.asked for facts in every), sum(facts.near for facts in every)
    told = sum(facts.reference_asked for facts in every)
    ties = f", {near} of them up to a near tie" if near else ""
    reference = f"; {told} of {told} as the reference of the weights" if told else ""
    return (f"{AGREED}{asked} of {asked} answers under load are those given alone{ties}{reference}.",)
