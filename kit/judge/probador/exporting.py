"""From our records to files that `probador llm score` and `probador llm report` read. Pure.

Throughput, request rate, error rate, counts and tokens are the kit's (docs/method.md); times, percentiles and
jitter follow probador's definitions, each request by its own stamps. docs/probador.md says which is which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from kit.documents import Cell, Metrics, Record
from kit.documents.study import Study
from kit.errors import InputError
from kit.judge.probador.requests import Seen, seen
from kit.judge.probador.spreads import deviation, interval, percentile, ratio, spans
from kit.judge.probador.tail import tail_analysis
from kit.metrics.aggregate import cell_metrics
from kit.metrics.timing import sent_in
from kit.strict.json_reader import Json

AGGREGATED = {
    "throughput_rps": "throughput_rps",
    "latency_p50": "latency_p50_ms",
    "tokens_per_sec": "tokens_per_sec",
    "ttft_p50": "ttft_p50_ms",
    "tpot_p50": "tpot_p50_ms",
}


@dataclass(frozen=True, slots=True)
class Export:
    """Documents by file name, and why cells were left out, by their id."""

    files: Mapping[str, Mapping[str, Json]]
    left_out: Mapping[str, str]


def export_study(study: Study, cells: Mapping[str, Cell], records: Callable[[str], Sequence[Record]]) -> Export:
    """A result for each measured cell of a run, and a bench report where an entry has several at a concurrency.

    `cells` and `records` by id of the cell.
    """
    files: dict[str, Mapping[str, Json]] = {}
    left_out: dict[str, str] = {}
    for subject in study.subjects:
        runs, shape = [], f"{subject.shape}-" if subject.shape else ""
        for trial in subject.trials:
            if trial.status != "measured" or trial.source not in cells:
                left_out[trial.source] = trial.reason or trial.status
                continue
            cell = cells[trial.source]
            run = export_cell(subject.entry, subject.concurrency, cell, records(trial.source))
            files[f"{subject.entry}-load-{shape}c{subject.concurrency}-r{trial.replicate}.json"] = run
            runs.append(run)
        if len(runs) > 1:
            files[f"{subject.entry}-bench-{shape}c{subject.concurrency}.json"] = bench_report(runs)
    return Export(files, left_out)


def export_cell(entry: str, concurrency: int, cell: Cell, records: Sequence[Record]) -> dict[str, Json]:
    """One measured cell as a LoadTestResult, fields in probador's order; `InputError` if it was not measured."""
    if cell.facts is None or cell.facts.window is None:
        raise InputError(f"The cell {cell.id} was not measured.", "Export the measured cells only.")
    window = cell.facts.window
    open_loop = cell.load is not None and cell.load.loop.kind == "open"
    slo = cell.load.slo if cell.load is not None else None
    method = cell.load.method if cell.load is not None else 1
    metrics = cell_metrics(records, window, open_loop=open_loop, slo=slo, method=method)
    requests = seen(record for record in records if record.outcome == "ok" and sent_in(record, window))
    return {
        **_rates(metrics, requests),
        **_paces(metrics, requests),
        "timestamp": cell.facts.ended_utc,
        "runtime_name": entry,
        "elapsed_secs": metrics.window_s,
        "concurrency": concurrency,
        **_further(requests),
        **_totals(metrics, requests),
        **_details(requests),
    }


def _rates(metrics: Metrics, requests: Sequence[Seen]) -> dict[str, Json]:
    counts = metrics.requests
    latencies = [each.latency_ms for each in requests]
    return {
        "total_requests": counts.ok + counts.failed,
        "successful": counts.ok,
        "failed": counts.failed,
        "throughput_rps": metrics.request_rate_s or 0.0,
        "latency_p50_ms": percentile(latencies, 0.5),
        "latency_p95_ms": percentile(latencies, 0.95),
        "latency_p99_ms": percentile(latencies, 0.99),
        "ttft_p50_ms": percentile([each.ttft_ms for each in requests], 0.5),
        "tokens_per_sec": metrics.throughput_tok_s or 0.0,
    }


def _paces(metrics: Metrics, requests: Sequence[Seen]) -> dict[str, Json]:
    itl_ms = percentile(_itls(requests), 0.5)
    prefill = [each.prompt_tokens * 1000 / each.ttft_ms for each in requests if each.ttft_ms > 0]
    return {
        "avg_tok_per_req": ratio(metrics.tokens.completion, metrics.requests.ok),
        "itl_p50_ms": itl_ms,
        "decode_tok_per_sec": ratio(1000, itl_ms),
        "prefill_tok_per_sec": percentile(prefill, 0.5),
    }


def _itls(requests: Sequence[Seen]) -> list[float]:
    return [each.itl_ms for each in requests if each.itl_ms is not None]


def _further(requests: Sequence[Seen]) -> dict[str, Json]:
    ttfts, itls = [each.ttft_ms for each in requests], _itls(requests)
    latencies = [each.latency_ms for each in requests]
    shares = {"p90": 0.9, "p95": 0.95, "p99": 0.99}
    return {
        **{f"ttft_{name}_ms": percentile(ttfts, share) for name, share in shares.items()},
        **{f"tpot_{name}_ms": percentile(itls, share) for name, share in ({"p50": 0.5} | shares).items()},
        "latency_min_ms": min(latencies, default=0.0),
        "latency_max_ms": max(latencies, default=0.0),
        "latency_stddev_ms": deviation(latencies),
    }


def _totals(metrics: Metrics, requests: Sequence[Seen]) -> dict[str, Json]:
    truncated = sum(each.finish_reason == "length" for each in requests)
    return {
        "error_rate": metrics.error_rate or 0.0,
        "prompt_tokens_total": metrics.tokens.prompt,
        "completion_tokens_total": metrics.tokens.completion,
        "truncated_pct": 100 * ratio(truncated, len(requests)),
        "sse_batch_ratio": ratio(metrics.tokens.chunks, metrics.tokens.completion),
        "goodput_pct": 100 * (metrics.goodput_share or 0.0),
    }


def _details(requests: Sequence[Seen]) -> dict[str, Json]:
    """The optional fields that records can tell; left out where nothing succeeded."""
    if not requests:
        return {}
    dist: list[Json] = list(spans([each.completion_tokens for each in requests]))
    return {
        "output_tokens_dist": dist,
        "request_details": [_detail(each) for each in requests],
        "tail_analysis": tail_analysis(requests),
    }


def _detail(request: Seen) -> dict[str, Json]:
    reason: dict[str, Json] = {"finish_reason": request.finish_reason} if request.finish_reason else {}
    return {
        "latency_ms": request.latency_ms,
        "ttft_ms": request.ttft_ms,
        "completion_tokens": request.completion_tokens,
        "prompt_tokens": request.prompt_tokens,
        "itl_ms": request.itl_ms or 0.0,
        **reason,
    }


def bench_report(runs: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """The bench report of results (at least one) of the same entry and concurrency."""
    aggregate: dict[str, Json] = {}
    for name, field in AGGREGATED.items():
        values = [value for run in runs if isinstance(value := run[field], int | float)]
        low, high = interval(values)
        listed: list[Json] = list(values)
        aggregate[name] = {
            "mean": fmean(values),
            "stddev": deviation(values),
            "ci_95_lower": low,
            "ci_95_upper": high,
            "values": listed,
        }
    return {"runs": [dict(run) for run in runs], "aggregate": aggregate, "regressions": []}


def document_bytes(document: Mapping[str, Json]) -> bytes:
    """The document as a file, its fields in their order."""
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()
