"""The record of a turn, and its place in the schedule of its load. Pure."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Exchange, Load, PlannedRequest, PlannedTurn, Record, Sessions
from kit.plan.workloads.sessions import planned_turn
from kit.stream.record import record


def turn_of(load: Load, asked: Sessions, session: int, turn: int) -> PlannedTurn:
    """A turn of a load."""
    return planned_turn(asked, load.seed, load.lane, load.prompts.count, load.output_tokens, session, turn)


def turn_record(load: Load, asked: Sessions, exchange: Exchange, *, limited: bool) -> tuple[Record, str]:
    """The record of an exchange in a session, and its text."""
    planned = turn_of(load, asked, exchange.session or 0, exchange.turn)
    request = PlannedRequest(exchange.id, planned.prompt, planned.salt, planned.max_tokens)
    parsed, text = record(exchange, request, limited=limited)
    return (
        replace(
            parsed,
            session=planned.session,
            turn=planned.turn,
            turns=planned.turns,
            think_ns=planned.think_ns,
            messages_sha256=exchange.messages_sha256,
        ),
        text,
    )
