"""What differs between the answers of a run's entries, from their records and correctness answers. Pure.

A request is the same for every entry that has its lane and id: one prompt, one salt, one limit of length. In
sessions it is the first turn of every entry that has its lane and session.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256
from itertools import combinations
from statistics import median
from typing import TypeAlias

from kit import __version__
from kit.documents import AnswerCheck, Cell, Entry, Plan, Record
from kit.documents.differences import Differences, EntryAnswers, SameAnswers
from kit.plan.weights import known_weights
from kit.storage.names import PLAN
from kit.verify.evidence import Evidence

Key: TypeAlias = tuple[str, int]  # lane and id
Question: TypeAlias = tuple[str, str]  # lane and test
CellAnswers: TypeAlias = tuple[Cell, Iterable[Record], Iterable[AnswerCheck]]


@dataclass(slots=True)
class _Gathered:
    """What is kept of an entry while its cells go by, one after the other."""

    prompt_tokens: dict[Key, int] = field(default_factory=dict)
    texts: dict[Key, str] = field(default_factory=dict)
    parts: list[float] = field(default_factory=list)  # length of each answer as a part of its limit
    requests: int = 0
    sources: dict[str, None] = field(default_factory=dict)
    asked_for: dict[str, None] = field(default_factory=dict)
    named: dict[str, None] = field(default_factory=dict)
    answers: dict[Question, str] = field(default_factory=dict)
    user_only: bool = False
    ignore_eos: bool = False

    def add(self, cell: Cell, records: Iterable[Record], checks: Iterable[AnswerCheck]) -> None:
        if cell.load is None:
            return
        lane = cell.load.lane
        self.asked_for[cell.load.model] = None
        self.user_only |= cell.load.chat == "user"
        self.ignore_eos |= cell.load.extra_body.get("ignore_eos") is True
        for record in records:
            if record.outcome == "ok":
                self._record((lane, record.id if record.session is None else record.session), record)
        for check in checks:
            if check.round == "single":  # together with others an engine may well round otherwise
                self.answers.setdefault((lane, check.test), check.answer)

    def _record(self, key: Key, record: Record) -> None:
        self.requests += 1
        # Later turns of a session repeat what this very entry has answered: no other has the same prompt.
        if not record.turn:
            self.texts[key] = record.text_sha256
            if record.prompt_tokens is not None:
                self.prompt_tokens[key] = record.prompt_tokens
        if record.completion_tokens is not None and record.max_tokens:
            self.parts.append(record.completion_tokens / record.max_tokens)
        if record.token_source is not None:
            self.sources[record.token_source] = None
        if record.model is not None:
            self.named[record.model] = None


def differences_in(plan: Plan, evidence: Evidence) -> Differences:
    """The differences of a run or bundle that was opened."""
    cells = (
        (files.cell, files.records or (), files.checks or ())
        for files in evidence.cells.values()
        if files.cell is not None
    )
    return differences_of(plan, sha256(evidence.files[PLAN]).hexdigest(), cells)


def differences_of(plan: Plan, plan_sha256: str, cells: Iterable[CellAnswers]) -> Differences:
    """The differences between the entries of a plan; each cell is looked at once, and only measured ones."""
    gathered = {entry.name: _Gathered() for entry in plan.entries}
    for cell, records, checks in cells:
        if cell.status == "measured" and cell.entry in gathered:
            gathered[cell.entry].add(cell, records, checks)
    answering = {name: found for name, found in gathered.items() if found.requests}
    shared = _shared([found.prompt_tokens for found in answering.values() if found.prompt_tokens])
    entries = {entry.name: entry for entry in plan.entries}
    return Differences(
        schema="kit/differences/1",
        kit_version=__version__,
        plan_sha256=plan_sha256,
        shared_prompts=len(shared),
        entries=tuple(_entry(plan, entries[name], found, shared) for name, found in answering.items()),
        pairs=tuple(_pair(one, two, answering) for one, two in combinations(answering, 2)),
    )


def _shared(counts: Sequence[Mapping[Key, int]]) -> frozenset[Key]:
    """The requests that all of these counted."""
    return reduce(frozenset.intersection, [frozenset(each) for each in counts]) if counts else frozenset()


def _entry(plan: Plan, entry: Entry, found: _Gathered, shared: frozenset[Key]) -> EntryAnswers:
    tokens = [found.prompt_tokens[key] for key in shared if key in found.prompt_tokens]
    parts, weights = found.parts, known_weights(plan, entry)
    return EntryAnswers(
        entry=entry.name,
        runtime=entry.runtime,
        variant=entry.variant,
        model_sha256=weights.sha256 if weights else None,
        requests=found.requests,
        prompt_tokens=float(median(tokens)) if tokens else None,
        ended_early=sum(part < 1 for part in parts) / len(parts) if parts else None,
        length_of_limit=median(parts) if parts else None,
        counted_by=tuple(name for name in ("usage", "timings", "chunks") if name in found.sources),
        asked_for=tuple(found.asked_for),
        named=tuple(found.named),
        chat="user" if found.user_only else "system-user",
        ignore_eos=found.ignore_eos,
        repeated=_repeated(found.answers),
    )


def _repeated(answers: Mapping[Question, str]) -> float | None:
    """How many of the later answers to a question are its first; None where each was asked once."""
    first: dict[str, str] = {}
    again = [answer == first[test] for (_, test), answer in answers.items() if _later(first, test, answer)]
    return sum(again) / len(again) if again else None


def _later(first: dict[str, str], test: str, answer: str) -> bool:
    known = test in first
    first.setdefault(test, answer)
    return known


def _pair(first: str, second: str, gathered: Mapping[str, _Gathered]) -> SameAnswers:
    one, two = gathered[first], gathered[second]
    questions, prompts = one.answers.keys() & two.answers.keys(), one.texts.keys() & two.texts.keys()
    return SameAnswers(
        first=first,
        second=second,
        questions=len(questions),
        same_answers=sum(one.answers[key] == two.answers[key] for key in questions),
        prompts=len(prompts),
        same_texts=sum(one.texts[key] == two.texts[key] for key in prompts),
    )
