"""Quantiles: exact where there are enough samples, absent where there are not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.documents import Window
from kit.report.plots.distributions import Quantiles as Found
from kit.report.plots.distributions import distribution_plot, quantiles, stated, times_of
from tests.support.records import MS, make_record
from tests.support.studies import study, subject

WINDOW = Window(0, 1000 * MS)
ONE = study(subject("vllm", 2, ttft_ms__p50=12.0, ttft_ms__min=9.0, ttft_ms__max=40.0))


def of(*values_ms: float) -> Found:
    made = quantiles("vllm", 2, [round(value * MS) for value in values_ms])
    assert made is not None
    return made


def test_quantiles_are_nearest_ranks_in_milliseconds() -> None:
    """Of 1 to 500 ms: every one is there."""
    made = of(*range(1, 501))
    assert (made.least, made.p25, made.p50, made.p75, made.p90, made.p99, made.most) == (
        1, 125, 250, 375, 450, 495, 500,
    )  # fmt: skip


def test_too_few_samples_leave_quantiles_out() -> None:
    """Of three the least, the middle and the most are all there is."""
    made = of(3, 1, 2)
    assert (made.n, made.least, made.p50, made.most) == (3, 1, 2, 3)
    assert (made.p25, made.p75, made.p90, made.p99) == (None,) * 4
    assert quantiles("vllm", 2, []) is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=80))
def test_quantiles_never_fall(values: list[int]) -> None:
    """Whatever the samples are."""
    made = quantiles("vllm", 2, values)
    assert made is not None
    parts = (made.least, made.p25, made.p50, made.p75, made.p90, made.p99, made.most)
    known = [part for part in parts if part is not None]
    assert known == sorted(known)


def test_times_are_those_of_ok_requests_sent_in_the_window() -> None:
    """As in the metrics."""
    records = [
        make_record(0, sent_ms=10, chunks_ms=(30, 40, 60)),
        make_record(1, sent_ms=2000, chunks_ms=(2010, 2020)),
        make_record(2, sent_ms=20, chunks_ms=(30,), outcome="failed", error="protocol"),
    ]
    assert list(times_of(records, WINDOW, "ttft_ms")) == [20 * MS]
    assert list(times_of(records, WINDOW, "itl_ms")) == [10 * MS, 20 * MS]


def test_without_records_the_stated_percentiles_stand() -> None:
    """What is not stated is not drawn."""
    made = stated(ONE.subjects[0], "ttft_ms")
    assert made is not None
    assert (made.n, made.least, made.p25, made.p50, made.p90, made.most) == (None, 9, None, 12, None, 40)
    assert stated(ONE.subjects[0], "itl_ms") is None


def test_the_plot_has_a_row_for_each_entry_and_concurrency() -> None:
    """With what the records say, not what is stated, and layers only for what is known."""
    found = {("vllm", 2): of(*range(1, 21))}
    plot = distribution_plot([ONE], found, "ttft_ms", "p")
    assert plot is not None
    (row,) = plot.spec["data"]["values"]
    assert (row["lo"], row["p25"], row["p50"], row["hi"], row["n"]) == (1, 5, 10, 20, "20")
    assert [layer["mark"]["type"] for layer in plot.spec["layer"]] == ["rule", "rule", "point"]
    assert distribution_plot([ONE], {}, "itl_ms", "p") is None


def test_imported_results_never_take_the_quantiles_of_our_records() -> None:
    """Even where they have the same name."""
    theirs = replace(ONE, origin="imported", label=None)
    plot = distribution_plot([theirs], {("vllm", 2): of(*range(1, 21))}, "ttft_ms", "p")
    assert plot is not None
    assert plot.spec["data"]["values"][0]["n"] == "not stated"
