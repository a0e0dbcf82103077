"""Tables of a result, in Markdown: one a metric, entries down, concurrency across. Pure.

Names come from the plan by a strict pattern and numbers are formatted here; nothing else gets into a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from kit.documents import NO_WEIGHTS, Calibration, Distribution, MedianInterval, Metrics, Plan, Result, Row
from kit.errors import InputError
from kit.metrics.disturbance import DISTURBED
from kit.metrics.registry import (
    DECODE,
    ERROR_RATE,
    LOWERED,
    METRICS,
    MORE_TABLES,
    PREFILL,
    SESSION_TABLES,
    TABLES,
    THROUGHPUT,
    TIMES,
    Metric,
    meant_metric,
)
from kit.metrics.results import place_of, shown_rows
from kit.report.calibration_text import calibration_line
from kit.report.count_text import COUNTED, count_lines, count_notes
from kit.report.failure_text import WHY, failure_lines, result_failures
from kit.report.method_text import chosen_lines, client_lines, method_lines, name_text, ready_made_lines
from kit.report.session_tables import session_lines, session_notes, turn_table
from kit.report.shape_tables import Columns, columns_of, place_text
from kit.stream.error_words import MAX_DETAIL_CHARS
from kit.text import NO_DATA, number, plain_text
from kit.text import cell as safe

SUSPECT = "†"  # at a number in a table; the word and the reasons stand below
AT_LEAST = "≥"  # before a figure that the load generator can only have made too low; it has no interval then


def chosen_metrics(paths: Sequence[str]) -> tuple[Metric, ...]:
    """The tables of these metrics, as they are asked for; all that are usual for none."""
    known = {metric.path: metric for metric in (*TABLES, *MORE_TABLES, *SESSION_TABLES)}
    for path in paths:
        if path not in known:
            raise InputError(
                f"No table of {plain_text(path)!r}.", meant_metric(path, known, f"Known: {', '.join(known)}.")
            )
    return tuple(known[path] for path in paths) or TABLES


def _value(metric: Metric, interval: MedianInterval) -> str:
    shown = metric.shown(interval.median)
    if interval.low is None or interval.high is None:
        return shown
    return f"{shown} [{metric.shown(interval.low)}, {metric.shown(interval.high)}]"


def _cell(metric: Metric, row: Row) -> str:
    if not row.measured:
        return "no result" if row.replicates else NO_DATA
    interval = row.spreads.get(metric.path)
    if interval is None:
        return NO_DATA
    at_least = row.at_least and metric.path in LOWERED and interval.median is not None
    text = f"{AT_LEAST} {metric.shown(interval.median)}" if at_least else _value(metric, interval)
    if interval.median is None and metric.fallback and row.spreads[metric.fallback].median is not None:
        text += f" (max {_value(metric, row.spreads[metric.fallback])})"
    if row.measured < row.replicates:
        text += f" ({row.measured} of {row.replicates})"
    return f"{text} {SUSPECT}" if row.suspect else text


def metric_table(result: Result, metric: Metric, columns: Columns | None = None) -> str:
    """One table as Markdown, without a title; `columns` are those of one of several shapes."""
    across = columns or columns_of(None, result)[0]
    entries = list(dict.fromkeys(row.entry for row in result.rows))
    rows = {place_of(row): row for row in shown_rows(result)}
    body = [
        [name_text(entry), *(_cell(metric, rows[entry, shape, level]) for shape, level, _ in across.places)]
        for entry in entries
    ]
    headers = [across.head, *(label for _, _, label in across.places)]
    align = ("left", *("right" for _ in across.places))
    return tabulate(body, headers, tablefmt="github", disable_numparse=True, colalign=align)


def failures(result: Result) -> list[str]:
    """One Markdown line for each cell without a result, with the reason."""
    lines = []
    for line in result.cells:
        if line.status in ("measured", "not needed"):
            continue
        reason = f"{safe(line.failure.phase)}: {safe(line.failure.message)}" if line.failure else ""
        lines.append(f"- {name_text(line.id)}: {line.status}{' in ' if reason else ''}{reason}")
    return lines


def suspect_lines(result: Result, plan: Plan | None = None) -> list[str]:
    """One Markdown line for each row whose numbers may be the load generator's own, with the reasons."""
    return [
        f"- {name_text(row.entry)} at {place_text(plan, row.shape, row.concurrency)}: "
        + "; ".join(map(safe, row.suspect))
        + f"; its throughput can only be higher ({AT_LEAST})" * row.at_least
        for row in result.rows
        if row.suspect
    ]


