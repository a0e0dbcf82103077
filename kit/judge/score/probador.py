"""The algorithm probador-2.0: the original's score to the digit, defects included (llm/score.rs of paiml/probar).

Imported results are scored by the numbers that stood in their files: there a 0 for want of data scores 100 where
lower is better. That is how the original does it, and why kit-1 exists. Pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kit.documents.study import Study, Subject
from kit.judge.quality import quality_at
from kit.judge.score.card import Card, MetricScore, Note
from kit.judge.score.contract import Contract, MetricRule, Scenario
from kit.judge.score.points import band_of, grade_of, half_away, whole_jitter, whole_points
from kit.judge.score.validate import SCALING
from kit.judge.study import suspicions_of, value_of, values_of
from kit.metrics.registry import DECODE
from kit.metrics.stats import median

RAW = "raw."
JITTERED = "itl_p50_ms"
JITTER_PATHS = (("raw.spike_count", "raw.itl_cv"), ("spikes", "tpot_cv"))
_SUFFIX = re.compile(r"-c[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Scored:
    """A subject with the study it is from, and its figures by the name of the metric."""

    study: Study
    subject: Subject
    figures: Mapping[str, float]
    jitter: int | None


def probador_cards(
    studies: Sequence[Study], contract: Contract, concurrencies: Sequence[int] | None
) -> list[Card]:
    """One card for each subject. Imported results of one concurrency form one group, a run is one of its own."""
    runs = [[study] for study in studies if study.origin == "run"]
    imported = [study for study in studies if study.origin == "imported"]
    cards = []
    for pool in [*runs, *([imported] if imported else [])]:
        everything = [figured(study, subject, contract) for study in pool for subject in study.subjects]
        by_level: dict[int, list[Scored]] = defaultdict(list)
        for each in sorted(everything, key=lambda each: _measured_utc(each.subject)):
            by_level[each.subject.concurrency].append(each)
        for level, group in sorted(by_level.items()):
            if concurrencies is None or level in concurrencies:
                cards += _group_cards([_with_scaling(each, by_level[1]) for each in group], contract)
    return cards


# --- figures ----------------------------------------------------------------------------------------------


def base_name(entry: str) -> str:
    """The name without a trailing -c<digits>: the same runtime at another concurrency."""
    return _SUFFIX.sub("", entry)


def figured(study: Study, subject: Subject, contract: Contract) -> Scored:
    """The subject's figures: as they stood in its file where it was imported, else medians over its replicates."""
    raw = study.origin == "imported" and any(
        path.startswith(RAW) for each in subject.trials for path in each.values
    )
    figures = {}
    for rule in contract.metrics:
        path = rule.raw if raw and rule.raw else rule.path
        values = _raw_values(subject, path) if raw else values_of(subject, path)
        if values:
            figures[rule.name] = median(values)
    return Scored(study, subject, figures, _jitter(study, subject))


def _raw_values(subject: Subject, path: str) -> list[float]:
    """What stood in the files, also where all requests failed."""
    found = (value_of(trial, path) for trial in subject.trials)
    return [value for value in found if value is not None]


def _jitter(study: Study, subject: Subject) -> int | None:
    """Only where an imported file has a tail analysis; the original has none for ours."""
    for paths in JITTER_PATHS if study.origin == "imported" else ():
        spikes, variation = (_raw_values(subject, path) for path in paths)
        if spikes and variation:
            return whole_jitter(median(spikes), median(variation))
    return None


def _measured_utc(subject: Subject) -> str:
    """When: the original sorts its files by their timestamps. Unknown comes first."""
    return min((trial.measured_utc for trial in subject.trials if trial.measured_utc), default="")


def _with_scaling(each: Scored, singles: Iterable[Scored]) -> Scored:
    """With tokens/s over the decode rate at one user of the same name; of several the latest counts, even a 0."""
    if each.subject.concurrency == 1 or "aggregate_tok_s" not in each.figures:
        return each
    name = base_name(each.subject.entry)
    alone = [
        one.figures[DECODE] for one in singles if base_name(one.subject.entry) == name and DECODE in one.figures
    ]
    if not alone or alone[-1] <= 0:
        return each
    figures = {**each.figures, SCALING: each.figures["aggregate_tok_s"] / alone[-1]}
    return Scored(each.study, each.subject, figures, each.jitter)


# --- scores -----------------------------------------------------------------------------------------------


