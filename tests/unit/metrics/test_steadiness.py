"""Whether a server kept its pace: holes and slow parts show, waits for a first token and slow servers do not."""

from __future__ import annotations

import pytest

from kit.documents import Record, Window
from kit.metrics.steadiness import slowest_part
from tests.support.records import MS, make_record

WINDOW = Window(1000 * MS, 11_000 * MS)


def stream(pace: list[int]) -> list[Record]:
    """Requests one after the other from 0 s to 12 s; `pace` is the ms between two tokens in each second."""
    found: list[Record] = []
    now = 0
    while now < 12_000:
        chunks = []
        sent = now
        for _ in range(20):
            now += pace[min(now // 1000, len(pace) - 1)]
            chunks.append(now)
        found.append(make_record(len(found), sent_ms=sent, chunks_ms=tuple(chunks), done_ms=now))
    return found


def test_a_steady_server_is_steady() -> None:
    """All parts are about alike."""
    slowest = slowest_part(stream([10]), WINDOW)
    assert slowest is not None
    assert slowest > 0.9


@pytest.mark.parametrize(("slow", "share"), [(100, 0.1), (40, 0.25)])
def test_a_server_that_slows_down_shows(slow: int, share: float) -> None:
    """The slowest part against the median one."""
    slowest = slowest_part(stream([10] * 5 + [slow] * 3 + [10]), WINDOW)
    assert slowest == pytest.approx(share, abs=0.06)


def test_a_server_that_stops_for_a_second_shows() -> None:
    """One tenth of the window without a token."""
    moved = [
        make_record(
            record.id,
            sent_ms=_moved(record.sent_ns or 0),
            chunks_ms=tuple(_moved(at) for at, *_ in record.chunks),
            done_ms=_moved(record.done_ns),
        )
        for record in stream([10])
    ]
    assert slowest_part(moved, WINDOW) == pytest.approx(0, abs=0.2)


def _moved(ns: int) -> int:
    ms = ns // MS
    return ms if ms < 5000 else ms + 1500


def test_nothing_is_said_of_few_tokens_or_of_long_waits() -> None:
    """Chance alone makes such parts differ."""
    assert slowest_part(stream([400]), WINDOW) is None
    long = make_record(0, sent_ms=0, chunks_ms=tuple(range(4000, 12_000, 10)), done_ms=12_000)
    assert slowest_part([long], WINDOW) is None
    assert slowest_part([], WINDOW) is None
