"""Cards beside the composite: a figure of each subject against two thresholds, or what is missing for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kit.documents.study import Study, Subject
from kit.errors import InputError
from kit.judge.machines import by_machine, machine_text
from kit.judge.score.card import ExtraCards, ExtraRow
from kit.judge.score.contract import By, Contract, ExtraRule
from kit.judge.score.kit1 import check_class, kit1_card
from kit.judge.score.loading import pin
from kit.judge.score.points import extra_points, grade_of, half_away
from kit.judge.score.probador import base_name, plain_composite
from kit.judge.shapes import all_shapes_of
from kit.judge.study import median_interval_of
from kit.metrics.registry import DECODE, LENGTHS, THROUGHPUT
from kit.text import number

MB_PER_GB = 1024  # as the original divides
# Upper bounds (exclusive) of the mean prompt tokens of a request, as the original sorts them.
PROFILES = ((15.0, "micro"), (64.0, "short"), (256.0, "medium"))
LONGEST = "long"


@dataclass(frozen=True, slots=True)
class _Found:
    """One figure, or a note why there is none."""

    value: float | None
    note: str = ""
    part: str = ""


def extra_cards(
    studies: Sequence[Study],
    contract: Contract,
    by: By,
    concurrencies: Sequence[int] | None = None,
    platform_class: str | None = None,
) -> ExtraCards:
    """The card `by` of every subject; `InputError` if the contract has no thresholds for it.

    `platform_class` is as in `kit.judge.score.scorecard`; only "profile" needs it.
    """
    studies = all_shapes_of(studies)
    check_class(studies, contract, platform_class)
    rule = next((each for each in contract.extra if each.by == by), None)
    if rule is None:
        raise InputError(
            f"The contract {contract.name} has no scorecard for {by}.",
            f"It has: {', '.join(each.by for each in contract.extra) or 'no other scorecards'}.",
        )
    makers: dict[By, Callable[[], Iterator[ExtraRow]]] = {
        "profile": lambda: _profiles(studies, contract, concurrencies, platform_class),
        "scaling": lambda: _scalings(studies, contract, rule),
    }
    make = makers.get(by, lambda: _figures(studies, contract, rule, concurrencies))
    return ExtraCards(by, rule.title, _thresholds(rule), rule.digits, pin(contract), tuple(make()))


def _thresholds(rule: ExtraRule) -> str:
    if rule.by == "profile":
        return "composite of each bucket by mean prompt tokens, without bonus; consistency: worst / best"
    sign = "at least" if rule.better == "higher" else "at most"
    return f"excellent {sign} {rule.excellent:g}, good {sign} {rule.good:g}"


def _chosen(study: Study, concurrencies: Sequence[int] | None) -> list[Subject]:
    return [each for each in study.subjects if concurrencies is None or each.concurrency in concurrencies]


def _row(
    study: Study, entry: str, level: int | None, found: _Found, score: float | None, contract: Contract
) -> ExtraRow:
    grade = None if score is None else grade_of(score, contract.grades)
    machine = machine_text(study) if study.machine else ""
    return ExtraRow(study.name, entry, level, found.part, found.value, score, grade, found.note, machine)


# --- one figure of one subject ----------------------------------------------------------------------------


def _figures(
    studies: Sequence[Study], contract: Contract, rule: ExtraRule, concurrencies: Sequence[int] | None
) -> Iterator[ExtraRow]:
    for study in studies:
        for subject in _chosen(study, concurrencies):
            for found in _READERS[rule.by](subject):
                score = None if found.value is None else extra_points(found.value, rule, contract)
                yield _row(study, subject.entry, subject.concurrency, found, score, contract)


def _above_zero(subject: Subject, path: str) -> float | None:
    """The median over the trials that have it; the original takes 0 and below for no data here."""
    value = median_interval_of(subject, path).median
    return value if value is not None and value > 0 else None


def _single(path: str, missing: str) -> Callable[[Subject], list[_Found]]:
    def read(subject: Subject) -> list[_Found]:
        value = _above_zero(subject, path)
        return [_Found(value, missing if value is None else "")]

    return read


def _correctness(subject: Subject) -> list[_Found]:
    rate = median_interval_of(subject, "pass_rate").median
    return [_Found(rate, "no judged answers" if rate is None else "")]


def _decode_per(path: str, factor: float) -> Callable[[Subject], list[_Found]]:
    def read(subject: Subject) -> list[_Found]:
        amount, decode = _above_zero(subject, path), _above_zero(subject, DECODE)
        if amount is None:
            return [_Found(None, "no telemetry in this run")]
        return [_Found(None, "no decode figure") if decode is None else _Found(decode / (amount / factor))]

    return read


def _by_output(subject: Subject) -> list[_Found]:
    found = []
    for name, low, high in LENGTHS:
        value = _above_zero(subject, f"tpot_ms.by_output.{name}")
        words = f"above {low - 1} tokens" if high is None else f"below {high} tokens" if low == 0 else (
            f"of {low} to {high - 1} tokens"
        )  # fmt: skip
        found.append(_Found(value, "" if value is not None else f"no request with an answer {words}", name))
    return found


_READERS: dict[By, Callable[[Subject], list[_Found]]] = {
    "layer": _single("decode_us_per_layer", "no decode figure, or the catalogue does not know the layers"),
    "correctness": _correctness,
    "output-length": _by_output,
    "memory": _decode_per("memory_max_mb", MB_PER_GB),
    "cold-start": _single("cold_start_ms", "no start-up time"),
    "power": _decode_per("power_mean_w", 1.0),
}


# --- by length of the prompts -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Profile:
    """A subject in its bucket; `key` is what stays the same from one bucket to the next."""

    key: tuple[object, ...]
    study: Study
    subject: Subject
    tokens: float | None
    composite: float | None


def profile_of(prompt_tokens: float) -> str:
    """The bucket of a mean number of prompt tokens."""
    return next((name for bound, name in PROFILES if prompt_tokens < bound), LONGEST)


def _profiles(
    studies: Sequence[Study], contract: Contract, concurrencies: Sequence[int] | None, named: str | None
) -> Iterator[ExtraRow]:
    everything = list(_profiled(studies, contract, concurrencies, named))
    for each in everything:
        found = _Found(None, "no prompt tokens were counted")
        if each.tokens is not None:
            note = "" if each.composite is not None else "no composite (see the scorecard)"
            found = _Found(each.tokens, note, profile_of(each.tokens))
        yield _row(each.study, each.subject.entry, each.subject.concurrency, found, each.composite, contract)
    for key in dict.fromkeys(each.key for each in everything):
        mine = [each for each in everything if each.key == key]
        scores = {profile_of(each.tokens): each.composite for each in mine if each.tokens is not None}
        there = [score for score in scores.values() if score is not None]
        if len(there) > 1:
            study, name, level = mine[0].study, base_name(mine[0].subject.entry), mine[0].subject.concurrency
            yield _consistency(study, name, level, there, contract)


def _profiled(
    studies: Sequence[Study], contract: Contract, concurrencies: Sequence[int] | None, named: str | None
) -> Iterator[_Profile]:
    homes = {id(study): number for number, group in enumerate(by_machine(studies)) for study in group}
    for place, study in enumerate(studies):
        # two runs that do not say on which machine they were are not of the same one
        stated = study.machine is not None or study.hardware is not None
        machine = (homes[id(study)],) if stated or study.origin == "imported" else place
        for subject in _chosen(study, concurrencies):
            tokens = median_interval_of(subject, "prompt_tokens_mean").median
            composite = None if tokens is None else _alone(study, subject, contract, named)
            key = (study.origin, machine, base_name(subject.entry), subject.model, subject.concurrency)
            yield _Profile(key, study, subject, tokens, composite)


def _consistency(study: Study, name: str, level: int, scores: Sequence[float], contract: Contract) -> ExtraRow:
    """The worst bucket as a share of the best, in percent."""
    best, worst = max(scores), min(scores)
    share = float(half_away(worst / best * 100)) if best > 0 else 0.0
    note = f"worst {number(worst, 1)}, best {number(best, 1)}"
    return _row(study, name, level, _Found(share, note, "consistency"), share, contract)


def _alone(study: Study, subject: Subject, contract: Contract, named: str | None) -> float | None:
    """The composite without rivals, so without a bonus; the original leaves out jitter and scaling here too."""
    if not contract.is_copy:
        return kit1_card(study, subject, [subject], contract, named).composite
    return plain_composite(study, subject, contract)


# --- by concurrency ---------------------------------------------------------------------------------------


def _scalings(studies: Sequence[Study], contract: Contract, rule: ExtraRule) -> Iterator[ExtraRow]:
    for study in studies:
        for name in dict.fromkeys(base_name(each.entry) for each in study.subjects):
            mine = [each for each in study.subjects if base_name(each.entry) == name]
            level, found = _scaling(mine)
            score = None if found.value is None else extra_points(found.value, rule, contract)
            yield _row(study, name, level, found, score, contract)


def _scaling(subjects: Sequence[Subject]) -> tuple[int | None, _Found]:
    """Peak tokens/s over what single users would get: peak / (decode at one user * users at the peak)."""
    singles = [_above_zero(each, DECODE) for each in subjects if each.concurrency == 1]
    alone = max((value for value in singles if value is not None), default=None)
    if alone is None or len({each.concurrency for each in subjects}) < 2:
        return None, _Found(None, "needs concurrency 1 with a decode figure, and one more")
    peaks = [(_above_zero(each, THROUGHPUT) or 0.0, each.concurrency) for each in subjects]
    peak, level = max(peaks, key=lambda each: (each[0], -each[1]))
    if not peak:
        return None, _Found(None, "no throughput figure")
    return level, _Found(peak / (alone * level))
