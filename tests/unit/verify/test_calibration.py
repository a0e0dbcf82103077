"""kit.verify on calibrations: each fault in its own words, and honest bad luck that is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from kit.documents import Calibration, CalibrationPoint, ErrorSpread, Window
from kit.storage.calibration_file import calibration_record_from
from kit.strict import StrictError, plain
from tests.support.calibrations import assembled, recorded_calibration, recorded_load
from tests.support.closed_holes import of_kit
from tests.support.forge import Change, calibrated_so, changed, drop, in_calibration, in_facts, raw, value_of
from tests.support.forgeries import (
    higher_ceiling,
    lost_day_before,
    slow_machine,
    tried_until_it_held,
    uncalibrated,
    without_requests,
    worse_gaps,
)
from tests.support.good_bundle import Files, good_bundle
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
        (higher_ceiling, "ceiling: tok_s is 99999.0, not 1361.429"),
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


LATE_NS = 1_500_000  # by which every second chunk of a point that fails is late


def twice_failed() -> tuple[Calibration, bytes]:
    """Nothing holds at concurrency 2, so nothing was searched for."""
    return assembled([(1, 200.0, 0, False), (2, 200.0, LATE_NS, False), (2, 200.0, LATE_NS, False)])


def test_a_second_try_is_no_finding() -> None:
    """A machine may hiccup once."""
    assert bundle_verdict(changed(calibrated_so(recorded_calibration(late_ns=(LATE_NS, 0, 0))))).findings == ()


def test_an_honest_failure_is_only_flagged() -> None:
    """The cells at that concurrency are SUSPECT for it."""
    verdict = bundle_verdict(changed(calibrated_so(twice_failed())))
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
    assert all("chunks/s, proven to 1" in words for words in found)


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


# --- the requests that it is made of ------------------------------------------------------------------------


def with_window(start_ns: int, end_ns: int) -> Change:
    window = Window(start_ns, end_ns)
    change = point(lambda each: replace(each, window=window))
    return value_of("calibration.json", Calibration, change)


def line(old: bytes, new: bytes, count: int = 1) -> Change:
    """Change the requests from the first on, under a digest that fits."""

    def apply(files: Files) -> None:
        raw("calibration.jsonl", lambda data: data.replace(old, new, count))(files)
        digest = sha256(files["calibration.jsonl"]).hexdigest()
        value_of("calibration.json", Calibration, lambda found: replace(found, records_sha256=digest))(files)

    return apply


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            value_of("calibration.json", Calibration, worse_gaps),
            "accuracy: gap_error_ms.max is 1.5, not",
        ),
        (value_of("calibration.json", Calibration, step(tok_s=1.5)), "steps[0]: tok_s: is 1.5, not"),
        (value_of("calibration.json", Calibration, step(window=None)), "steps[0]: has no window"),
        (with_window(300_000_000, 2_001_000_000), "another window than a calibration gives it"),
        (with_window(300_000_000, 300_000_000), "another window than a calibration gives it"),
        (line(b'"id":0', b'"id":1'), "the requests of each load in order, each once"),
        (line(b'"load":0', b'"load":9'), "the requests of each load in order, each once"),
        (line(b'"load":0,"outcome":"ok"', b'"load":0,"outcome":"unfinished"', 9), "accuracy: requests is"),
        (line(b'"left":[50000000,', b'"left":[50000000,5000000,'), "tokens, the seed asks for"),
    ],
)
def test_requests_that_do_not_give_the_figures_are_refused(change: Change, words: str) -> None:
    """Figures, windows, order and lengths."""
    data = changed(change)
    assert [each for each in told_of(data) if words in each], told_of(data)
    assert bundle_verdict(data).label == "rejected"


def told_of(data: bytes) -> list[str]:
    found = [each for each in bundle_verdict(data).findings if each.rule == "calibration.recomputed"]
    return [f"{each.where}: {each.message}" for each in found]


def test_other_requests_than_those_that_are_named_are_refused() -> None:
    """Even if they give the same figures."""

    def reordered(files: Files) -> None:
        files["calibration.jsonl"] = files["calibration.jsonl"].replace(b'"id":0', b'"id": 0', 1)

    assert "has another sha256 than calibration.json says" in " ".join(told_of(changed(reordered)))


@pytest.mark.parametrize(("version", "flagged"), [("0.1.0", False), ("0.1.1", True), ("0.2.0", True), ("x", True)])
def test_requests_are_missed_where_the_kit_kept_them(version: str, flagged: bool) -> None:
    """Kits up to 0.1.0 kept the figures alone."""
    found = bundle_verdict(changed(in_calibration(without_requests), of_kit(version))).findings
    assert ("calibration.records" in {each.rule for each in found}) is flagged


def test_a_calibration_is_judged_as_the_maker_judged_it() -> None:
    """Every load of the good one is looked at."""
    verdict = bundle_verdict(good_bundle())
    assert (verdict.checked["calibration.recomputed"], verdict.checked["calibration.records"]) == (4, 1)


@pytest.mark.parametrize("most", [10**15, -(10**15)])
def test_a_step_has_limits(most: int) -> None:
    """One more and the line is refused."""
    good = replace(recorded_load(0, 1, 200.0)[0], arrived=(most,))
    assert list(calibration_record_from(plain(good), "x").arrived) == [most]
    with pytest.raises(StrictError, match="arrived"):
        calibration_record_from(plain(replace(good, arrived=(most + (1 if most > 0 else -1),))), "x")
    with pytest.raises(StrictError, match="load"):
        calibration_record_from(plain(replace(good, load=-1)), "x")


def test_without_both_files_the_run_was_not_calibrated() -> None:
    """And a plan that calls for it is not fulfilled."""
    assert bundle_verdict(changed(drop("calibration.json", "calibration.jsonl"))).label == "rejected"
