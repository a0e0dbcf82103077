"""Prefill: uncached prompt tokens until the first text, of each request and of all together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import Record, Window
from kit.metrics.aggregate import Tally, cell_metrics, metrics_of
from kit.strict import read_jsonl, record_from
from tests.support.good_shapes import grid_files

WINDOW = Window(200_000_000, 800_000_000)
NAME = "cells/r1-i512-o16-c2-llamacpp-batched/records.jsonl"


def records() -> list[Record]:
    return [record_from(value, NAME) for _, value in read_jsonl(grid_files()[NAME], NAME)]


def test_the_rate_of_a_request_is_its_uncached_prompt_over_its_ttft() -> None:
    """And together: all such tokens of the requests of the window, a second of it."""
    found = cell_metrics(records(), WINDOW, open_loop=False, method=3, prefill=True)
    assert found.prefill_tok_s is not None
    assert found.prefill_tok_s.n == found.requests.ok
    assert found.ttft_ms.p50 is not None
    assert found.prefill_tok_s.p50 == pytest.approx(512 / (found.ttft_ms.p50 / 1000), rel=1e-6)
    assert found.prefill_total_tok_s == pytest.approx(512 * found.requests.ok / 0.6)


def test_cached_tokens_were_not_read() -> None:
    """A prompt that was cached as a whole has no rate."""
    half = [replace(each, cached_tokens=256) for each in records()]
    whole = [replace(each, cached_tokens=512) for each in records()]
    one, two = (cell_metrics(each, WINDOW, open_loop=False, method=3, prefill=True) for each in (records(), half))
    assert two.prefill_total_tok_s is not None
    assert one.prefill_total_tok_s == 2 * two.prefill_total_tok_s
    none = cell_metrics(whole, WINDOW, open_loop=False, method=3, prefill=True)
    assert none.prefill_tok_s is not None
    assert (none.prefill_tok_s.n, none.prefill_total_tok_s) == (0, None)


def test_a_load_that_does_not_ask_for_it_has_the_numbers_of_before() -> None:
    """So that result.json of an older plan is recomputed bit for bit."""
    found = cell_metrics(records(), WINDOW, open_loop=False, method=3)
    assert (found.prefill_tok_s, found.prefill_total_tok_s) == (None, None)
    assert not {"prefill_tok_s", "prefill_total_tok_s"} & {name for name, _ in found.written()}


def test_two_parts_add_up_to_the_whole() -> None:
    """As the processes of a load add theirs up."""
    parts = [Tally(WINDOW, None, open_loop=False, method=3, prefill=True) for _ in range(2)]
    for at, each in enumerate(records()):
        parts[at % 2].add(each)
    parts[0].merge(parts[1])
    assert metrics_of(parts[0]) == cell_metrics(records(), WINDOW, open_loop=False, method=3, prefill=True)
