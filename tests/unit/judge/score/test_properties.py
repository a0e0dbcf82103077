"""What our contracts promise: better never lower, rivals by the bonus at most, less data never higher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.documents.study import Study, Subject, Trial, TrialStatus
from kit.judge.score import Card, load_contract, scorecard
from kit.judge.score.points import Band, points
from tests.support.studies import study, subject

CONTRACTS = {name: load_contract(name) for name in ("kit-1", "kit-2")}
BONUS = CONTRACTS["kit-2"].bonus
of_each_contract = pytest.mark.parametrize("name", CONTRACTS)
HIGHER = ("decode_tok_s", "throughput_tok_s")
LOWER = ("ttft_ms.p50", "ttft_ms.p99", "itl_ms.p99", "error_rate")
LARGEST = {"ttft_ms.p99": "ttft_ms.max", "itl_ms.p99": "itl_ms.max"}
# Rounding to one decimal moves a composite by half a step at each end.
ROUNDING = 0.1 + 1e-9
SCALES = {
    "decode_tok_s": 300.0,
    "throughput_tok_s": 1000.0,
    "ttft_ms.p50": 400.0,
    "ttft_ms.p99": 800.0,
    "itl_ms.p99": 400.0,
}

STATUSES: list[TrialStatus] = ["measured", "measured", "measured", "measured", "failed", "missing", "interrupted"]

shares = st.floats(0, 1).map(lambda share: round(share, 3))
errors = st.sampled_from([0.0, 0.0, 0.004, 0.01, 0.011, 0.05, 0.1, 0.2, 1.0])


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    """A replicate: measured with some figures, failed, missing or interrupted. Mostly measured."""
    status = draw(st.sampled_from(STATUSES))
    reason = draw(st.sampled_from(["", "it died"])) if status != "measured" else ""
    values: dict[str, float] = {}
    if status == "measured":
        values = {path: draw(shares) * scale for path, scale in SCALES.items()}
        values["error_rate"] = draw(errors)
        for path, largest in LARGEST.items():
            values[largest] = values[path] * draw(st.sampled_from([1.0, 1.5]))
        gone = draw(st.sets(st.sampled_from(sorted(values)), max_size=2))
        values = {path: value for path, value in values.items() if path not in gone}
    suspect = ("send lag",) if status == "measured" and draw(st.integers(0, 19)) == 0 else ()
    return Trial(1, "cell", status, reason, suspect, None, values)


levels = st.sampled_from([1, 4])


@st.composite
def subjects(draw: st.DrawFn, entry: str, level: int, replicates: int = 3) -> Subject:
    found = [replace(draw(trials()), replicate=number + 1) for number in range(replicates)]
    return replace(subject(entry, level, *found), weights_bytes=1_117_320_768)


@st.composite
def studies(draw: st.DrawFn) -> Study:
    """Two or three rivals at one concurrency."""
    level = draw(levels)
    replicates = draw(st.sampled_from([1, 2, 3, 3]))
    count = draw(st.integers(2, 3))
    return study(*(draw(subjects(f"runtime-{number}", level, replicates)) for number in range(count)))


def cards(found: Study, name: str) -> list[Card]:
    return list(scorecard([found], CONTRACTS[name]).cards)


def composite(card: Card) -> float:
    """No composite is less than any."""
    return -1.0 if card.composite is None else card.composite


def unsuspected(found: Study) -> Study:
    """The same figures, nobody doubting them."""
    changed = [
        replace(each, trials=tuple(replace(one, suspect=()) for one in each.trials)) for each in found.subjects
    ]
    return replace(found, subjects=tuple(changed))


def with_trial(found: Study, who: int, which: int, changed: Trial) -> Study:
    mine = found.subjects[who]
    swapped = tuple(changed if place == which else each for place, each in enumerate(mine.trials))
    rivals = tuple(
        replace(mine, trials=swapped) if place == who else each for place, each in enumerate(found.subjects)
    )
    return replace(found, subjects=rivals)


def better(values: Mapping[str, float | None], factor: float) -> dict[str, float | None]:
    """The same figures, each better by the factor (at least 1)."""
    return {
        path: value if value is None else value * factor if path in HIGHER else value / factor
        for path, value in values.items()
    }


# --- 1: better never scores lower -------------------------------------------------------------------------


@of_each_contract
@settings(max_examples=30, deadline=None)
@given(studies(), st.integers(0, 1), st.floats(1, 3))
def test_a_strictly_better_runtime_never_scores_lower(name: str, found: Study, who: int, factor: float) -> None:
    """Than the worse one in its place, with the same rivals; and than the worse one beside it."""
    found = unsuspected(found)
    old = found.subjects[who]
    new = replace(old, trials=tuple(replace(each, values=better(each.values, factor)) for each in old.trials))
    instead = tuple(new if place == who else each for place, each in enumerate(found.subjects))
    assert composite(cards(replace(found, subjects=instead), name)[who]) >= composite(cards(found, name)[who])
    beside = cards(replace(found, subjects=(*found.subjects, replace(new, entry="better"))), name)
    assert composite(beside[-1]) >= composite(beside[who])


@settings(max_examples=100)
@given(
    st.sampled_from(["higher", "lower"]),
    st.floats(1, 1e6),
    st.floats(1.01, 10),
    st.lists(st.floats(0, 1e7), min_size=2, max_size=5),
    st.booleans(),
)
def test_points_are_monotone_and_between_0_and_100(
    direction: str, low: float, ratio: float, values: list[float], falls: bool
) -> None:
    """On both curves, with and without a line down to 0."""
    high = low * ratio
    band = (
        Band("higher", high, low) if direction == "higher" else Band("lower", low, high, high * 2 * falls or None)
    )
    found = [points(value, band) for value in sorted(values)]
    assert found == sorted(found, reverse=direction == "lower")
    assert all(0 <= each <= 100 for each in found)


# --- 2: a rival counts by its bonus at most ---------------------------------------------------------------


@of_each_contract
@settings(max_examples=30, deadline=None)
@given(studies())
def test_adding_a_runtime_changes_another_by_its_bonus_at_most(name: str, found: Study) -> None:
    """Whatever the new one shows."""
    before = cards(replace(found, subjects=found.subjects[:-1]), name)
    for old, new in zip(before, cards(found, name), strict=False):
        assert (old.composite is None) == (new.composite is None)
        assert abs(composite(old) - composite(new)) <= BONUS + ROUNDING
        assert all(each.bonus <= BONUS for each in new.metrics)


# --- 3: less data never scores higher ---------------------------------------------------------------------


@of_each_contract
@settings(max_examples=50, deadline=None)
@given(studies(), st.data())
def test_removing_data_never_raises_any_score(name: str, found: Study, data: st.DataObject) -> None:
    """A figure, all figures of a trial, a whole measurement, the reason of a failure: nobody gains by it.

    Compared with the score that nobody doubts: with a suspect trial there is no grade, and without it there may be
    one, but none that is above what the figures would have given.
    """
    who = data.draw(st.integers(0, len(found.subjects) - 1))
    which = data.draw(st.integers(0, len(found.subjects[who].trials) - 1))
    old = found.subjects[who].trials[which]
    lost = replace(old, status="missing", suspect=(), reason="", values={})
    kinds = [lost, replace(old, values={}), replace(old, reason="")]
    kinds += [replace(old, values={p: v for p, v in old.values.items() if p != path}) for path in old.values]
    after = with_trial(found, who, which, data.draw(st.sampled_from(kinds)))
    for before, now in zip(cards(unsuspected(found), name), cards(after, name), strict=True):
        assert composite(now) <= composite(before)


# --- 4: the dead ------------------------------------------------------------------------------------------


@of_each_contract
@settings(max_examples=15, deadline=None)
@given(studies())
def test_a_server_that_fails_every_request_is_f(name: str, found: Study) -> None:
    """Whatever else its figures say, and also where it never came up."""
    found = unsuspected(found)
    first = found.subjects[0]
    dead = [replace(each, status="measured", values={**each.values, "error_rate": 1.0}) for each in first.trials]
    down = [replace(each, status="failed", reason="it died", values={}) for each in first.trials]
    for trials_of_it in (dead, down):
        others = found.subjects[1:]
        card = cards(replace(found, subjects=(replace(first, trials=tuple(trials_of_it)), *others)), name)[0]
        assert (card.composite, card.grade) == (0.0, "F")
