"""The registry: every figure is described once, and what speaks of figures elsewhere agrees with it."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from kit.catalogue.published import Figure
from kit.documents import Distribution, Metrics
from kit.judge.score import contract_names, load_contract
from kit.metrics.registry import LENGTHS, METRICS, PARTS, SCALARS, SESSIONS, TABLES, TIMES
from kit.metrics.results import SPREAD_METRICS


def test_the_places_in_the_metrics_document_are_there() -> None:
    """A path without a place would be a figure that no run ever has."""
    assert {*SCALARS, *TIMES} <= {field.name for field in fields(Metrics)}
    assert set(PARTS) == {field.name for field in fields(Distribution)}


def test_what_is_taken_over_replicates_and_shown_is_registered() -> None:
    """Also what a table falls back to."""
    assert set(SPREAD_METRICS) <= METRICS.keys()
    assert {each.path for each in TABLES} <= set(SPREAD_METRICS)
    assert {each.fallback for each in TABLES} - {None} <= set(SPREAD_METRICS)


@pytest.mark.parametrize("name", contract_names())
def test_a_contract_of_the_kit_scores_as_the_registry_says(name: str) -> None:
    """Higher is better in both, or lower in both."""
    rules = [rule for rule in load_contract(name).metrics if rule.path in METRICS]
    assert [rule.better for rule in rules] == [METRICS[rule.path].better for rule in rules]


def test_published_figures_of_ours_are_registered() -> None:
    """The others are somebody's own."""
    assert set(get_args(Figure)) - METRICS.keys() == {
        "decode_times_concurrency",
        "pass_at_1",  # of an evaluation, and no figure of a cell
        "probador_score",
        "unstated_tok_s",
    }


@pytest.mark.parametrize(
    ("path", "heading", "label", "shown"),
    [
        ("throughput_tok_s", "Throughput (tokens/s, all users together)", "throughput (tok/s)", "1,234.6"),
        ("ttft_ms.p50", "TTFT p50 (ms)", "TTFT p50 (ms)", "1,234.6"),
        ("error_rate", "Error rate", "error rate", "123,456.0 %"),
    ],
)
def test_a_metric_is_worded_for_tables(path: str, heading: str, label: str, shown: str) -> None:
    """Over a table, in a row of headings, and a value in it."""
    metric = METRICS[path]
    assert (metric.heading, metric.label, metric.shown(1234.56)) == (heading, label, shown)
    assert metric.shown(None) == "–"  # noqa: RUF001


def test_the_registry_is_the_list_that_contracts_and_studies_are_written_against() -> None:
    """Names and their order, digits, what stands in for a p99, and where an answer becomes longer."""
    times = [f"{name}.{part}" for name in ("ttft_ms", "tpot_ms", "itl_ms", "e2e_ms") for part in PARTS]
    assert list(METRICS) == [
        "throughput_tok_s", "decode_tok_s", "request_rate_s", "error_rate", "mean_in_flight", "goodput_share",
        "goodput_req_s", *times, "requests.ok", "requests.failed", "requests.unfinished", "tokens.completion",
        "tokens.prompt", "prompt_tokens_mean", "output_tokens_mean", "tpot_cv", "spikes", "decode_us_per_layer",
        "cold_start_ms", "pass_rate", "memory_max_mb", "power_mean_w", "joules_per_token",
        "tpot_ms.by_output.short", "tpot_ms.by_output.medium", "tpot_ms.by_output.long",
        "prefill_tok_s.p50", "prefill_total_tok_s", "ttft_from_intended_ms.p50", "ttft_from_intended_ms.p99",
        "e2e_from_intended_ms.p50", "e2e_from_intended_ms.p99", *SESSIONS,
    ]  # fmt: skip
    assert SESSIONS == (
        "hit_rate", "later_hit_rate", "ttft_first_ms.p50", "ttft_later_ms.p50", "ttft_later_ms.p99",
        "ttft_later_ms.max", "session_ms.p50",
    )  # fmt: skip
    assert PARTS == ("n", "min", "p50", "p90", "p95", "p99", "p999", "max", "mean")
    assert LENGTHS == (("short", 0, 32), ("medium", 32, 129), ("long", 129, None))
    assert [METRICS[path].digits for path in list(METRICS)[:7]] == [1, 1, 2, 4, 1, 4, 2]
    assert [METRICS[path].digits for path in times] == [
        0 if path.endswith(".n") else 2 if path.startswith(("tpot", "itl")) else 1 for path in times
    ]
    assert [METRICS[path].digits for path in list(METRICS)[7 + len(times) :]] == [
        1, 0, 1, 1, 1, 1, 1, 3, 0, 1, 0, 3, 0, 1, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 4, 4, 1, 1, 1, 1, 0,
    ]  # fmt: skip
    stands_in = {path: metric.fallback for path, metric in METRICS.items() if metric.fallback}
    assert stands_in == {f"{name}.p99": f"{name}.max" for name in (*TIMES, "ttft_later_ms")}
    assert [each.path for each in TABLES] == [
        "throughput_tok_s", "decode_tok_s", "ttft_ms.p50", "ttft_ms.p99", "itl_ms.p50", "itl_ms.p99", "error_rate",
    ]  # fmt: skip
    assert SPREAD_METRICS == (
        "throughput_tok_s", "decode_tok_s", "request_rate_s", "error_rate", "ttft_ms.p50", "ttft_ms.p99",
        "ttft_ms.max", "itl_ms.p50", "itl_ms.p99", "itl_ms.max", "tpot_ms.p50", "e2e_ms.p50", "e2e_ms.p99",
    )  # fmt: skip
