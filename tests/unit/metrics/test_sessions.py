"""kit.metrics.sessions against numbers worked out by hand, and added up in parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Record, Window
from kit.metrics.aggregate import cell_metrics
from kit.metrics.sessions import MAX_TURNS_SHOWN, SessionTally
from tests.support.records import MS, make_record

WINDOW = Window(100 * MS, 1100 * MS)


def turn(
    session: int | None, number: int, sent_ms: float, *, turns: int = 3, prompt: int = 100, **more: Any
) -> Record:
    """A turn that is answered after 10 + its number ms, for 30 ms."""
    cached = more.pop("cached", 0)
    think_ms = more.pop("think_ms", 0)
    first_ms = sent_ms + 10 + number
    made = make_record(sent_ms=sent_ms, chunks_ms=(first_ms, first_ms + 30), **more)
    return replace(
        made,
        session=session,
        turn=number,
        turns=turns,
        think_ns=round(think_ms * MS),
        prompt_tokens=prompt,
        cached_tokens=cached,
    )


def tallied(*records: Record) -> SessionTally:
    tally = SessionTally(WINDOW)
    for record in records:
        tally.add(record)
    return tally


def test_a_cell_without_sessions_has_no_such_numbers() -> None:
    """And its document is written without them."""
    records = [make_record(sent_ms=200)]
    assert cell_metrics(records, WINDOW, open_loop=False).sessions is None
    assert "sessions" not in dict(cell_metrics(records, WINDOW, open_loop=False).written())


def test_hit_rates_times_and_counts_are_those_worked_out_by_hand() -> None:
    """One session whole, one cut by the end of the window, one failed, one begun in the warm-up."""
    records = [
        turn(0, 0, 150, prompt=100),
        turn(0, 1, 250, prompt=200, cached=150),
        turn(0, 2, 350, prompt=300, cached=250),
        turn(1, 0, 900, prompt=100, cached=4),
        turn(1, 1, 1090, prompt=200, cached=100),
        turn(2, 0, 400, outcome="failed", error="http_status"),
        turn(3, 2, 500, prompt=300, cached=300, think_ms=200),
    ]
    found = tallied(*records).metrics()
    assert found is not None
    assert (found.begun, found.whole, found.failed, found.cut) == (3, 1, 1, 1)
    assert found.hit_rate == pytest.approx(804 / 1200, abs=1e-9)
    assert found.later_hit_rate == pytest.approx(800 / 1000, abs=1e-9)
    assert (found.ttft_first_ms.n, found.ttft_first_ms.min, found.ttft_first_ms.max) == (2, 10.0, 10.0)
    assert (found.ttft_later_ms.n, found.ttft_later_ms.min, found.ttft_later_ms.max) == (4, 11.0, 12.0)
    assert (found.session_ms.n, found.session_ms.min) == (1, 242.0)
    assert found.thinking == 0.2
    assert [(each.turn, each.n, each.prompt_tokens_mean, each.hit_rate) for each in found.turns] == [
        (0, 2, 100.0, 0.02),
        (1, 2, 200.0, 0.625),
        (2, 2, 300.0, pytest.approx(550 / 600, abs=1e-9)),
    ]


def test_a_rate_is_none_where_one_answer_does_not_say_it() -> None:
    """Half an answer is none: the others may be the ones that hit."""
    silent = replace(turn(0, 1, 300), cached_tokens=None)
    found = tallied(turn(0, 0, 200), silent).metrics()
    assert found is not None
    assert (found.hit_rate, found.later_hit_rate) == (None, None)
    assert [each.hit_rate for each in found.turns] == [0.0, None]


def test_a_rate_is_none_where_more_came_from_a_cache_than_there_was() -> None:
    """Of a server that says so no word about its cache is worth anything."""
    found = tallied(turn(0, 0, 200), turn(0, 1, 300, prompt=50, cached=51)).metrics()
    assert found is not None
    assert (found.hit_rate, found.later_hit_rate) == (None, None)


def test_only_the_first_turns_have_a_row_each() -> None:
    """A session of a thousand turns makes no document of a thousand rows."""
    records = [turn(0, number, 200 + number, turns=200) for number in range(150)]
    found = tallied(*records).metrics()
    assert found is not None
    assert len(found.turns) == MAX_TURNS_SHOWN
    assert found.ttft_later_ms.n == 149


some_turns = st.builds(
    turn,
    st.one_of(st.none(), st.integers(0, 5)),
    st.integers(0, 4),
    st.integers(0, 1200),
    prompt=st.integers(1, 500),
    cached=st.integers(0, 600),
    think_ms=st.integers(0, 100),
    outcome=st.sampled_from(("ok", "failed", "unfinished")),
)


@given(st.lists(some_turns, max_size=12), st.integers(0, 12))
def test_parts_add_up_to_the_whole(records: list[Record], at: int) -> None:
    """However the records are split: the load generator parses in parts."""
    unique = list({(record.session, record.turn): record for record in records}.values())
    whole, parts = tallied(*unique), tallied(*unique[:at])
    parts.merge(tallied(*unique[at:]))
    assert parts.metrics() == whole.metrics()
