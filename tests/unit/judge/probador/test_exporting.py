"""A run becomes files of probador: strict results, in order, with the figures of its records."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.documents import Cell, Record, Window
from kit.documents.study import Study
from kit.errors import InputError
from kit.judge.open import OpenedStudy, verified_study
from kit.judge.probador import (
    Export,
    bench_report,
    document_bytes,
    export_cell,
    export_study,
    study_of_files,
)
from kit.judge.probador.requests import seen
from kit.judge.probador.spreads import interval, percentile, slope, spans
from kit.judge.probador.tail import tail_analysis
from kit.metrics.aggregate import sent_in
from kit.strict.schema import problems, schema
from kit.verify.evidence import open_bundle
from tests.support.documents import CELL, RECORD

RESULTS = Path(__file__).parents[4] / "results"
BUNDLES = ("smol-2cpu.tar.gz", "demo-2cpu.tar.gz")
MS = 1_000_000


@cache
def bundle(name: str) -> OpenedStudy:
    return verified_study(open_bundle((RESULTS / name).read_bytes()), name)


def cells_of(found: OpenedStudy) -> dict[str, Cell]:
    assert found.evidence is not None
    return {name: files.cell for name, files in found.evidence.cells.items() if files.cell is not None}


@cache
def exported(name: str) -> Export:
    found = bundle(name)
    return export_study(found.study, cells_of(found), found.records)


def loads(name: str) -> dict[str, Any]:
    return {file: value for file, value in exported(name).files.items() if "-load-" in file}


def back(*files: tuple[str, Any]) -> Study:
    return study_of_files([(name, document_bytes(value)) for name, value in files])


# --- real runs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLES)
def test_every_result_of_a_real_run_is_strict_and_in_order(name: str) -> None:
    """By the schema, with every required field, in the order of the field table."""
    order = list(schema("probador-load")["properties"])
    assert len(loads(name)) == sum(len(subject.trials) for subject in bundle(name).study.subjects)
    for value in loads(name).values():
        written = json.loads(document_bytes(value))
        assert problems(written, "probador-load") == []
        assert list(written) == [field for field in order if field in written]


@pytest.mark.parametrize("name", BUNDLES)
def test_a_real_run_comes_back_with_the_figures_of_the_kit(name: str) -> None:
    """Exactly where the definition is the kit's, nearly where it is probador's."""
    ours = {trial.source: (subject, trial) for subject in bundle(name).study.subjects for trial in subject.trials}
    for subject, trial in ours.values():
        file = f"{subject.entry}-load-c{subject.concurrency}-r{trial.replicate}.json"
        (found,) = back((file, loads(name)[file])).subjects
        theirs = found.trials[0].values
        assert (found.entry, found.concurrency) == (subject.entry, subject.concurrency)
        for path in (
            "throughput_tok_s", "request_rate_s", "error_rate", "requests.ok", "requests.failed",
            "tokens.completion", "tokens.prompt", "output_tokens_mean", "prompt_tokens_mean",
        ):  # fmt: skip
            assert theirs[path] == pytest.approx(trial.values[path], rel=1e-9), path
        near = 0.1 if loads(name)[file]["successful"] > 20 else 0.2  # a nearest rank, or between two of a few
        for path in ("ttft_ms.p50", "tpot_ms.p50", "e2e_ms.p50", "e2e_ms.max", "decode_tok_s"):
            assert theirs[path] == pytest.approx(trial.values[path], rel=near), path


def test_percentiles_are_those_of_the_requests_in_the_window() -> None:
    """Computed here once more, from the records."""
    found = bundle("smol-2cpu.tar.gz")
    name = "r1-c4-llamacpp"
    cell, value = cells_of(found)[name], loads("smol-2cpu.tar.gz")["llamacpp-load-c4-r1.json"]
    assert cell.facts is not None
    assert cell.facts.window is not None
    window = cell.facts.window
    ok = [each for each in found.records(name) if each.outcome == "ok" and sent_in(each, window)]
    ttfts = sorted((each.chunks[0][0] - (each.sent_ns or 0)) / MS for each in ok)
    assert value["successful"] == len(ok) == len(value["request_details"])
    assert value["ttft_p50_ms"] == percentile(ttfts, 0.5) == median(ttfts)
    assert value["latency_max_ms"] == max((each.done_ns - (each.sent_ns or 0)) / MS for each in ok)
    assert value["decode_tok_per_sec"] == 1000 / value["itl_p50_ms"]
    assert value["elapsed_secs"] == (window.end_ns - window.start_ns) / 1e9


def test_replicates_are_also_a_bench_report() -> None:
    """Which comes back as one subject with as many trials."""
    files = exported("smol-2cpu.tar.gz").files
    report: Any = files["vllm-bench-c2.json"]
    assert report["runs"] == [files[f"vllm-load-c2-r{n}.json"] for n in (1, 2, 3)]
    rates = [run["tokens_per_sec"] for run in report["runs"]]
    aggregate = report["aggregate"]["tokens_per_sec"]
    assert aggregate["values"] == rates
    assert aggregate["mean"] == fmean(rates)
    (subject,) = back(("b.json", report)).subjects
    assert [trial.values["throughput_tok_s"] for trial in subject.trials] == rates


def test_cells_without_a_measurement_are_left_out_with_their_reason() -> None:
    """And one measured replicate is no bench report."""
    found = bundle("demo-2cpu.tar.gz")
    subject = found.study.subjects[0]
    failed = replace(subject.trials[1], status="failed", reason="ready: it left")
    study = replace(found.study, subjects=(replace(subject, trials=(subject.trials[0], failed)),))
    export = export_study(study, cells_of(found), found.records)
    assert list(export.files) == [f"{subject.entry}-load-c{subject.concurrency}-r1.json"]
    assert export.left_out == {failed.source: "ready: it left"}


def test_a_cell_that_was_not_measured_cannot_be_exported() -> None:
    """It has no window."""
    with pytest.raises(InputError, match="was not measured"):
        export_cell("llamacpp", 1, replace(CELL, facts=None), [])


# --- made-up requests -----------------------------------------------------------------------------------


def record(number: int, stamps_ms: list[float], **changes: Any) -> Record:
    """An ok request sent at `number` s; its chunks so many ms later, a token each."""
    sent = number * 1000 * MS
    good = replace(
        RECORD, id=number, intended_ns=sent, connect_ns=None, sent_ns=sent, outcome="ok", error=None,
        chunks=tuple((sent + int(each * MS), 4, 0) for each in stamps_ms), chunk_tokens=None,
        completion_tokens=len(stamps_ms), prompt_tokens=10, finish_reason="stop",
        done_ns=sent + int(stamps_ms[-1] * MS) + MS,
    )  # fmt: skip
    return replace(good, **changes)


def cell_of(records: list[Record]) -> dict[str, Any]:
    assert CELL.facts is not None
    facts = replace(CELL.facts, window=Window(0, 100_000 * MS))
    return export_cell("llamacpp", 4, replace(CELL, facts=facts), records)


def test_a_dead_server_is_all_zeros_as_probador_writes_it() -> None:
    """Strict all the same, and no data when it is read again."""
    failed = record(1, [1.0], outcome="failed", error="connect", chunks=(), completion_tokens=None)
    value = cell_of([failed])
    assert problems(json.loads(document_bytes(value)), "probador-load") == []
    assert (value["failed"], value["error_rate"], value["ttft_p50_ms"]) == (1, 1.0, 0.0)
    assert not {"request_details", "tail_analysis", "output_tokens_dist"} & set(value)
    values = back(("a.json", value)).subjects[0].trials[0].values
    assert {path for path in values if not path.startswith("raw.")} == {
        "requests.ok", "requests.failed", "error_rate",
    }  # fmt: skip


def test_an_answer_in_one_piece_counts_as_not_streamed() -> None:
    """Else a replay would be the fastest decoder there is."""
    replay = record(1, [500.0 + index / 1000 for index in range(20)])
    value = cell_of([replay])
    assert value["ttft_p50_ms"] == value["latency_p50_ms"]
    assert value["itl_p50_ms"] == value["latency_p50_ms"] / 20


def test_one_chunk_has_no_pace() -> None:
    """It is 0 in the details and does not enter the median."""
    value = cell_of([record(1, [50.0]), record(2, [50.0, 60.0, 70.0])])
    assert [each["itl_ms"] for each in value["request_details"]] == [0.0, 10.0]
    assert value["itl_p50_ms"] == 10.0


def test_a_spike_has_the_index_of_its_request() -> None:
    """In the order in which they were sent, which is also that of the details."""
    steady = [record(number, [50.0, 60.0]) for number in range(9)]
    slow = record(4, [50.0, 150.0])
    value = cell_of([*steady[5:], slow, *steady[:4]])
    jitter = value["tail_analysis"]["jitter"]
    assert jitter["spikes"] == [{"request_idx": 4, "itl_ms": 100.0}]
    assert (jitter["spike_count"], jitter["spike_threshold_ms"]) == (1, 50.0)
    assert value["request_details"][4]["itl_ms"] == 100.0


def test_at_most_twenty_spikes_are_listed() -> None:
    """As many as probador counts."""
    steady = [record(number, [50.0, 60.0]) for number in range(60)]
    slow = [record(number, [50.0, 150.0]) for number in range(60, 85)]
    jitter: Any = tail_analysis(seen(steady + slow))["jitter"]
    assert jitter["spike_count"] == len(jitter["spikes"]) == 20


@pytest.mark.parametrize(("rise", "drifts"), [(0.0, False), (1.0, True), (-1.0, False)])
def test_drift_is_over_time(rise: float, drifts: bool) -> None:
    """Noise that does not rise with time is none, whatever its values sorted would say."""
    noisy = [record(n, [50.0, 60.0 + (n * 7) % 5 + max(0.0, 40 + rise * n)]) for n in range(40)]
    drift: Any = tail_analysis(seen(noisy))["drift"]
    assert drift["degradation_detected"] is drifts
    assert drift["itl_slope_ms_per_min"] == pytest.approx(60 * rise, abs=5)


def test_details_tell_what_was_cut_short() -> None:
    """As truncated_pct does; a request without a reason has none."""
    value = cell_of([record(1, [5.0, 9.0], finish_reason="length"), record(2, [5.0, 9.0], finish_reason=None)])
    assert value["truncated_pct"] == 50.0
    assert [each.get("finish_reason") for each in value["request_details"]] == ["length", None]


# --- statistics -----------------------------------------------------------------------------------------


def test_percentiles_interpolate_as_probador_does() -> None:
    """The vectors of its own tests, and 0.0 of nothing."""
    values = list(range(1, 101))
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99)] == pytest.approx([50.5, 95.05, 99.01])
    assert percentile([], 0.5) == 0.0
    assert percentile([42.0], 0.99) == 42.0
    assert spans([3, 1, 2]) == [1.0, 2.0, pytest.approx(2.8), 3.0]


@pytest.mark.parametrize(
    ("values", "reach"),
    [([5.0], 0.0), ([1.0, 3.0], 12.706), ([1.0, 2.0, 3.0], 4.303 / 3**0.5), ([2.0] * 40, 0.0)],
)
def test_the_interval_of_a_bench_report_is_student_s(values: list[float], reach: float) -> None:
    """t times deviation / sqrt(n) on both sides of the mean."""
    low, high = interval(values)
    assert (high - low) / 2 == pytest.approx(reach)
    assert (high + low) / 2 == pytest.approx(sum(values) / len(values))


def test_a_line_needs_two_different_points() -> None:
    """Else it has no slope."""
    assert slope([]) == slope([(1.0, 2.0)]) == slope([(1.0, 2.0), (1.0, 3.0)]) == (0.0, 0.0)
    assert slope([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) == pytest.approx((2.0, 1.0))


STAMPS = st.lists(st.integers(1, 10**9), min_size=1, max_size=6, unique=True).map(sorted)


@settings(max_examples=40, deadline=None)
@given(st.lists(STAMPS, min_size=1, max_size=5))
def test_an_export_read_again_has_the_figures_that_were_written(stamps: list[list[int]]) -> None:
    """Whatever the requests: each positive number comes back as it is, the document is strict."""
    records = [record(n, [each / MS for each in times]) for n, times in enumerate(stamps)]
    value = cell_of(records)
    assert problems(json.loads(document_bytes(value)), "probador-load") == []
    values = back(("a.json", value)).subjects[0].trials[0].values
    for field, path in (
        ("throughput_rps", "request_rate_s"), ("latency_p95_ms", "e2e_ms.p95"), ("ttft_p99_ms", "ttft_ms.p99"),
        ("completion_tokens_total", "tokens.completion"), ("tokens_per_sec", "throughput_tok_s"),
    ):  # fmt: skip
        assert values[path] == value[field]
    assert values.get("itl_ms.p50") == (value["itl_p50_ms"] if value["itl_p50_ms"] >= 0.05 else None)
    assert bench_report([value, value])["runs"] == [value, value]
