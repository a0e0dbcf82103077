"""kit.verify on calibrations: each fault in its own words, and honest bad luck that is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kit.documents import Calibration, CalibrationPoint, ErrorSpread
from kit.metrics.accuracy import proven
from tests.support.calibrations import good_point
from tests.support.forge import changed, in_calibration, in_facts
from tests.support.forgeries import (
    higher_ceiling,
    lost_day_before,
    slow_machine,
    tried_until_it_held,
    uncalibrated,
    worse_gaps,
)
from tests.support.good_bundle import good_bundle
from tests.support.sealed import bundle_verdict

CHANGE = Callable[[Calibration], Calibration]


def words_of(data: bytes, rule: str = "calibration.consistent") -> list[str]:
    return [finding.message for finding in bundle_verdict(data).findings if finding.rule == rule]


def point(change: Callable[[CalibrationPoint], CalibrationPoint]) -> CHANGE:
    """Change the first point of a calibration."""
    return lambda found: replace(found, points=(change(found.points[0]), *found.points[1:]))


def counted(**values: Any) -> CHANGE:
    """Change the counts and spreads of the first point."""
    return point(lambda each: replace(each, accuracy=replace(each.accuracy, **values)))


def step(**values: Any) -> CHANGE:
    return lambda found: replace(found, steps=(replace(found.steps[0], **values), *found.steps[1:]))


COUNTS = "does not fit its counts, or its percentiles do not ascend"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: replace(c, points=c.points[1:]), "plan's concurrencies in order"),
        (lambda c: replace(c, points=c.points[::-1]), "plan's concurrencies in order"),
        (worse_gaps, "points[0]: its verdict should be: gap_error"),
        (step(ok=False, faults=("lost",)), "steps[0]: its verdict should be: ok"),
        (point(lambda each: replace(each, expected_tok_s=999.0)), "expected_tok_s is not the pace of all streams"),
        (higher_ceiling, "ceiling: tok_s is 99999.0, not 1280.0"),
        (lambda c: replace(c, ceiling=None), "ceiling: is null, not an object"),
        (lambda c: replace(c, limit_ms=50.0), "has limits other than 1 ms"),
        (lambda c: replace(c, min_pace=0.5), "has limits other than 1 ms"),
        (lambda c: replace(c, duration_ns=13 * 10**9), "was not over when the first cell started"),
        (lambda c: replace(c, cpus=64), "was made with 64 CPUs, the host has 2 usable"),
        (lambda c: replace(c, stamp_source="user"), "was made with another source of stamps"),
        (tried_until_it_held, "points: 1 streams at 200 tokens/s were not tried as a calibration tries"),
        (step(concurrency=1, expected_tok_s=400.0), "steps: are not at the largest concurrency"),
        (lost_day_before, "there is a date that does not exist"),
        (counted(chunks=5), f"gap_error_ms {COUNTS}"),
        (counted(ttft_error_ms=ErrorSpread(10, 0.3, 0.2, 0.1)), f"ttft_error_ms {COUNTS}"),
        (counted(receive_error_ms=ErrorSpread(410, None, None, None)), f"receive_error_ms {COUNTS}"),
        (counted(send_lag_ms=ErrorSpread(11, 0.1, 0.2, 0.3)), "counts more requests than there were"),
    ],
)
def test_a_calibration_that_does_not_fit_is_told_in_words(change: CHANGE, words: str) -> None:
    """Coverage, verdicts, ceiling, limits, time, machine, stamps, tries and counts."""
    found = words_of(changed(in_calibration(change)))
    assert [each for each in found if words in each], found


def failed(each: CalibrationPoint) -> CalibrationPoint:
    """The point with a gap error above the limit, and honest about it."""
    spread = replace(each.accuracy.gap_error_ms, p99=1.5, max=1.5)
    return replace(each, accuracy=replace(each.accuracy, gap_error_ms=spread), ok=False, faults=("gap_error",))


def twice_failed(found: Calibration) -> Calibration:
    """Nothing holds at concurrency 2, so nothing was searched for."""
    bad = failed(good_point(2))
    points = (good_point(1), bad, bad)
    return replace(found, points=points, steps=(), ended_by="largest_point", ceiling=proven(points))


def second_try(found: Calibration) -> Calibration:
    """Concurrency 1 failed once and held then."""
    return replace(found, points=(failed(good_point(1)), *found.points))


def test_a_second_try_is_no_finding() -> None:
    """A machine may hiccup once."""
    assert bundle_verdict(changed(in_calibration(second_try))).findings == ()


def test_an_honest_failure_is_only_flagged() -> None:
    """The cells at that concurrency are SUSPECT for it."""
    verdict = bundle_verdict(changed(in_calibration(twice_failed)))
    assert verdict.label == "self-reported"
    assert {finding.rule for finding in verdict.findings} == {"calibration.range"}
    there = [finding.message for finding in verdict.findings if "r1-c2-" in finding.where]
    assert len(there) == 2
    assert all("SUSPECT: the calibration failed at concurrency 2, gap error" in words for words in there)
    assert not [f for f in verdict.findings if "r1-c1-" in f.where and "failed" in f.message]


def test_cells_beyond_what_is_proven_are_named() -> None:
    """With how many chunks came and how many are proven."""
    found = words_of(changed(in_calibration(slow_machine)), "calibration.range")
    assert len(found) == 4
    assert all("chunks/s, proven to 13" in words for words in found)


def test_a_run_that_was_not_calibrated_is_flagged_for_each_cell() -> None:
    """It keeps its label: it is honest about it."""
    verdict = bundle_verdict(changed(uncalibrated))
    assert verdict.label == "self-reported"
    rules = [finding.rule for finding in verdict.findings]
    assert (rules.count("calibration.present"), rules.count("calibration.range")) == (1, 4)


def test_one_cell_with_other_stamps_is_enough() -> None:
    """What was proven of kernel stamps says nothing of others."""
    assert words_of(changed(in_facts(stamp_source="user")))
    assert words_of(good_bundle()) == []