def count_note_lines(result: Result, plan: Plan | None = None) -> list[str]:
    """One Markdown line for each row with something to say about how its tokens and chunks were counted."""
    return [
        f"- {name_text(row.entry)} at {place_text(plan, row.shape, row.concurrency)}: "
        + " ".join(map(_words, lines))
        for row, lines in count_notes(result)
    ]


def _words(sentence: str) -> str:
    """A sentence of ours, in which brackets mean nothing."""
    return sentence.replace("[", r"\[").replace("]", r"\]")


def _more_tables(result: Result) -> tuple[Metric, ...]:
    """The tables that only some runs have: those whose figures the rows of this one hold."""
    return tuple(
        metric
        for metric in (*MORE_TABLES, *SESSION_TABLES)
        if any(metric.path in row.spreads for row in result.rows)
    )


def tables(
    plan: Plan,
    result: Result,
    calibration: Calibration | None,
    metrics: Sequence[Metric] = TABLES,
    notes: Sequence[str] = (),
    disturbance: Sequence[str] = (),
) -> str:
    """Each table with its title, the method and the calibration below, suspect rows, cells without a result.

    `notes` say what differs between the entries' answers (kit.report.differences_text), `disturbance`
    what kit.report.disturbance_text says. Where only tasks were asked there are no tables.
    """
    metrics = () if plan.evaluation is not None and plan.evaluation.alone else metrics
    parts = [
        f"**{metric.heading}{f': {columns.title}' if columns.title else ''}**\n\n"
        + metric_table(result, metric, columns)
        for metric in (*metrics, *(_more_tables(result) if metrics is TABLES else ()))
        for columns in columns_of(plan, result)
    ]
    parts += session_notes(result)
    parts.append(
        "\n".join(
            (
                *method_lines(plan),
                *client_lines(plan),
                *ready_made_lines(plan),
                *chosen_lines(plan),
                calibration_line(calibration),
            )
        )
    )
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    if disturbance:
        parts.append("\n".join(disturbance))
    suspect = suspect_lines(result, plan)
    if suspect:
        disturbed = any(reason.startswith(DISTURBED) for row in result.rows for reason in row.suspect)
        who = "other programs or the load generator" if disturbed else "the load generator"
        words = f"{SUSPECT} SUSPECT: {who} may have distorted these numbers:"
        parts.append("\n".join((words, "", *suspect)))
    noted = count_note_lines(result, plan)
    if noted:
        parts.append("\n".join((f"{COUNTED}:", "", *noted)))
    failed = failure_lines(result_failures(result), lambda words: safe(words, MAX_DETAIL_CHARS))
    if failed:
        parts.append("\n".join((WHY, "", *failed)))
    lost = failures(result)
    if lost:
        parts.append("Cells without a result:\n\n" + "\n".join(lost))
    return "\n\n".join(parts) + "\n"


