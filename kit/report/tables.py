"""Tables of a result, in Markdown: one a metric, entries down, concurrency across. Pure.

Names come from the plan by a strict pattern and numbers are formatted here; nothing else gets into a cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate

from kit.documents import Calibration, Distribution, Metrics, Plan, Result, Row, Spread
from kit.errors import InputError
from kit.metrics.stats import SAMPLE_FLOORS
from kit.report.calibration_text import calibration_line
from kit.text import NO_DATA, nearest, number, plain_text
from kit.text import cell as safe

SUSPECT = "†"  # at a number in a table; the word and the reasons stand below
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Metric:
    """One table: where the number stands, how it is written, and what to show below the sample floor."""

    path: str
    title: str
    digits: int
    factor: float = 1.0
    suffix: str = ""
    fallback: str | None = None


METRICS = (
    Metric("throughput_tok_s", "Throughput (tokens/s, all users together)", 1),
    Metric("decode_tok_s", "Decode (tokens/s per user)", 1),
    Metric("ttft_ms.p50", "TTFT p50 (ms)", 1),
    Metric("ttft_ms.p99", "TTFT p99 (ms)", 1, fallback="ttft_ms.max"),
    Metric("itl_ms.p50", "ITL p50 (ms)", 2),
    Metric("itl_ms.p99", "ITL p99 (ms)", 2, fallback="itl_ms.max"),
    Metric("error_rate", "Error rate", 1, factor=100.0, suffix=" %"),
)


def chosen_metrics(paths: Sequence[str]) -> tuple[Metric, ...]:
    """The tables of these metrics, as they are asked for; all for none. `InputError` names the nearest."""
    known = {metric.path: metric for metric in METRICS}
    for path in paths:
        if path not in known:
            like = nearest(path, list(known))
            raise InputError(
                f"No table of {plain_text(path)!r}.",
                f"Did you mean {like!r}?" if like else f"Known: {', '.join(known)}.",
            )
    return tuple(known[path] for path in paths) or METRICS


def _value(metric: Metric, spread: Spread) -> str:
    def shown(value: float | None) -> str:
        return NO_DATA if value is None else number(value * metric.factor, metric.digits) + metric.suffix

    if spread.low is None or spread.high is None:
        return shown(spread.median)
    return f"{shown(spread.median)} [{shown(spread.low)}, {shown(spread.high)}]"


def _cell(metric: Metric, row: Row) -> str:
    if not row.measured:
        return "no result" if row.replicates else NO_DATA
    spread = row.spreads[metric.path]
    text = _value(metric, spread)
    if spread.median is None and metric.fallback and row.spreads[metric.fallback].median is not None:
        text += f" (max {_value(metric, row.spreads[metric.fallback])})"
    if row.measured < row.replicates:
        text += f" ({row.measured} of {row.replicates})"
    return f"{text} {SUSPECT}" if row.suspect else text


def _name(word: str) -> str:
    """A name of ours as it is (a hyphen between letters means nothing in Markdown); anything else escaped."""
    return word if _NAME.fullmatch(word) else safe(word)


def metric_table(result: Result, metric: Metric) -> str:
    """One table as Markdown, without a title."""
    entries = list(dict.fromkeys(row.entry for row in result.rows))
    levels = list(dict.fromkeys(row.concurrency for row in result.rows))
    rows = {(row.entry, row.concurrency): row for row in result.rows}
    body = [[_name(entry), *(_cell(metric, rows[entry, level]) for level in levels)] for entry in entries]
    headers = ["concurrency", *(str(level) for level in levels)]
    align = ("left", *("right" for _ in levels))
    return tabulate(body, headers, tablefmt="github", disable_numparse=True, colalign=align)


def method_lines(plan: Plan) -> tuple[str, str]:
    """How the numbers were made, in two lines."""
    work = plan.workload
    output = work.output_tokens
    replicates = f"median of {work.replicates} interleaved replicates" if work.replicates > 1 else "one replicate"
    return (
        f"{replicates.capitalize()}; each cell: fresh server, answers checked first, "
        f"{work.warmup_ns / 1e9:g} s warm-up, "
        f"{work.window_ns / 1e9:g} s window, closed loop, salted prompts '{_name(plan.prompts.name)}', "
        f"{output.min}-{output.max} output tokens, temperature 0, prompt caches off, seed {plan.seed}.",
        "TTFT = first text - send; ITL = gaps between text chunks per token, pooled; decode = 1 / median TPOT; "
        f"throughput = tokens that arrived in the window / its length; nearest-rank percentiles; {NO_DATA} = "
        f"no data or too few samples (p99 needs {SAMPLE_FLOORS[990]}; maximum shown instead).",
    )


def failures(result: Result) -> list[str]:
    """One Markdown line for each cell without a result, with the reason."""
    lines = []
    for line in result.cells:
        if line.status == "measured":
            continue
        reason = f"{safe(line.failure.phase)}: {safe(line.failure.message)}" if line.failure else ""
        lines.append(f"- {_name(line.id)}: {line.status}{' in ' if reason else ''}{reason}")
    return lines


def suspect_lines(result: Result) -> list[str]:
    """One Markdown line for each row whose numbers may be the load generator's own, with the reasons."""
    return [
        f"- {_name(row.entry)} at concurrency {row.concurrency}: {'; '.join(map(safe, row.suspect))}"
        for row in result.rows
        if row.suspect
    ]


