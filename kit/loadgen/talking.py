"""A load of sessions: each worker is a user who asks, reads, thinks, and asks on with all that was said before.

An answer is read as soon as it has ended, because the next request repeats it: with the parser that makes the
records, so both agree on whether it was one. A turn that fails ends its session, since there is no history to
continue; its user pauses as after any failure and begins the next session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kit.documents import Exchange, Load, PlannedTurn, Sessions
from kit.errors import InputError
from kit.loadgen.client import Client
from kit.loadgen.session import Session
from kit.plan.chat_body import Prompt, chat_request
from kit.plan.schedule import pause_ns
from kit.plan.target import payload
from kit.plan.workloads.session_records import turn_of, turn_record
from kit.plan.workloads.sessions import Thread, answered, session_of, user_text

ONE_QUESTION = "Give a prompt set of the kit, or a file of plain questions."
Build = Callable[[list[dict[str, str]], int], bytes]


@dataclass(slots=True)
class _User:
    """Where a worker stands: which of its sessions, which turn, and what was said in it."""

    worker: int
    place: int
    planned: PlannedTurn
    thread: Thread
    body: bytes = b""  # the request of this turn, built when the turn before it ended


class Talks:
    """The sessions of a load; `build` makes the bytes of a request of messages and a limit."""

    def __init__(self, load: Load, asked: Sessions, prompts: Sequence[Prompt], build: Build) -> None:
        if not all(isinstance(prompt, str) for prompt in prompts):
            raise InputError("Sessions begin with a question, and these prompts are whole chats.", ONE_QUESTION)
        self._load = load
        self._asked = asked
        self._questions = [prompt for prompt in prompts if isinstance(prompt, str)]
        self._build = build
        self._users: dict[int, _User] = {}

    def payload(self, worker: int) -> bytes:
        """The request of a worker's turn."""
        return self._user(worker).body

    def heard(self, exchange: Exchange) -> Exchange:
        """The exchange with its place in its session."""
        user = self._user(exchange.worker)
        return replace(
            exchange,
            session=user.planned.session,
            turn=user.planned.turn,
            messages_sha256=user.thread.sha256,
        )

    def went_on(self, exchange: Exchange) -> tuple[bool, int | None, int]:
        """Go on from a turn that `heard` has named: whether it went well, how long its user thinks before the next

        (None: there is no next), and how many turns of the session will never be.
        """
        user = self._user(exchange.worker)
        record, text = turn_record(self._load, self._asked, exchange, limited=self._limited)
        good = record.outcome == "ok"
        planned = user.planned
        if good and planned.turn + 1 < planned.turns:
            user.thread.say("assistant", answered(text, record.chunks))
            user.planned = turn_of(self._load, self._asked, planned.session, planned.turn + 1)
            self._ask(user)
            return good, user.planned.think_ns, 0
        return good, self._next_session(user), planned.turns - planned.turn - 1

    @property
    def _limited(self) -> bool:
        return self._load.limit_key not in self._load.without

    def _user(self, worker: int) -> _User:
        if worker not in self._users:
            session = session_of(worker, self._load.loop.concurrency or 1, 0)
            self._users[worker] = user = _User(worker, 0, turn_of(self._load, self._asked, session, 0), Thread())
            self._ask(user)
        return self._users[worker]

    def _next_session(self, user: _User) -> int | None:
        user.place += 1
        session = session_of(user.worker, self._load.loop.concurrency or 1, user.place)
        if self._asked.count is not None and session >= self._asked.count:
            return None
        user.planned, user.thread = turn_of(self._load, self._asked, session, 0), Thread()
        self._ask(user)
        return user.planned.think_ns

    def _ask(self, user: _User) -> None:
        load, planned = self._load, user.planned
        said = user_text(self._asked, load.seed, load.lane, planned, self._questions[planned.prompt])
        if planned.turn:
            user.thread.say("user", said)
        else:
            system, own = load.chat == "system-user", load.prompts_from == "kit"
            user.thread.open(planned.salt, said, system=system, own=own)
        user.body = self._build(user.thread.messages, planned.max_tokens)


def talks_of(load: Load, asked: Sessions, prompts: Sequence[Prompt], head: bytes) -> Talks:
    """The sessions of a load, asked behind this head of a request."""

    def build(messages: list[dict[str, str]], max_tokens: int) -> bytes:
        document = chat_request(load, messages, max_tokens)
        return payload(head, json.dumps(document, ensure_ascii=False).encode())

    return Talks(load, asked, prompts, build)


class TalkingSession(Session):
    """A load whose workers ask in sessions; everything else is as in any closed loop."""

    def __init__(self, talks: Talks, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._talks = talks

    def _start(self, client: Client, request: int, intended_ns: int) -> None:
        client.start(request, intended_ns, self._talks.payload(client.worker))

    def _prepare(self, request: int) -> None:  # noqa: ARG002
        """Before the load, the first turns; what comes after them depends on their answers."""
        if not self._begun:
            for worker in self._share.below(self._load.loop.concurrency or 1):
                self._talks.payload(worker)

    def _done(self, client: Client, exchange: Exchange) -> None:
        super()._done(client, self._talks.heard(exchange))

    def _again(self, client: Client, exchange: Exchange, *, good: bool) -> None:  # noqa: ARG002
        """The same user asks on, after thinking; after a failure he pauses, and begins another session."""
        went_well, think_ns, lost = self._talks.went_on(exchange)
        if lost and self._load.sessions is not None and self._load.sessions.count is not None:
            self._ledger.forgo(lost)
        failures = 0 if went_well else self._failures.get(client.worker, 0)
        paused_ns = 0 if went_well else pause_ns(failures)
        self._failures[client.worker] = 0 if went_well else failures + 1
        if think_ns is not None:
            self._send_at(client, exchange.done_ns + paused_ns + think_ns)
