"""A run with an evaluation, opened: what its verdicts on programs say stands in its study."""

from __future__ import annotations

import pytest

from kit.judge.open import verified_study
from kit.report.screen.runs import Ended, run_screen
from kit.verify.evidence import open_bundle
from tests.support.good_evaluation import evaluated_bundle


def test_the_study_of_a_run_has_what_its_evaluation_found() -> None:
    """Of each entry at each concurrency, recomputed from the verdicts."""
    found = verified_study(open_bundle(evaluated_bundle()), "a run").study
    assert found.quality
    for each in found.quality:
        assert (each.suite, each.tasks, each.passed, each.share) == ("basics", 4, 2, 0.5)
        assert each.low == pytest.approx(0.150, abs=1e-3)
        assert each.high == pytest.approx(0.850, abs=1e-3)
        assert each.model_sha256 == found.subjects[0].model_sha256
    assert {each.concurrency for each in found.quality} == {1, 2}
    assert {each.entry for each in found.quality} <= {each.entry for each in found.subjects}


def test_the_last_screen_says_how_many_tasks_each_entry_solves() -> None:
    """Of the most that were asked at once, with the interval."""
    opened = verified_study(open_bundle(evaluated_bundle()), "a run")
    told = [each.text for each in run_screen(opened, Ended("run")).verdict]
    assert told[-1] == (
        "Of 4 tasks of basics, 2 at once: llamacpp-serial solves 2 (15 to 85 %), "
        "llamacpp-batched solves 2 (15 to 85 %)."
    )
