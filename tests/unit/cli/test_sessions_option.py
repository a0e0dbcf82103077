"""--sessions: kinds, ranges and times in one word, and what is wrong with a bad one."""

from __future__ import annotations

import click
import pytest

from kit.cli._shared.sessions import SessionsOption
from kit.documents import Sessions, Span

MS = 1_000_000


def read(words: str) -> Sessions:
    return SessionsOption().convert(words, None, None)


def test_a_kind_alone_is_enough() -> None:
    """All else is that of the kind."""
    assert read("chat").kind == "chat"
    assert read("Agent").turns == Span(8, 24)
    assert read("chat").count is None


def test_every_part_is_read() -> None:
    """Numbers, ranges, times with one unit or two."""
    found = read("agent,turns=3-5,first=2000,turn=0-40,think=500ms-2s,count=40,caches=off")
    assert (found.turns, found.first_tokens, found.turn_tokens) == (Span(3, 5), Span(2000, 2000), Span(0, 40))
    assert (found.think_ns, found.count, found.caches) == (Span(500 * MS, 2000 * MS), 40, "off")
    assert SessionsOption().convert(found, None, None) is found


@pytest.mark.parametrize(
    ("think", "span"),
    [
        ("2s", Span(2000 * MS, 2000 * MS)),
        ("1-8s", Span(1000 * MS, 8000 * MS)),
        ("0-50ms", Span(0, 50 * MS)),
        ("0.5", Span(500 * MS, 500 * MS)),
        ("1s-1m", Span(1000 * MS, 60_000 * MS)),
    ],
)
def test_times_are_as_people_write_them(think: str, span: Span) -> None:
    """The unit of the second is that of both where the first has none."""
    assert read(f"chat,think={think}").think_ns == span


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("talk", "chat or agent"),
        ("", "chat or agent"),
        ("chat,turns", "KEY=VALUE"),
        ("chat,turns=2,turns=3", "KEY=VALUE"),
        ("chat,tokens=2", "KEY=VALUE"),
        ("chat,turns=2..3", "not a number or a range"),
        ("chat,turns=5-2", "min is above max"),
        ("chat,turns=0", "goes beyond"),
        ("chat,think=fast", "not a time"),
        ("chat,think=2h", "not a time"),
        ("chat,caches=maybe", "on or off"),
        ("chat,count=0", "not a number of sessions"),
        ("chat,count=1000001", "not a number of sessions"),
    ],
)
def test_what_is_no_session_is_said(words: str, said: str) -> None:
    """In words, before anything is asked."""
    with pytest.raises(click.UsageError, match=said):
        read(words)
