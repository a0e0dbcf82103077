"""The corpus of streams through the real client over a socket: each record says what is true of its stream."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.shapes import GROUPS, SHAPES
from tests.support.shapes.playing import Played, in_pieces, played
from tests.support.shapes.shape import SIBLING, Shape

ATTEMPTS = 5  # at stamps that a busy machine may blur
SHORT_CHARS = 1_000  # of a text that is worth to be fed byte by byte
UNTIMED = [shape for shape in SHAPES if shape.truth.arrivals is None]
TIMED = [shape for shape in SHAPES if shape.truth.arrivals is not None]
UNKNOWN = [shape for shape in SHAPES if shape.truth.outcome == "ok" and shape.truth.untimed is None]


def by_id(shape: Shape) -> str:
    return shape.id


def played_in_time(shape: Shape) -> Played:
    """The shape played until its writes are read one by one, as they are on a machine that is not busy."""
    for _ in range(ATTEMPTS):
        came = played(shape)
        if came.arrivals == shape.truth.arrivals:
            break
    return came


@pytest.mark.parametrize("shape", UNTIMED, ids=by_id)
def test_a_stream_is_read_as_what_it_is(shape: Shape) -> None:
    """Outcome, text, counts and their sources, dialect; no text is timed before it came."""
    came = played(shape)
    assert came.differences(shape.truth) == {}
    assert came.first_text_ms >= shape.truth.first_text_ms


@pytest.mark.parametrize("shape", TIMED, ids=by_id)
def test_events_of_one_read_arrive_at_one_time(shape: Shape) -> None:
    """And those of different reads at different times; where too many come at once, there is no ITL."""
    came = played_in_time(shape)
    metrics, chunks, arrivals = came.metrics, len(came.record.chunks), came.arrivals
    assert came.differences(shape.truth) == {}
    assert came.first_text_ms >= shape.truth.first_text_ms
    assert arrivals == shape.truth.arrivals
    assert (metrics.itl_ms.p50 is not None) is shape.truth.itl
    if not metrics.replayed:
        assert metrics.coalesced_share == pytest.approx((chunks - arrivals) / (chunks - 1))


@pytest.mark.parametrize("shape", UNKNOWN, ids=by_id)
def test_no_pace_is_made_of_tokens_that_cannot_be_told_apart(shape: Shape) -> None:
    """Neither decode rate nor ITL; the time to first token stays."""
    metrics = played(shape).metrics
    assert (metrics.decode_tok_s, metrics.tpot_ms.n, metrics.itl_ms.n) == (None, 0, 0)
    assert (metrics.ttft_ms.n, metrics.tokens.unknown_requests) == (1, 1)


@pytest.mark.parametrize("size", [1, 17])
def test_a_stream_says_the_same_however_it_is_cut(size: int) -> None:
    """In reads of one byte, and of a few that end anywhere."""
    whole = [shape for shape in SHAPES if shape.truth.outcome == "ok" and shape.http.body == "chunked"]
    short = [shape for shape in whole if len(shape.truth.text) < SHORT_CHARS]
    assert len(short) > 150
    wrong = {shape.id: in_pieces(shape, size).differences(shape.truth) for shape in short}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_the_corpus_is_large_and_says_where_it_is_from() -> None:
    """No id twice; most streams are public ones, the others stand beside a public one of their group."""
    assert max(Counter(shape.id for shape in SHAPES).values()) == 1
    public = [shape for shape in SHAPES if shape.source != SIBLING]
    assert len(public) >= 200
    assert all(shape.url.startswith("https://") for shape in public)
    assert all(any(shape.source != SIBLING for shape in shapes) for shapes in GROUPS.values())
    assert min(len(shapes) for shapes in GROUPS.values()) >= 6