def report(
    plan: Plan,
    result: Result,
    calibration: Calibration | None,
    host_lines: tuple[str, ...],
    plan_sha256: str,
    notes: Sequence[str] = (),
    telemetry: Sequence[str] = (),
    disturbance: Sequence[str] = (),
) -> str:
    """REPORT.md of a run; `telemetry` is what kit.report.telemetry_text says of it."""
    confirmed = "" if plan.model.confirmed else " (hash not confirmed)"
    if not plan.model.catalogue:
        confirmed += f", not of the catalogue (from {safe(plan.model.origin or '?', 400)})"
    model = f"Model {name_text(plan.model.name)}, sha256 `{plan.model.sha256}`{confirmed}."
    running = [entry for entry in plan.entries if entry.url is not None]
    told = "Not started by the kit: " + ", ".join(
        f"{name_text(each.name)} at {safe(each.url or '')}" for each in running
    )
    parts = (
        f"# {name_text(plan.platform)}: {safe(plan.title)}",
        *([] if plan.model == NO_WEIGHTS else [model]),
        *([f"{told}."] if running else []),
        "\n".join(f"- {line}" for line in (*host_lines, *map(_words, telemetry))),
        f"Plan `{plan_sha256}`, kit {safe(plan.kit_version)}.",
        "Computed from raw records; `kit verify` recomputes every number.",
        tables(plan, result, calibration, notes=notes, disturbance=disturbance),
    )
    return "\n\n".join(parts)


def _distribution_row(name: str, values: Distribution, digits: int) -> list[str]:
    numbers = (values.min, values.p50, values.p90, values.p99, values.max, values.mean)
    return [name, str(values.n), *(number(value, digits) for value in numbers)]


def _time_rows(metrics: Metrics) -> list[list[str]]:
    """A row for each distribution; where an answer began with reasoning, that and the answer have a TTFT each."""
    ttft, digits = TIMES["ttft_ms"]
    apart = (("reasoning", metrics.ttft_reasoning_ms), ("answer", metrics.ttft_answer_ms))
    rows = [_distribution_row(ttft, metrics.ttft_ms, digits)]
    rows += [_distribution_row(f"{ttft} {name}", found, digits) for name, found in apart if found]
    for name in ("itl_ms", "tpot_ms", "e2e_ms"):
        word, digits = TIMES[name]
        rows.append(_distribution_row(word, getattr(metrics, name), digits))
    return rows


def metrics_table(metrics: Metrics) -> str:
    """The numbers of one cell as Markdown: scalars, then distributions in milliseconds."""
    counts = metrics.requests
    shares = METRICS[ERROR_RATE].shown(metrics.error_rate).removesuffix(" %")
    scalars = [
        ["throughput (tokens/s)", METRICS[THROUGHPUT].shown(metrics.throughput_tok_s)],
        ["decode (tokens/s per user)", METRICS[DECODE].shown(metrics.decode_tok_s)],
        ["requests finished per second", METRICS["request_rate_s"].shown(metrics.request_rate_s)],
        ["requests ok / failed / unfinished", f"{counts.ok} / {counts.failed} / {counts.unfinished}"],
        ["error rate (%)", shares],
        *([f"failed: {kind}", str(n)] for kind, n in metrics.errors_by_kind.items()),
        ["mean requests in flight", number(metrics.mean_in_flight, 2)],
        ["tokens counted by", metrics.tokens.source or NO_DATA],
    ]
    if metrics.prefill_tok_s is not None:
        shown = METRICS[PREFILL].shown(metrics.prefill_tok_s.p50), number(metrics.prefill_total_tok_s, 1)
        scalars.append(["prefill p50 of a request, together (tokens/s)", " / ".join(shown)])
    rows = _time_rows(metrics)
    rows.append(_distribution_row("send lag", metrics.send_lag_ms, 3))
    for name, found in (("ttft_ms", metrics.ttft_from_intended_ms), ("e2e_ms", metrics.e2e_from_intended_ms)):
        if found:
            word, digits = TIMES[name]
            rows.append(_distribution_row(f"{word} from intended", found, digits))
    lines = [*session_lines(metrics), *count_lines([metrics])]
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
            *([turn_table(metrics.sessions)] if metrics.sessions else []),
            *(["\n".join(lines)] if lines else []),
        )
    )
