"""The figures of one measured cell, by the paths of `kit.metrics.registry`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from kit.documents import AnswerCheck, Cell, Distribution, Metrics, Phase, Record
from kit.documents.phases import READY, START
from kit.metrics.registry import ARRIVAL_PATHS, LENGTHS, PARTS, PREFILL_PATHS, SCALARS, SESSIONS, TIMES
from kit.metrics.results import value_at
from kit.metrics.timing import sent_in, timing

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class CellParts:
    """What is there of one cell beside its line in the result."""

    cell: Cell | None
    records: Sequence[Record]
    checks: Sequence[AnswerCheck]


def figures(metrics: Metrics) -> dict[str, float | None]:
    found: dict[str, float | None] = {name: getattr(metrics, name) for name in SCALARS}
    for name in TIMES:
        times: Distribution = getattr(metrics, name)
        found |= {f"{name}.{part}": getattr(times, part) for part in PARTS}
    more = {path: value_at(metrics, path) for path in (*PREFILL_PATHS, *ARRIVAL_PATHS)}
    if metrics.sessions is not None:
        found |= {path: value_at(metrics, path) for path in SESSIONS}
    return found | {path: value for path, value in more.items() if value is not None}


def extras(metrics: Metrics, parts: CellParts, layers: int | None) -> dict[str, float | None]:
    counts, tokens = metrics.requests, metrics.tokens
    tpot = metrics.tpot_ms.p50
    found: dict[str, float | None] = {
        "requests.ok": counts.ok,
        "requests.failed": counts.failed,
        "requests.unfinished": counts.unfinished,
        "tokens.completion": tokens.completion,
        "tokens.prompt": tokens.prompt,
        "prompt_tokens_mean": tokens.prompt / counts.ok if counts.ok else None,
        "output_tokens_mean": tokens.completion / counts.ok if counts.ok else None,
        "decode_us_per_layer": tpot * 1000 / layers if tpot is not None and layers else None,
        "cold_start_ms": cold_start_ms(parts.cell.phases) if parts.cell else None,
        "pass_rate": fmean(check.passed for check in parts.checks) if parts.checks else None,
        "joules_per_token": _joules_per_token(parts.cell),
    }
    return found | _paces(parts)


def _joules_per_token(cell: Cell | None) -> float | None:
    """Of the window, by telemetry; None where the energy was not counted."""
    summary = cell.telemetry.summary if cell and cell.telemetry else None
    return summary.joules_per_token if summary else None


def cold_start_ms(phases: Sequence[Phase]) -> float | None:
    """From the beginning of the phase "start" to the end of "ready"."""
    spans = {phase.name: phase for phase in phases if phase.outcome == "ok"}
    if START not in spans or READY not in spans:
        return None
    return (spans[READY].ended_ns - spans[START].started_ns) / NS_PER_MS


def _paces(parts: CellParts) -> dict[str, float | None]:
    """What the TPOT of single requests says: how it varies, and its mean by the length of the answer."""
    facts = parts.cell.facts if parts.cell else None
    if facts is None or facts.window is None:
        return {}
    method = parts.cell.load.method if parts.cell and parts.cell.load else 1
    paces = [
        (record.completion_tokens or 0, tpot / NS_PER_MS)
        for record in parts.records
        if record.outcome == "ok"
        and sent_in(record, facts.window)
        and (tpot := timing(record, method).tpot_ns) is not None
    ]
    tpots = [tpot for _, tpot in paces]
    found: dict[str, float | None] = {}
    if len(tpots) > 1 and fmean(tpots) > 0:
        found["tpot_cv"] = pstdev(tpots) / fmean(tpots)
    for name, low, high in LENGTHS:
        chosen = [tpot for tokens, tpot in paces if tokens >= low and (high is None or tokens < high)]
        found[f"tpot_ms.by_output.{name}"] = fmean(chosen) if chosen else None
    return found
