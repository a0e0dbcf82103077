"""What `kit load` and `kit sweep` say beside the numbers: goodput, validation, and the table of a sweep. Pure."""

from __future__ import annotations

from tabulate import tabulate

from kit.documents import Cell, Load, Metrics, SearchRule, Sweep, SweepLevel
from kit.judge.advice import users_text
from kit.judge.costs import Prices, cost_of_metrics
from kit.metrics.goodput import slo_text
from kit.metrics.limits import GROWTH_PERCENT
from kit.metrics.registry import DECODE, ERROR_RATE, GOODPUT, METRICS, THROUGHPUT, TTFT_P50, TTFT_P99
from kit.metrics.search import kept_levels, next_of_sweep
from kit.metrics.users import bracket
from kit.report.cost_text import ABOUT, TITLE, aligned, cost_cells, cost_headers, prices_text
from kit.report.count_text import count_lines
from kit.report.failure_text import WHY, failure_lines
from kit.text import NO_DATA, listed, number, plain_text
from kit.timestamps import utc_ns

_ENDED = {
    "complete": "Every level was measured.",
    "saturated": "Stopped early: twice in a row, more load raised latency and brought under "
    f"{GROWTH_PERCENT} % more throughput.",
    "no_answers": "Stopped early: no request of the last level succeeded.",
    "interrupted": "Interrupted before the last level.",
    "failed": "One level could not be measured.",
}


def _percent(share: float | None) -> str:
    return NO_DATA if share is None else f"{number(share * 100, 1)} %"


def judged_lines(load: Load, metrics: Metrics) -> list[str]:
    """Goodput and validation of one load in words; nothing for what was not asked."""
    lines = []
    if load.slo is not None and metrics.goodput_req_s is None and metrics.tokens.unknown_requests:
        lines.append("Goodput: withheld; answers whose pace is not known cannot be compared with its limits.")
    elif load.slo is not None:
        goodput, share = METRICS[GOODPUT].shown(metrics.goodput_req_s), _percent(metrics.goodput_share)
        lines.append(f"Goodput: {goodput} requests/s, {share} of ended requests, within {slo_text(load.slo)}.")
    if metrics.validation is not None:
        counts = metrics.validation
        reasons = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.failed_by_reason.items())
        lines.append(
            f"Validation: {counts.passed} of {counts.checked} answers passed, {counts.distinct} distinct"
            + (f"; failed: {reasons}." if reasons else ".")
        )
    return lines


def client_lines(cell: Cell) -> list[str]:
    """How far the clients of one load began apart, and what their clocks are worth; nothing for a load of one."""
    if cell.facts is None or not cell.facts.clients:
        return []
    clients = cell.facts.clients
    starts_ns = [utc_ns(each.origin_utc) for each in clients]
    apart = f"{number((max(starts_ns) - min(starts_ns)) / 1e6, 1)} ms"
    unknown = [str(at) for at, each in enumerate(clients, 1) if each.utc_error_ns is None]
    most_ns = max((each.utc_error_ns or 0 for each in clients), default=0)
    off = f"these are at most {number(most_ns / 1e6, 1)} ms off by their kernels' word"
    if unknown:
        which = f"clock of client {unknown[0]}" if len(unknown) == 1 else f"clocks of clients {listed(unknown)}"
        off = f"nothing is known to keep the {which} right"
    return [f"{len(clients)} clients began within {apart} of each other by their own clocks; {off}."]


def level_name(level: SweepLevel) -> str:
    """`8`, `2.5/s`: the users or the rate of a level."""
    if level.concurrency is not None:
        return str(level.concurrency)
    return f"{(level.rate_milli_per_s or 0) / 1000:.10g}/s"


def level_words(level: SweepLevel) -> str:
    """`1 user`, `8 users`, `2.5/s`: the same in a sentence."""
    return level_name(level) if level.concurrency is None else users_text(level.concurrency)


def _level_row(sweep: Sweep, level: SweepLevel) -> list[str]:
    marks = ("Pareto" * (level.id in sweep.pareto), "knee" * (level.id == sweep.knee))
    numbers = level.metrics
    if numbers is None:
        return [level_name(level), *(NO_DATA,) * 6, ""]
    ttft = numbers.ttft_ms
    p99 = METRICS[TTFT_P99].shown(ttft.p99)
    if ttft.p99 is None and ttft.max is not None:
        p99 += f" (max {METRICS[TTFT_P99].shown(ttft.max)})"
    return [
        level_name(level),
        METRICS[THROUGHPUT].shown(numbers.throughput_tok_s),
        METRICS[DECODE].shown(numbers.decode_tok_s),
        METRICS[TTFT_P50].shown(ttft.p50),
        p99,
        METRICS[GOODPUT].shown(numbers.goodput_req_s),
        METRICS[ERROR_RATE].shown(numbers.error_rate),
        ", ".join(mark for mark in marks if mark),
    ]


