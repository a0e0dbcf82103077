"""Tallies of parts of a cell: merged in any split and order they are the tally of the whole, field by field."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.documents import Record, Slo, Window
from kit.metrics.aggregate import Tally, cell_metrics, metrics_of
from tests.support.naive_metrics import any_records, naive_metrics
from tests.support.records import MS, make_record

WINDOW = Window(100 * MS, 900 * MS)
SLO = Slo(ttft_ns=60 * MS, tpot_ns=20 * MS)


def tally(chosen: Sequence[Record], method: int = 2) -> Tally:
    found = Tally(WINDOW, SLO, open_loop=True, method=method)
    for record in chosen:
        found.add(record)
    return found


def contents(found: Tally) -> dict[str, object]:
    """Everything that a tally holds; the times sorted, since parts come in any order."""
    return {name: sorted(value) if isinstance(value, array) else value for name, value in vars(found).items()}


@given(st.lists(any_records(), max_size=12), st.sampled_from([1, 2]), st.data())
def test_any_split_in_any_order_adds_up_to_the_whole(
    whole: list[Record], method: int, data: st.DataObject
) -> None:
    """No field is lost, none counted twice; a part may be empty, and the numbers of the cell are the same."""
    shuffled = data.draw(st.permutations(whole))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=3)))
    bounds = [0, *cuts, len(whole)]
    merged = Tally(WINDOW, SLO, open_loop=True, method=method)
    for low, high in pairwise(bounds):
        merged.merge(tally(shuffled[low:high], method))
    assert contents(merged) == contents(tally(whole, method))
    assert metrics_of(merged) == cell_metrics(whole, WINDOW, open_loop=True, slo=SLO, method=method)


LIMITS = (None, SLO, Slo(itl_ns=5 * MS, e2e_ns=99 * MS))


@settings(max_examples=200)
@given(st.lists(any_records(), max_size=6), st.booleans(), st.sampled_from(LIMITS), st.sampled_from([1, 2]))
def test_the_numbers_are_those_of_the_plainest_means(
    whole: list[Record], open_loop: bool, slo: Slo | None, method: int
) -> None:
    """Every field, of any records: as docs/method.md has it, without a pass that is saved."""
    found = cell_metrics(whole, WINDOW, open_loop=open_loop, slo=slo, method=method)
    assert found == naive_metrics(whole, WINDOW, open_loop=open_loop, slo=slo, method=method)


def test_every_count_of_both_parts_is_in_the_sum() -> None:
    """One part of a replayed answer from the cache, one that failed after an answer of several tokens a chunk."""
    burst = make_record(0, sent_ms=100, chunks_ms=tuple(600 + at * 0.05 for at in range(20)))
    coalesced = make_record(1, sent_ms=110, chunks_ms=(150, 160), tokens=8, source="chunks")
    failed = make_record(2, sent_ms=120, chunks_ms=(), outcome="failed", error="connect")
    first, second = tally([replace(burst, cached_tokens=7)]), tally([replace(coalesced, cached_tokens=2), failed])
    first.merge(second)
    found = metrics_of(first)
    assert found.replayed == 1
    assert (found.tokens.cached, found.tokens.prompt, found.tokens.chunks) == (9, 20, 22)
    assert (found.tokens.completion, found.tokens.source) == (28, "mixed")
    assert (found.requests.ok, found.requests.failed, found.errors_by_kind) == (2, 1, {"connect": 1})
    assert (found.itl_ms.n, found.chunk_gap_ms.n) == (1, 1)
    assert found.itl_ms.max == 2.5
    assert found.chunk_gap_ms.max == 10.0
    assert found.goodput_req_s == 1.25  # the one with a first token within 60 ms, in 0.8 s


def test_a_tally_that_is_merged_into_another_stays_as_it_was() -> None:
    """Parts come from several processes; the same part may be asked again."""
    part = tally([make_record(0, sent_ms=110, chunks_ms=(150, 160), tokens=8)])
    before = contents(part)
    whole = tally([make_record(1, sent_ms=110, chunks_ms=(150, 160))])
    whole.merge(part)
    assert contents(part) == before
