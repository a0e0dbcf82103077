"""Several runs as one study: only where they are alike, and never the same run twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.documents.study import Study
from kit.errors import InputError
from kit.judge.compare.merging import merged
from kit.judge.study import values_of
from tests.support.studies import CONDITIONS, study, subject

LATER = "2026-11-22T11:00:00.000000Z"
FIRST = study(subject("x", 4, throughput_tok_s=1.0), subject("y", 4, throughput_tok_s=5.0))


def later(**changes: Any) -> Study:
    """Another run of the entry x, an hour later."""
    again = subject("x", 4, throughput_tok_s=2.0)
    again = replace(again, trials=(replace(again.trials[0], measured_utc=LATER),))
    return replace(study(again), **{"identity": "d" * 64} | changes)


def test_replicates_of_the_same_entry_stand_together() -> None:
    """In order, numbered anew; entries that only one run has are kept. One run is left as it is."""
    found = merged([FIRST, later()])
    assert [each.entry for each in found.subjects] == ["x", "y"]
    assert values_of(found.subjects[0], "throughput_tok_s") == [1.0, 2.0]
    assert [trial.replicate for trial in found.subjects[0].trials] == [1, 2]
    assert found.identity is None
    assert merged([FIRST]) is FIRST


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        (("consistent", "consistent"), "consistent"),
        (("consistent", "self-reported"), "self-reported"),
        (("consistent", None), None),
    ],
)
def test_the_label_is_the_weakest(labels: tuple[Any, Any], label: str | None) -> None:
    """A chain is as strong as its weakest link."""
    assert merged([replace(FIRST, label=labels[0]), later(label=labels[1])]).label == label


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (later(conditions=replace(CONDITIONS, ignore_eos=False)), "not comparable: different ignore_eos"),
        (later(conditions=replace(CONDITIONS, window_s=8.0)), "not comparable: different warm-up or window"),
        (later(hardware=None), "not comparable: different machine"),
        (later(origin="imported"), "not comparable: one is imported"),
        (later(identity="c" * 64), "yoga was given twice"),
        (replace(FIRST, identity="d" * 64), "yoga was given twice"),
        (
            later(subjects=(replace(later().subjects[0], model_sha256="e" * 64),)),
            "x at concurrency 4 differs",
        ),
        (later(subjects=(replace(later().subjects[0], variant="cuda"),)), "different runtime or variant"),
    ],
)
def test_what_is_not_alike_is_refused(second: Study, words: str) -> None:
    """A folder and its bundle have two identities, but the same times: still one run."""
    with pytest.raises(InputError, match=words):
        merged([FIRST, second])