def _found(sweep: Sweep, rule: SearchRule) -> str:
    """The largest number of users within the limits, and the first level that was not."""
    shares = {each.concurrency: each.metrics.goodput_share if each.metrics else None for each in sweep.levels}
    found = bracket(kept_levels(sweep.levels, rule.share_milli))
    limits = f"within {slo_text(rule.slo)} for {rule.share_milli / 10:g} % of requests"
    if found.kept is None:
        words = f"Not even {rule.first:,} users {limits}" if rule.first > 1 else f"Not even 1 user {limits}"
        words += f" ({_percent(shares[found.missed])})" if found.missed else ""
    else:
        words = f"Up to {found.kept:,} users {limits} ({_percent(shares[found.kept])})"
        words += f"; {found.missed:,} not ({_percent(shares[found.missed])})" if found.missed else ""
    if next_of_sweep(rule, sweep.levels) is not None:
        return f"{words}; the search is not at its end."
    return f"{words}." if found.missed else f"{words}, the most that were looked for: what is above is not known."


def sweep_costs(sweep: Sweep, prices: Prices) -> str:
    """What a million tokens cost at each level; energy is not known without telemetry."""
    rows = [
        [
            level_name(level),
            *cost_cells(prices, cost_of_metrics(prices, level.metrics) if level.metrics else None),
        ]
        for level in sorted(sweep.levels, key=lambda level: level.concurrency or level.rate_milli_per_s or 0)
    ]
    first = "rate" if sweep.levels[0].concurrency is None else "users"
    table = aligned([first, *cost_headers(prices)], rows)
    return f"{TITLE}, {prices_text(prices)}:\n\n{table}\n\n{ABOUT}"


def sweep_lines(sweep: Sweep) -> list[str]:
    """Why a sweep ended, or how many users were found, then the Pareto frontier, the knee and what went wrong."""
    why = sweep.levels[-1].failure
    lines = [_ENDED[sweep.ended] if why is None else f"Stopped early: {plain_text(why, 1000)}"]
    if sweep.search is not None:
        lines = [_found(sweep, sweep.search)]
    if sweep.slo is not None:
        lines.append(f"Goodput: requests per second within {slo_text(sweep.slo)}.")
    names = {level.id: level_words(level) for level in sweep.levels}
    if sweep.pareto:
        best = ", ".join(names[each] for each in sweep.pareto)
        what = "no other level is as good in throughput, decode and TTFT"
        lines.append(f"Pareto frontier ({what}): {best}.")
    knee = (
        "none in these levels" if sweep.knee is None else f"{names[sweep.knee]}; throughput grows less beyond it"
    )
    lines.append(f"Knee of throughput: {knee}.")
    for level in sweep.levels:
        if level.metrics is not None and (said := count_lines([level.metrics])):
            lines.append(f"{names[level.id]}: {' '.join(said)}")
    failed = failure_lines([(names[level.id], level.failures) for level in sweep.levels])
    if failed:
        lines += [WHY, *failed]
    return lines


def sweep_table(sweep: Sweep) -> str:
    """A sweep as Markdown: a row a level, then why it ended, the Pareto frontier and the knee."""
    first = sweep.levels[0]
    headers = [
        "rate" if first.concurrency is None else "users",
        METRICS[THROUGHPUT].label,
        "decode (tok/s per user)",
        METRICS[TTFT_P50].label,
        METRICS[TTFT_P99].label,
        METRICS[GOODPUT].label,
        "errors",
        "",
    ]
    ordered = sorted(sweep.levels, key=lambda level: level.concurrency or level.rate_milli_per_s or 0)
    rows = [_level_row(sweep, level) for level in ordered]
    align = (*("right",) * 7, "left")
    lines = sweep_lines(sweep)
    table = tabulate(rows, headers, tablefmt="github", disable_numparse=True, colalign=align)
    return f"{table}\n\n" + "\n".join(lines)
