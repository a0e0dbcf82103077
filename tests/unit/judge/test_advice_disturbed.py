"""Who leads where the machine was not quiet: nobody, in a sentence that says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.study import Subject
from kit.judge.advice import leader_sentence, leaders
from tests.support.studies import replicated, study

T = "throughput_tok_s"
WHY = "disturbed: other programs used 26 % of the CPU time"


def disturbed(subject: Subject, *more: str) -> Subject:
    """The last replicate was disturbed to its last attempt."""
    *before, last = subject.trials
    return replace(subject, trials=(*before, replace(last, suspect=(*more, WHY))))


FAST, SLOW = replicated("fast", 4, {T: [40.0, 41.0, 42.0]}), replicated("slow", 4, {T: [6.0, 7.0, 8.0]})


@pytest.mark.parametrize(
    ("subjects", "words"),
    [
        (
            (disturbed(FAST), disturbed(SLOW)),
            f"no verdict: the machine was not quiet; left out: fast ({WHY}), slow ({WHY})",
        ),
        (
            (disturbed(FAST), SLOW),
            f"no verdict: only slow was measured undisturbed, 7.0 tok/s; left out: fast ({WHY})",
        ),
        (
            (disturbed(FAST, "not calibrated"), SLOW),
            f"no verdict: only slow was measured undisturbed, 7.0 tok/s; "
            f"left out: fast (SUSPECT: not calibrated; {WHY})",
        ),
    ],
    ids=["all", "all but one", "and not calibrated"],
)
def test_where_the_machine_was_not_quiet_nobody_leads(subjects: tuple[Subject, ...], words: str) -> None:
    """Whoever is left did not win: the other might have been faster."""
    (leader,) = leaders(study(*subjects))
    assert leader_sentence(leader) == f"At 4 users: {words}"


def test_the_others_are_compared_without_the_one_that_was_disturbed() -> None:
    """It is named with its reason."""
    other = replicated("other", 4, {T: [20.0, 20.5, 21.0]})
    (leader,) = leaders(study(FAST, other, disturbed(SLOW)))
    assert (leader.entry, leader.relation) == ("fast", "ahead")
    assert leader_sentence(leader).endswith(f"left out: slow ({WHY})")
