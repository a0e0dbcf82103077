"""The registry: every figure is described once, and what speaks of figures elsewhere agrees with it."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from kit.catalogue.published import Figure
from kit.documents import Distribution, Metrics
from kit.judge.score import contract_names, load_contract
from kit.metrics.registry import METRICS, PARTS, SCALARS, TABLES, TIMES
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