def _group_cards(group: Sequence[Scored], contract: Contract) -> list[Card]:
    best = {rule.name: _best(group, rule) for rule in contract.metrics}
    return [_card(each, {name for name, index in best.items() if index == place}, contract)
            for place, each in enumerate(group)]  # fmt: skip


def _best(group: Sequence[Scored], rule: MetricRule) -> int | None:
    """Who has the strictly best figure; of equals the first, which has the earliest timestamp."""
    sign = 1 if rule.better == "higher" else -1
    there = [
        (sign * each.figures[rule.name], -place) for place, each in enumerate(group) if rule.name in each.figures
    ]
    return -max(there)[1] if there else None


def _card(each: Scored, best: set[str], contract: Contract) -> Card:
    subject = each.subject
    scenario: Scenario = "interactive" if subject.concurrency == 1 else "throughput"
    metrics = tuple(
        _metric(each, rule, rule.weight(scenario), contract.bonus if rule.name in best else 0.0)
        for rule in contract.metrics
        if rule.weight(scenario)
    )
    composite, ambiguous = composite_of((one.weight, one.score) for one in metrics if one.score is not None)
    return Card(
        study=each.study.name,
        origin=each.study.origin,
        entry=subject.entry,
        model=subject.model,
        concurrency=subject.concurrency,
        scenario=scenario,
        platform_class=None,
        metrics=metrics,
        composite=float(composite),
        grade=grade_of(composite, contract.grades),
        notes=(*_notes(each, metrics, contract), *([_ambiguous(composite)] if ambiguous else [])),
        quality=quality_at(each.study, subject.entry, subject.concurrency),
    )


def _metric(each: Scored, rule: MetricRule, weight: float, bonus: float) -> MetricScore:
    value = each.figures.get(rule.name)
    if value is None:
        return MetricScore(rule.name, None, False, None, weight, 0.0, 0.0)
    score = whole_points(value, band_of(rule, None, each.subject.concurrency))
    penalty = min(score, each.jitter or 0) if rule.name == JITTERED else 0
    final = min(100, score - penalty + half_away(bonus))
    return MetricScore(
        rule.name, value, False, float(final), weight, float(penalty), float(final - score + penalty)
    )


def composite_of(parts: Iterable[tuple[float, float]]) -> tuple[int, bool]:
    """The rounded sum of (weight, score), and whether the exact sum ends in a half.

    The original adds floats in an order that changes from one process to the next, so there it may round down.
    """
    exact = sum((Fraction(str(weight)) * Fraction(score) for weight, score in parts), Fraction())
    return min(100, half_away(exact)), exact % 1 == Fraction(1, 2)


def plain_composite(study: Study, subject: Subject, contract: Contract) -> float:
    """The composite of one subject by itself: without jitter, bonus and scaling."""
    scenario: Scenario = "interactive" if subject.concurrency == 1 else "throughput"
    figures = figured(study, subject, contract).figures
    chosen = [rule for rule in contract.metrics if rule.name in figures and rule.weight(scenario)]
    bands = {rule.name: band_of(rule, None, subject.concurrency) for rule in chosen}
    parts = [(rule.weight(scenario), whole_points(figures[rule.name], bands[rule.name])) for rule in chosen]
    return float(composite_of(parts)[0])


def _ambiguous(composite: int) -> Note:
    words = f"the exact sum is {composite - 1}.5: the original prints {composite - 1} or {composite}"
    return Note("ambiguous", f"{words}, by the order in which it happens to add")


def _notes(each: Scored, metrics: Sequence[MetricScore], contract: Contract) -> list[Note]:
    titles = {rule.name: rule.title for rule in contract.metrics}
    notes = []
    lost = sum(trial.status != "measured" for trial in each.subject.trials)
    if lost:
        notes.append(
            Note("incomplete", f"{lost} of {len(each.subject.trials)} replicates are missing; not counted")
        )
    for scored in metrics:
        title = titles[scored.metric]
        if scored.score is None:
            notes.append(Note("missing", f"no data: {title} is left out, its weight is lost"))
        if scored.penalty:
            notes.append(Note("penalty", f"{title}: {scored.penalty:.0f} points for spikes and variation"))
        if scored.bonus:
            notes.append(Note("bonus", f"{title}: {scored.bonus:.0f} points for the best of the group"))
    suspect = suspicions_of(each.subject)
    if suspect:
        notes.append(Note("suspect", f"SUSPECT: {'; '.join(suspect)}"))
    return notes
