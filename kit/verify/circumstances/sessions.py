"""Rules about sessions: every turn repeats what was said, and what a server says of its cache can be.

Which turn a request is, and when, is judged by the rules of the load (kit.verify.rules_load), by `turns_of_load`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from kit.documents import PlannedTurn, Record, Sessions
from kit.errors import KitError
from kit.plan.prompts import load_prompts
from kit.plan.schedule import pause_ns
from kit.plan.workloads.sessions import (
    Thread,
    answered,
    faults,
    planned_turn,
    session_of,
    session_turns,
    user_text,
)
from kit.storage.names import PLAN
from kit.verify.evidence import Evidence
from kit.verify.known import has_own_prompts
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, loaded_cells

MAX_WORDS = 50_000_000  # of the users of one cell: more are not made again
# What may come from a cache before anything was said: what the template puts before the salt.
SHARED_TOKENS = 128
# An answer that comes back is cut into tokens anew, and stands between others of the template.
MORE_TOKENS_PERCENT, MORE_TOKENS = 150, 32


def asked_of(evidence: Evidence) -> Sessions | None:
    """The sessions of a plan whose messages can be made again."""
    plan = evidence.plan
    asked = plan.workload.sessions if plan else None
    return asked if plan and asked and not faults(asked) and has_own_prompts(plan) else None


def turns_of_load(loaded: Loaded, asked: Sessions) -> dict[int, PlannedTurn]:
    """The turn that each request is, by id: by its worker, and by how the requests before it went."""
    plan, lane, workers = loaded.plan, loaded.found.planned.lane, loaded.concurrency
    at: dict[int, tuple[int, int]] = {}
    found: dict[int, PlannedTurn] = {}
    for record in loaded.records:
        place, turn = at.get(record.worker, (0, 0))
        session = session_of(record.worker, workers, place)
        found[record.id] = planned_turn(
            asked, plan.seed, lane, plan.prompts.count, plan.workload.output_tokens, session, turn
        )
        goes_on = record.outcome == "ok" and turn + 1 < session_turns(asked, plan.seed, lane, session)
        at[record.worker] = (place, turn + 1) if goes_on else (place + 1, 0)
    return found


def rests_until_ns(loaded: Loaded, asked: Sessions, mine: Sequence[Record]) -> int:
    """Until when the user of these requests had reason to send nothing: he thinks, or pauses after a failure."""
    failures = 0
    for record in mine[:-1]:
        failures = failures + 1 if record.outcome == "failed" else 0
    last = mine[-1]
    if last.outcome == "failed":
        return last.done_ns + pause_ns(failures)
    if last.session is None or last.turn + 1 >= last.turns:
        return last.done_ns
    plan = loaded.plan
    following = planned_turn(
        asked,
        plan.seed,
        loaded.found.planned.lane,
        plan.prompts.count,
        plan.workload.output_tokens,
        last.session,
        last.turn + 1,
    )
    return last.done_ns + following.think_ns


@rule(
    "sessions.history",
    "reject",
    "turns",
    "Every turn has sent all that was said before: the user's words of the seed, and the answers as they came",
)
def sessions_history(evidence: Evidence) -> Steps:
    asked, plan = asked_of(evidence), evidence.plan
    if asked is None or plan is None:
        return
    try:
        questions = load_prompts(plan.prompts.name).texts
    except KitError:
        return
    for loaded in loaded_cells(evidence):
        texts = {line.id: line.text for line in loaded.found.files.texts or ()}
        turns = turns_of_load(loaded, asked)
        yield len(loaded.records)
        if sum(turn.tokens for turn in turns.values()) > MAX_WORDS:
            yield Issue(f"{PLAN}: workload.sessions", f"have more than {MAX_WORDS} words in one cell")
            continue
        yield from _history(loaded, asked, questions, turns, texts)


def _history(
    loaded: Loaded,
    asked: Sessions,
    questions: tuple[str, ...],
    turns: Mapping[int, PlannedTurn],
    texts: Mapping[int, str],
) -> Iterator[Issue]:
    plan, lane = loaded.plan, loaded.found.planned.lane
    threads: dict[int, Thread] = {}
    for record in loaded.records:
        turn = turns[record.id]
        said = user_text(asked, plan.seed, lane, turn, questions[turn.prompt])
        if turn.turn == 0:
            threads[record.worker] = Thread()
            # What came before the salt, and how, is the load's to say; another rule holds that to the plan.
            system, own = loaded.load.chat == "system-user", loaded.load.prompts_from == "kit"
            threads[record.worker].open(turn.salt, said, system=system, own=own)
        else:
            threads[record.worker].say("user", said)
        thread = threads[record.worker]
        if record.messages_sha256 != thread.sha256:
            yield Issue(loaded.of(record), "has sent other messages than those of its session so far")
        thread.say("assistant", answered(texts.get(record.id, ""), record.chunks))


@rule(
    "sessions.grown", "flag", "turns", "The server counts more prompt tokens in each turn than in the one before"
)
def sessions_grown(evidence: Evidence) -> Steps:
    if asked_of(evidence) is None:
        return
    for loaded in loaded_cells(evidence):
        for before, after in _following(loaded):
            yield 1
            if before.prompt_tokens and after.prompt_tokens and after.prompt_tokens < before.prompt_tokens:
                words = f"has a prompt of {after.prompt_tokens} tokens, the turn before it {before.prompt_tokens}"
                yield Issue(loaded.of(after), f"{words}: the server has cut the history")


def _following(loaded: Loaded) -> Iterator[tuple[Record, Record]]:
    """Each turn that went well, and the next one of its session where that went well too."""
    mine: dict[int, list[Record]] = {}
    for record in loaded.records:
        if record.session is not None and record.outcome == "ok":
            mine.setdefault(record.session, []).append(record)
    for records in mine.values():
        yield from ((a, b) for a, b in pairwise(records) if b.turn == a.turn + 1)


@rule(
    "sessions.cached",
    "flag",
    "turns",
    "No more of a prompt came from a cache than the server can have read before",
)
def sessions_cached(evidence: Evidence) -> Steps:
    if asked_of(evidence) is None:
        return
    for loaded in loaded_cells(evidence):
        most = {after.id: _most_cached(before) for before, after in _following(loaded)}
        for record in loaded.records:
            if record.outcome != "ok" or record.cached_tokens is None or record.prompt_tokens is None:
                continue
            yield 1
            allowed = min(most.get(record.id, SHARED_TOKENS), record.prompt_tokens)
            if record.cached_tokens > allowed:
                words = f"says that {record.cached_tokens} tokens came from a cache; {allowed} can have been there"
                yield Issue(loaded.of(record), words)


def _most_cached(before: Record) -> int:
    """How many tokens of the next turn's prompt a server can have read in this one."""
    answer = (before.completion_tokens or 0) * MORE_TOKENS_PERCENT // 100
    return (before.prompt_tokens or 0) + answer + MORE_TOKENS


RULES = (sessions_history, sessions_grown, sessions_cached)
