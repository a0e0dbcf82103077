"""A window in which no request began says so, and names one that would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kit.documents import ErrorKind, Loop, Outcome, Record, Window
from kit.metrics.aggregate import cell_metrics
from kit.run.empty_window import empty_window
from tests.support.documents import LOAD
from tests.support.records import MS, make_record

CLOSED = replace(LOAD, loop=Loop("closed", 1), warmup_ns=1000 * MS, window_ns=1000 * MS)
WINDOW = Window(1000 * MS, 2000 * MS)


def said(records: Sequence[Record], **changes: Any) -> str | None:
    load = replace(CLOSED, **changes)
    metrics = cell_metrics(records, WINDOW, open_loop=load.loop.kind == "open")
    failure = empty_window(load, metrics, records)
    return None if failure is None else failure.message


def answer(*, sent_ms: int, done_ms: int, **changes: Any) -> Record:
    chunks = tuple((sent_ms + (done_ms - sent_ms) * part / 4) for part in range(1, 5))
    made = make_record(0, chunks_ms=chunks, **changes)
    return replace(made, intended_ns=sent_ms * MS, sent_ns=sent_ms * MS, done_ns=done_ms * MS)


def test_an_answer_longer_than_the_window_is_named_with_a_window_that_would_do() -> None:
    """Twice the longest answer, so that each user begins at least once."""
    assert said([answer(sent_ms=0, done_ms=4200)]) == (
        "No request began in the window of 1 s: an answer takes up to 4.2 s, which is longer. "
        "A window of 9 s would do: --duration 9s."
    )


def test_an_answer_that_was_cut_counts_as_long_as_it_would_have_taken() -> None:
    """At its pace, up to its limit of tokens."""
    cut = replace(answer(sent_ms=0, done_ms=2000), outcome="unfinished", max_tokens=20)
    words = said([cut])
    assert words is not None
    assert "takes more than 2.0 s" in words
    assert "--duration 20s" in words


def test_an_answer_that_was_cut_before_its_text_is_counted_as_it_was() -> None:
    """Nobody knows more of it."""
    cut = replace(answer(sent_ms=0, done_ms=2000), outcome="unfinished", chunks=(), chunk_tokens=None)
    assert "--duration 4s" in (said([cut]) or "")


def test_a_rate_with_no_arrival_in_the_window_is_named() -> None:
    """One arrival in ten seconds needs twenty to be sure of one."""
    words = said([answer(sent_ms=0, done_ms=10)], loop=Loop("open", None, "constant", 100))
    assert words == (
        "No request began in the window of 1 s: none was due at this rate. "
        "A window of 20 s would do: --duration 20s."
    )


def test_users_that_pause_after_failures_are_named() -> None:
    """Their answers are short."""
    failed = replace(answer(sent_ms=0, done_ms=100), outcome="failed", error="connect")
    assert "pausing after failures" in (said([failed]) or "")


@pytest.mark.parametrize("outcome", ["ok", "failed", "unfinished"])
def test_a_window_with_a_request_is_not_empty(outcome: Outcome) -> None:
    """However it ended."""
    error: ErrorKind | None = "connect" if outcome == "failed" else None
    record = replace(answer(sent_ms=1500, done_ms=1800), outcome=outcome, error=error)
    assert said([record]) is None


def test_a_load_by_number_has_no_window_that_could_be_empty() -> None:
    """It ends with its requests."""
    assert said([answer(sent_ms=0, done_ms=4200)], window_ns=None, requests=1) is None