def tables(
    plan: Plan, result: Result, calibration: Calibration | None, metrics: Sequence[Metric] = METRICS
) -> str:
    """Each table with its title, the method and the calibration below, suspect rows, cells without a result."""
    parts = [f"**{metric.title}**\n\n{metric_table(result, metric)}" for metric in metrics]
    parts.append("\n".join((*method_lines(plan), calibration_line(calibration))))
    suspect = suspect_lines(result)
    if suspect:
        words = f"{SUSPECT} SUSPECT: the load generator may have distorted these numbers:"
        parts.append("\n".join((words, "", *suspect)))
    lost = failures(result)
    if lost:
        parts.append("Cells without a result:\n\n" + "\n".join(lost))
    return "\n\n".join(parts) + "\n"


def report(
    plan: Plan, result: Result, calibration: Calibration | None, host_lines: tuple[str, ...], plan_sha256: str
) -> str:
    """REPORT.md of a run."""
    confirmed = "" if plan.model.confirmed else " (hash not confirmed)"
    parts = (
        f"# {_name(plan.platform)}: {safe(plan.title)}",
        f"Model {_name(plan.model.name)}, sha256 `{plan.model.sha256}`{confirmed}.",
        "\n".join(f"- {line}" for line in host_lines),
        f"Plan `{plan_sha256}`, kit {safe(plan.kit_version)}.",
        "Computed from raw records; `kit verify` recomputes every number.",
        tables(plan, result, calibration),
    )
    return "\n\n".join(parts)


def _distribution_row(name: str, values: Distribution, digits: int) -> list[str]:
    numbers = (values.min, values.p50, values.p90, values.p99, values.max, values.mean)
    return [name, str(values.n), *(number(value, digits) for value in numbers)]


def metrics_table(metrics: Metrics) -> str:
    """The numbers of one cell as Markdown: scalars, then distributions in milliseconds."""
    counts = metrics.requests
    percent = None if metrics.error_rate is None else metrics.error_rate * 100
    scalars = [
        ["throughput (tokens/s)", number(metrics.throughput_tok_s, 1)],
        ["decode (tokens/s per user)", number(metrics.decode_tok_s, 1)],
        ["requests finished per second", number(metrics.request_rate_s, 2)],
        ["requests ok / failed / unfinished", f"{counts.ok} / {counts.failed} / {counts.unfinished}"],
        ["error rate (%)", number(percent, 1)],
        *([f"failed: {kind}", str(n)] for kind, n in metrics.errors_by_kind.items()),
        ["mean requests in flight", number(metrics.mean_in_flight, 2)],
        ["tokens counted by", metrics.tokens.source or NO_DATA],
    ]
    rows = [
        _distribution_row("TTFT", metrics.ttft_ms, 1),
        _distribution_row("ITL", metrics.itl_ms, 2),
        _distribution_row("TPOT", metrics.tpot_ms, 2),
        _distribution_row("end to end", metrics.e2e_ms, 1),
        _distribution_row("send lag", metrics.send_lag_ms, 3),
    ]
    if metrics.ttft_from_intended_ms and metrics.e2e_from_intended_ms:
        rows.append(_distribution_row("TTFT from intended", metrics.ttft_from_intended_ms, 1))
        rows.append(_distribution_row("end to end from intended", metrics.e2e_from_intended_ms, 1))
    right = ("left", *("right",) * 7)
    return "\n\n".join(
        (
            tabulate(scalars, [f"window {metrics.window_s:g} s", ""], tablefmt="github", disable_numparse=True),
            tabulate(
                rows,
                ["ms", "n", "min", "p50", "p90", "p99", "max", "mean"],
                tablefmt="github",
                disable_numparse=True,
                colalign=right,
            ),
        )
    )
