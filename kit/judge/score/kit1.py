"""The algorithms kit-1 and kit-2: pessimistic medians, thresholds by class of machine, caps, no grade in doubt.

They differ in when a difference between two entries counts for the bonus (kit.judge.score.values).
docs/scoring.md has the formulas, and tests/unit/judge/score/test_properties.py holds them to: better never scores
lower, a rival moves a score by its bonus at most, less data never scores higher, a dead server is F. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from kit.documents.study import Study, Subject
from kit.errors import InputError
from kit.judge.quality import quality_at
from kit.judge.score.card import Card, MetricScore, Note
from kit.judge.score.contract import Contract, MetricRule, PlatformClass, Scenario
from kit.judge.score.points import BEST, band_of, grade_of, jitter_points, points
from kit.judge.score.values import (
    Beyond,
    PessimisticMedian,
    all_failed,
    lies_beyond,
    pessimistic,
    replicates_of,
    surely_better,
)
from kit.judge.study import suspicions_of
from kit.metrics.registry import ERROR_RATE
from kit.text import hint, number, plain_text

BYTES_PER_GB = 1_000_000_000
LEAST_SHOWN = 0.05  # points are told with one digit


@dataclass(frozen=True, slots=True)
class _Scored:
    """The metrics of a card and what there is to say of them."""

    metrics: tuple[MetricScore, ...]
    notes: tuple[Note, ...]


def kit1_cards(
    study: Study, contract: Contract, concurrencies: Sequence[int] | None, platform_class: str | None
) -> list[Card]:
    """One card for each subject of a study. `platform_class` stands in where imported results name no machine."""
    chosen = [each for each in study.subjects if concurrencies is None or each.concurrency in concurrencies]
    cards = []
    for subject in chosen:
        group = [each for each in study.subjects if each.concurrency == subject.concurrency]
        cards.append(kit1_card(study, subject, group, contract, platform_class))
    return cards


def kit1_card(
    study: Study, subject: Subject, group: Sequence[Subject], contract: Contract, platform_class: str | None = None
) -> Card:
    """The card of one subject among those of its study at the same concurrency."""
    found = class_of(study, subject, contract, platform_class)
    scenario = scenario_of(subject.concurrency)
    blank = Card(
        study=study.name,
        origin=study.origin,
        entry=subject.entry,
        model=subject.model,
        concurrency=subject.concurrency,
        scenario=scenario,
        platform_class=found.name if found else None,
        metrics=(),
        composite=None,
        grade=None,
        notes=_incomplete(subject),
        quality=quality_at(study, subject.entry, subject.concurrency),
    )
    if study.conditions.loop == "open":
        return replace(blank, notes=(*blank.notes, Note("missing", "arrivals at a rate: thresholds are of users")))
    suspect = suspicions_of(subject)
    dead = "" if suspect else _dead(subject, found is not None)
    if dead:
        return replace(blank, composite=0.0, grade=grade_of(0, contract.grades), notes=(Note("failed", dead),))
    if not any(trial.status == "measured" for trial in subject.trials):
        return replace(blank, notes=(Note("missing", "not measured: no grade"),))
    scored = (
        _Scored((), (_classless(study, subject),))
        if found is None
        else _scored(subject, group, contract, found, _beyond(study, contract))
    )
    card = replace(blank, metrics=scored.metrics, notes=blank.notes + scored.notes)
    if suspect:
        note = Note("suspect", f"grade withheld, SUSPECT: {'; '.join(suspect)}")
        return replace(card, notes=(*card.notes, note))
    return card if found is None else _composed(card, subject, contract)


def scenario_of(concurrency: int) -> Scenario:
    """Which weights hold at so many users."""
    return "interactive" if concurrency == 1 else "throughput"


# --- which thresholds -------------------------------------------------------------------------------------


def class_of(
    study: Study, subject: Subject, contract: Contract, wanted: str | None = None
) -> PlatformClass | None:
    """The first class that fits machine and weights; `wanted` only for imported results without a machine."""
    if wanted is not None and study.origin == "imported" and study.hardware is None:
        return next(each for each in contract.classes if each.name == wanted)
    return next((each for each in contract.classes if _fits(study, subject, each)), None)


def check_class(studies: Sequence[Study], contract: Contract, name: str | None) -> None:
    """`InputError` if the contract has no class of that name, or if nothing among the studies needs one."""
    known = [each.name for each in contract.classes]
    if name is not None and name not in known:
        raise InputError(
            f"The contract {contract.name} has no class {plain_text(name)!r}.",
            hint(name, known, f"Known: {', '.join(known) or 'none, it needs no class'}."),
        )
    if name is not None and not any(each.origin == "imported" and each.hardware is None for each in studies):
        raise InputError(
            "--class applies only to imported results that do not state their machine.",
            "Leave it out: here the class follows from machine and weights.",
        )


def _fits(study: Study, subject: Subject, each: PlatformClass) -> bool:
    hardware = study.hardware
    accelerator = hardware.accelerator if hardware else "unknown"
    speed = hardware.memory_gb_s if hardware else None
    if accelerator not in each.accelerators or subject.weights_bytes is None:
        return False
    if each.variants and subject.variant not in each.variants:
        return False
    low, high = each.memory_gb_s_from, each.memory_gb_s_to
    right_speed = speed is None if low is None or high is None else speed is not None and low <= speed <= high
    return right_speed and each.weights_gb_over < subject.weights_bytes / BYTES_PER_GB <= each.weights_gb_up_to


def _classless(study: Study, subject: Subject) -> Note:
    if subject.weights_bytes is None and study.origin == "run":
        return Note("class", "size of the weights unknown: no thresholds, no grade")
    remedy = " (--class names one)" if study.origin == "imported" and study.hardware is None else ""
    return Note("class", f"no class for this machine and these weights: no grade{remedy}")


# --- metrics ----------------------------------------------------------------------------------------------


def _scored(
    subject: Subject, group: Sequence[Subject], contract: Contract, each: PlatformClass, beyond: Beyond
) -> _Scored:
    scenario = scenario_of(subject.concurrency)
    metrics, notes = [], []
    for rule in contract.metrics:
        if rule.weight(scenario) == 0:
            continue
        figure = pessimistic(subject, rule.path, rule.fallback, rule.better)
        score = 0.0 if figure.is_missing else points(figure.value, band_of(rule, each, subject.concurrency))
        with_penalty = max(0.0, score - _penalty(subject, rule, contract, each))
        more = contract.bonus if _is_best(subject, group, rule, beyond) else 0.0
        final = min(BEST, with_penalty + more)
        metrics.append(
            MetricScore(
                metric=rule.name,
                value=None if figure.is_missing else figure.value,
                is_fallback=figure.is_fallback and not figure.is_missing,
                score=final,
                weight=rule.weight(scenario),
                penalty=score - with_penalty,
                bonus=final - with_penalty,
            )
        )
        notes += _metric_notes(rule, contract, figure, metrics[-1])
    return _Scored(tuple(metrics), tuple(notes))


def _penalty(subject: Subject, rule: MetricRule, contract: Contract, each: PlatformClass) -> float:
    jitter = contract.jitter
    if jitter is None or jitter.metric != rule.name:
        return 0.0
    figure = pessimistic(subject, jitter.path, jitter.fallback, "lower")
    return jitter_points(figure.value, each.jitter_limit_ms, jitter.points, jitter.full_at)


def _beyond(study: Study, contract: Contract) -> Beyond:
    """When a figure counts as better than another by the contract's algorithm."""
    if contract.algorithm == "kit-1":
        return lies_beyond
    levels = [each.concurrency for each in study.subjects]
    claims = sum(
        rule.weight(scenario_of(level)) > 0
        for level in set(levels)
        if levels.count(level) > 1
        for rule in contract.metrics
    )
    return partial(surely_better, claims=max(claims, 1))


