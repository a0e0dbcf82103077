"""Rules about what was said: the texts, the right answers before the load, and the server's own word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from kit.documents import AnswerCheck, Record, ServerFacts
from kit.documents.chunks import chars_of
from kit.metrics.limits import MIN_SAME_CHARS
from kit.plan.correctness import MAX_REASON_CHARS, SuiteLevel, judge, turns
from kit.runtimes.planned import planned_runtime
from kit.storage.names import CORRECT, PLAN, TEXTS
from kit.verify.evidence import Evidence, Text
from kit.verify.known import known_suite
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, found_cells, loaded_cells, possible_retries

TOKENS = "completion_tokens"
NONSENSE = "Qxzv wjkq"  # answers no question: a test that takes it judges nothing


@rule("text.texts", "reject", "records", "Each record's text is there, with its length, its sha256 and its chunks")
def text_texts(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        texts = loaded.found.files.texts
        if texts is None:
            continue
        yield len(loaded.records)
        if [line.id for line in texts] != [record.id for record in loaded.records]:
            place = loaded.found.file(TEXTS)
            yield Issue(place, "does not have one text for each record, in their order")
            continue
        for record, line in zip(loaded.records, texts, strict=True):
            if not _is_text_of(record, line):
                yield Issue(loaded.of(record), "has another text than its length, sha256 or chunks say")


def _is_text_of(record: Record, line: Text) -> bool:
    chars = chars_of(record.chunks)
    digest = sha256(line.text.encode()).hexdigest()
    return len(line.text) == record.text_chars == chars and digest == record.text_sha256


@rule("text.duplicates", "flag", "texts", "No two requests of a cell have the same long answer")
def text_duplicates(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        first: dict[str, int] = {}
        # In one conversation a model may well say the same again.
        session = {record.id: record.session for record in loaded.records if record.session is not None}
        for line in loaded.found.files.texts or ():
            if len(line.text) < MIN_SAME_CHARS:
                continue
            yield 1
            same = session.get(line.id)
            if line.text in first and (same is None or session.get(first[line.text]) != same):
                place = f"{loaded.found.file(TEXTS)}: request {line.id}"
                yield Issue(place, f"has the same answer as request {first[line.text]}")
            first.setdefault(line.text, line.id)


@rule(
    "correct.passed",
    "reject",
    "answers",
    "Before its load the server passed every correctness test, checked again here",
)
def correct_passed(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    suite = known_suite(plan.correctness.name, plan.correctness_level)
    if suite is None:
        yield Issue(f"{PLAN}: correctness", "is not a suite and level of this kit, so no answer can be judged")
        return
    for found in found_cells(evidence):
        checks = found.files.checks
        if found.measured and checks is not None:
            yield len(checks)
            place = found.file(CORRECT)
            yield from (Issue(place, why) for why in check_faults(suite, checks, found.planned.concurrency))


def check_faults(suite: SuiteLevel, checks: tuple[AnswerCheck, ...], concurrency: int) -> Iterator[str]:
    """What is wrong with the answers that gate a load at this concurrency."""
    rounds = {"single": len(suite.tests), "concurrent": concurrency if concurrency > 1 and suite.tests else 0}
    asked = [(name, test.name, copy) for name, count in rounds.items() for test, copy in turns(suite.tests, count)]
    if asked != [(check.round, check.test, check.copy) for check in checks]:
        yield "does not hold every test of the level, alone and at the cell's concurrency"
        return  # what nobody asked for is not judged
    known = {test.name: test for test in suite.tests}
    for number, check in enumerate(checks, start=1):
        reason = judge(known[check.test], check.answer)[:MAX_REASON_CHARS]
        if reason or not check.passed:
            yield f"line {number}: the answer to {check.test} is not right: {reason or 'it says so itself'}"
        elif check.reason:
            yield f"line {number}: the answer to {check.test} is right, but has a reason against it"


@rule("correct.level", "flag", "suites", "The correctness tests judge what is said: nonsense fails at least one")
def correct_level(evidence: Evidence) -> Steps:
    plan = evidence.plan
    suite = known_suite(plan.correctness.name, plan.correctness_level) if plan else None
    if suite is None:
        return  # refused by correct.passed
    yield 1
    if not any(judge(test, NONSENSE) for test in suite.tests):
        words = f'level "{suite.level}" takes any text: answers were counted, not judged for sense'
        yield Issue(f"{PLAN}: correctness", words)


@rule(
    "evidence.server", "flag", "cells", "The server's own token counters agree with the records, where it has any"
)
def evidence_server(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        runtime = planned_runtime(loaded.plan, loaded.cell.runtime)
        server = loaded.cell.server
        if not (loaded.found.measured and server and runtime and runtime.COUNTERS_PATH):
            continue
        yield 1
        counted = _counted(server)
        low, high = _possible_tokens(loaded)
        if counted is None:
            yield Issue(f"{loaded.where}: server", "has no token counters, although this runtime has them")
        elif not low <= counted <= high:
            words = f"counted {counted} tokens in the load; the records allow {low} to {high}"
            yield Issue(f"{loaded.where}: server", words)


def _counted(server: ServerFacts) -> int | None:
    before, after = _tokens(server.counters_before), _tokens(server.counters_after)
    return None if before is None or after is None else after - before


def _tokens(counters: Mapping[str, int] | None) -> int | None:
    return counters.get(TOKENS) if counters else None


def _possible_tokens(loaded: Loaded) -> tuple[int, int]:
    """The least and most tokens the server may have made: a request that did not end may have had all of its

    tokens, and one sent again over a new connection may have been answered twice.
    """
    low = sum(record.completion_tokens or 0 for record in loaded.records if record.outcome == "ok")
    cut = (record for record in loaded.records if record.outcome != "ok")
    high = low + sum(max(record.completion_tokens or 0, record.max_tokens) for record in cut)
    # Where the server's own usage was not believed, its counters may still say what it meant.
    doubted = (r for r in loaded.records if r.outcome == "ok" and r.count_fault is not None)
    high += sum(max(0, record.max_tokens - (record.completion_tokens or 0)) for record in doubted)
    return low, high + possible_retries(loaded) * loaded.load.output_tokens.max


@rule("evidence.model", "flag", "records", "Every answer names the model that was asked for")
def evidence_model(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        done = [record for record in loaded.records if record.outcome == "ok"]
        yield len(done)
        other = next((record for record in done if record.model not in (loaded.load.model, None)), None)
        nameless = next((record for record in done if record.model is None), None)
        if other is not None:
            yield Issue(loaded.of(other), f"was answered by {other.model}, not by {loaded.load.model}")
        if nameless is not None and loaded.found.measured:
            yield Issue(loaded.of(nameless), "does not say which model answered; every runtime of the kit does")


RULES = (text_texts, text_duplicates, correct_passed, correct_level, evidence_server, evidence_model)
