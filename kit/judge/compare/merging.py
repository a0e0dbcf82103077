"""Several runs as one study, where they are alike enough to stand for one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from kit.documents.study import Study, Subject, Trial
from kit.errors import InputError
from kit.judge.compare.standing import differences, other_weights
from kit.judge.machines import why_two
from kit.judge.quality import pooled
from kit.judge.shapes import place_of
from kit.text import plain_text

_SEPARATE = "Give one run at a time."


def merged(studies: Sequence[Study]) -> Study:
    """All entries of runs under the same conditions; what several of them measured has the trials of all.

    `InputError` saying why they are not comparable: other conditions, machine or weights, or the same run twice,
    which would make one measurement look like two.
    """
    first = studies[0]
    subjects: dict[tuple[str, str, int], Subject] = {}
    for place, study in enumerate(studies):
        if place:
            _comparable(first, study)
        for subject in study.subjects:
            key = place_of(subject)
            subjects[key] = _joined(subjects[key], subject) if key in subjects else subject
    if len(studies) == 1:
        return first
    _no_run_twice(studies)
    quality = pooled(each for study in studies for each in study.quality)
    label = _weakest(studies)
    return replace(
        first, identity=None, label=label, subjects=tuple(subjects.values()), looks=None, quality=quality
    )


def _weakest(studies: Sequence[Study]) -> Literal["self-reported", "consistent"] | None:
    labels = {study.label for study in studies}
    return None if None in labels else "self-reported" if "self-reported" in labels else "consistent"


def _comparable(a: Study, b: Study) -> None:
    reasons = list(differences(a.conditions, b.conditions))
    if a.shapes != b.shapes:
        reasons.append("different kinds of request")
    x, y = a.conditions, b.conditions
    if (x.warmup_s, x.window_s) != (y.warmup_s, y.window_s):
        reasons.append("different warm-up or window")
    if a.hardware != b.hardware:
        reasons.append("different machine")
    elif why_two(a, b):
        reasons.append(f"different machine ({why_two(a, b)})")
    if a.origin != b.origin:
        reasons.append("one is imported")
    if reasons:
        names = f"{plain_text(a.name)} and {plain_text(b.name)}"
        raise InputError(f"{names} are not comparable: {'; '.join(reasons)}.", _SEPARATE)


def _no_run_twice(studies: Sequence[Study]) -> None:
    """By identity, and by the time of a measurement: a run folder and its bundle have two identities."""
    seen: set[object] = set()
    for study in studies:
        marks: set[object] = {
            (*place_of(subject), trial.measured_utc)
            for subject in study.subjects
            for trial in subject.trials
            if trial.measured_utc is not None
        }
        marks |= {study.identity} if study.identity else set()
        if marks & seen:
            raise InputError(f"The run {plain_text(study.name)} was given twice.", "Name each run once.")
        seen |= marks


def _joined(a: Subject, b: Subject) -> Subject:
    what = f"{plain_text(a.entry)} at concurrency {a.concurrency}"
    weights = other_weights(a, b)
    if weights or (a.runtime, a.variant) != (b.runtime, b.variant):
        reason = weights or "different runtime or variant"
        raise InputError(f"{what} differs between the runs: {reason}.", _SEPARATE)
    trials: list[Trial] = [*a.trials, *b.trials]
    return replace(a, trials=tuple(replace(each, replicate=place + 1) for place, each in enumerate(trials)))
