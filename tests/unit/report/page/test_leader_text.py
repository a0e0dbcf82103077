"""The verdict of a page in words: one sentence for each kind of outcome."""

from __future__ import annotations

from kit.documents.study import Subject
from kit.judge.advice import Leader, leaders
from kit.report.page.leader_text import headline, margin, sureness
from tests.support.studies import replicated, study, subject

T = "throughput_tok_s"
FAST, SLOW, NOISY = [100.0, 100.1, 100.2], [50.0, 50.1, 50.2], [70.0, 99.0, 130.0]


def entries(level: int, **figures: list[float]) -> list[Subject]:
    return [replicated(name, level, {T: values}) for name, values in figures.items()]


def found(*subjects: Subject) -> tuple[Leader, ...]:
    return leaders(study(*subjects))


def test_each_outcome_has_a_sentence_and_equal_ones_are_told_once() -> None:
    """In order of concurrency; who is not told apart is named with those it may equal."""
    made = found(
        *entries(1, a=FAST, b=SLOW),
        *entries(2, a=FAST, b=[100.1, 100.0, 100.3]),
        *entries(4, a=FAST, b=NOISY),
        *entries(8, a=FAST, b=SLOW),
        subject("a", 16, throughput_tok_s=2.0),
        subject("b", 16, throughput_tok_s=1.0),
    )
    assert headline(made) == [
        "a leads at 1 and 8 users.",
        "a and b are tied within 5 % at 2 users.",
        "a and b are not told apart at 4 users.",
        "a is ahead at 16 users, undecided: too few replicates for an interval.",
    ]


def test_the_margin_has_its_interval_or_the_reason_why_not() -> None:
    """Beside the next best."""
    few = found(subject("a", 1, throughput_tok_s=2.0), subject("b", 1, throughput_tok_s=1.0))[0]
    assert (margin(few), sureness(few)) == ("2.00 x b", "one replicate each, so no interval")
    ahead = found(*entries(1, a=FAST, b=SLOW))[0]
    assert (margin(ahead), sureness(ahead)) == ("2.00 x b", "[1.99, 2.01]")
    alone = found(*entries(1, a=FAST))[0]
    assert (margin(alone), sureness(alone)) == ("", "")