def _is_best(subject: Subject, group: Sequence[Subject], rule: MetricRule, beyond: Beyond) -> bool:
    """Whether it lies beyond every other, at least one other has an interval, and none is unknown.

    An interval needs the figure itself in every planned trial, never the fallback: else taking figures away from
    a rival would make it look worse, or unknown, and lend its bonus to others.
    """
    rivals = [other for other in group if other is not subject and not all_failed(other)]
    mine = replicates_of(subject, rule.path)
    theirs = [replicates_of(rival, rule.path) for rival in rivals]
    known = [values for values in theirs if values is not None]
    if mine is None or not known or len(known) < len(theirs):
        return False
    return all(beyond(mine, values, rule.better) for values in known)


def _metric_notes(
    rule: MetricRule, contract: Contract, figure: PessimisticMedian, scored: MetricScore
) -> list[Note]:
    notes = []
    if figure.is_missing:
        lacking = f"{figure.lacking} of {figure.trials} replicates without it"
        notes.append(Note("missing", f"no data: {rule.title} counts 0 ({lacking})"))
    if scored.penalty >= LEAST_SHOWN:
        jitter = contract.jitter.path if contract.jitter else ""
        notes.append(Note("penalty", f"{rule.title}: {number(scored.penalty, 1)} points off for {jitter}"))
    if scored.bonus >= LEAST_SHOWN:
        notes.append(Note("bonus", f"{rule.title}: {number(scored.bonus, 1)} points for the best of the group"))
    return notes


# --- the composite ----------------------------------------------------------------------------------------


def _error_rate(subject: Subject) -> float:
    """Pessimistic; nobody knows it: all requests failed."""
    return min(1.0, pessimistic(subject, ERROR_RATE, None, "lower").value)


def _dead(subject: Subject, is_graded: bool) -> str:
    """Why the subject is F whatever else it shows; empty if it is alive, or if there is no grade for it anyway."""
    if not any(trial.status == "measured" for trial in subject.trials):
        reasons = dict.fromkeys(trial.reason for trial in subject.trials if trial.status == "failed")
        words = "; ".join(filter(None, reasons)) or "no reason given"
        return f"failed in every replicate: {words}" if reasons else ""
    figure = pessimistic(subject, ERROR_RATE, None, "lower")
    if figure.is_missing and is_graded:
        return f"no error rate in {figure.lacking} of {figure.trials} replicates: counts as all requests failed"
    return "every request failed" if not figure.is_missing and figure.value >= 1 else ""


def _composed(card: Card, subject: Subject, contract: Contract) -> Card:
    total = math.fsum(each.weight * (each.score or 0.0) for each in card.metrics)
    errors = _error_rate(subject)
    limits = [cap.composite for cap in contract.caps if errors > cap.error_rate_above]
    composite = round(min([total, BEST, *limits]), 1)
    notes = card.notes
    if limits and min(limits) < total:
        words = f"at most {number(min(limits), 0)} with an error rate of {number(errors * 100, 1)} %"
        notes = (*notes, Note("capped", f"{words} (otherwise {number(total, 1)})"))
    return replace(card, composite=composite, grade=grade_of(composite, contract.grades), notes=notes)


def _incomplete(subject: Subject) -> tuple[Note, ...]:
    lost = [trial for trial in subject.trials if trial.status != "measured"]
    if not lost:
        return ()
    reasons = dict.fromkeys(f"{trial.status}{': ' if trial.reason else ''}{trial.reason}" for trial in lost)
    words = f"{len(lost)} of {len(subject.trials)} replicates are missing and count as the worst"
    return (Note("incomplete", f"{words} ({'; '.join(reasons)})"),)
