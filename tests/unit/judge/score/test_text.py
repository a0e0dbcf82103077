"""Scorecards for people: the contract in the heading, a note for every doubt, nothing hostile gets through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.study import Study
from kit.judge.score import ExtraCards, ExtraRow, Scorecard, extra_cards, load_contract, scorecard
from kit.judge.score.gate import Failure, failures, known_grade
from kit.judge.score.text import extra_text, gate_text, scorecard_text
from tests.support.documents_judged import CONTRACT, SCORECARD
from tests.support.studies import replicated, study, subject, trial

RULES = load_contract("kit-1")
FIGURES = {
    "throughput_tok_s": 290.0,
    "decode_tok_s": 105.0,
    "ttft_ms.p50": 100.0,
    "ttft_ms.max": 200.0,
    "error_rate": 0.01,
    "itl_ms.p99": 50.0,
}


def found(*studies: Study) -> Scorecard:
    return scorecard(studies, RULES)


def one(entry: str = "a", concurrency: int = 1, **changed: float) -> Study:
    values = {**FIGURES, **changed}
    return study(replicated(entry, concurrency, {path: [value] for path, value in values.items()}))


def cells(text: str, start: str) -> list[str]:
    row = next(line for line in text.splitlines() if line.startswith(f"| {start} "))
    return [part.strip() for part in row.strip("|").split("|")]


def test_a_row_has_grade_score_and_each_metric_with_its_points() -> None:
    """The fallback says that it is the largest."""
    text = scorecard_text(found(one()), RULES)
    assert text.splitlines()[0] == "Scorecard of the kit, single user (contract kit-1 1.0.0)"
    assert cells(text, "entry") == [
        "entry", "users", "grade", "score", "decode tok/s (35%)", "TTFT p50 ms (25%)", "TTFT p99 ms (20%)",
        "error rate (20%)",
    ]  # fmt: skip
    assert cells(text, "a") == ["a", "1", "B", "75.0", "105.0 (75)", "100.0 (75)", "max 200.0 (75)", "0.010 (75)"]
    assert text.endswith("Graded by thresholds of the class gpu-laptop-2gb.")


def test_one_user_and_many_have_tables_of_their_own() -> None:
    """Their metrics and weights differ."""
    both = study(*one().subjects, *one(concurrency=4).subjects)
    text = scorecard_text(found(both), RULES)
    assert text.index("single user (contract kit-1") < text.index("several users (contract kit-1")
    assert "throughput tok/s (45%)" in text


def test_the_best_stands_first_and_what_has_no_grade_last() -> None:
    """Within a study and concurrency."""
    doubted = subject("c", 1, replace(trial(1), values=FIGURES, suspect=("send lag",)))
    rivals = (
        *one("b", decode_tok_s=60.0).subjects,
        *one("a").subjects,
        doubted,
        subject("d", 1, trial(1, "missing")),
    )
    lines = scorecard_text(found(study(*rivals)), RULES).splitlines()
    assert [line[2] for line in lines if line.startswith("| ")][1:] == ["a", "b", "c", "d"]
    text = "\n".join(lines)
    assert cells(text, "c")[2:4] == ["withheld", "–"]  # noqa: RUF001
    assert cells(text, "d")[2:5] == ["–", "–", "–"]  # noqa: RUF001
    assert "- c at 1: grade withheld, SUSPECT: send lag" in text
    assert "- d at 1: not measured: no grade" in text


def test_the_same_note_of_several_cards_is_one_line() -> None:
    """And many names are counted."""
    many = study(*(subject(f"e{place}", 1, trial(1, "missing")) for place in range(9)))
    text = scorecard_text(found(many), RULES)
    assert "- e0 at 1, e1 at 1, e2 at 1, e3 at 1, e4 at 1, e5 at 1, 3 more: not measured" in text


def test_several_runs_are_named_and_imported_ones_marked() -> None:
    """Nobody can verify what was imported."""
    theirs = replace(one("b"), name="theirs", origin="imported")
    text = scorecard_text(found(one(decode_tok_s=1.0), theirs), RULES)
    assert cells(text, "yoga")[:2] == ["yoga", "a"]
    assert "theirs: imported: these figures cannot be verified." in text


HOSTILE = "x|y\n# z \x1b[31m<b>"


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_hostile_words_cannot_break_out(form: str) -> None:
    """Reasons, titles and names of studies come from files."""
    dead = replace(trial(1, "failed"), reason=HOSTILE)
    rules = replace(RULES, title=HOSTILE)
    mine = replace(study(subject("a", 1, dead)), name=HOSTILE)
    text = scorecard_text(scorecard([mine, one("b")], rules), rules, "markdown" if form == "markdown" else "table")
    assert "\x1b" not in text
    assert "\n# z" not in text
    assert form == "table" or "<b>" not in text
    for row in (line for line in text.splitlines() if line.startswith("|") and form == "markdown"):
        assert row.replace("\\|", "").count("|") == 10


def test_the_example_prints_as_markdown() -> None:
    """A heading and a grade in bold; a long note stays one line, whole and escaped."""
    text = scorecard_text(SCORECARD, CONTRACT, "markdown")
    assert text.startswith("## What matters to me, several users (contract mine 1.0.0)")
    assert cells(text, "llamacpp")[2:6] == ["**B**", "69.0", "60.5 (88)", "– (0)"]  # noqa: RUF001
    assert "- llamacpp at 4: no data\\: TTFT p99 ms counts 0" in text
    note = replace(SCORECARD.cards[0].notes[0], text="word " * 50)
    long = replace(SCORECARD, cards=(replace(SCORECARD.cards[0], notes=(note,)),))
    assert "word " * 49 + "word" in scorecard_text(long, CONTRACT, "markdown")
    assert scorecard_text(replace(SCORECARD, cards=()), CONTRACT) == "Nothing to score."


def test_an_extra_card_has_its_thresholds_below() -> None:
    """And a column for parts only where there are some."""
    text = extra_text(extra_cards([one()], RULES, "cold-start"))
    assert cells(text, "a") == ["a", "1", "–", "–", "–", "no start-up time"]  # noqa: RUF001
    assert text.endswith("Excellent at most 500, good at most 3000.")
    row = ExtraRow(HOSTILE, HOSTILE, None, "long", 1.0, 75.0, "B", HOSTILE)
    cards = ExtraCards("output-length", "T", "t", 1, SCORECARD.contract, (row, replace(row, study="b")))
    assert "<b>" not in extra_text(cards, "markdown")
    two = replace(
        cards, rows=(replace(row, study="a", entry="one", note="n"), replace(row, study="b", entry="two"))
    )
    assert cells(extra_text(two), "a") == ["a", "one", "–", "long", "1.0", "75", "B", "n"]  # noqa: RUF001


def test_the_gate_says_who_fails_and_why() -> None:
    """Doubts first, then the metrics that cost most."""
    doubted = subject("c", 1, replace(trial(1), values=FIGURES, suspect=("send lag",)))
    cards = found(study(*one("a").subjects, *one("b", decode_tok_s=10.5).subjects, doubted))
    failed = failures(cards, RULES, "B")
    assert [(each.entry, each.grade) for each in failed] == [("b", "C"), ("c", None)]
    text = gate_text(failed, "B", 3, cards.contract)
    assert text.splitlines()[0] == "Failed: 2 of 3 cards below B by the contract kit-1 1.0.0:"
    assert "- yoga: b at 1: C (51.4): decode costs 32.4 points; ttft-p50 costs 6.2 points" in text
    assert "- yoga: c at 1: no grade: grade withheld" in text
    assert gate_text((), "B", 1, cards.contract) == "Passed: 1 card of at least B by the contract kit-1 1.0.0."
    hostile = Failure(HOSTILE, HOSTILE, 1, None, None, (HOSTILE,))
    assert len(gate_text([hostile], "B", 1, cards.contract).splitlines()) == 3


def test_grades_are_known_in_either_case() -> None:
    """As the contract writes them."""
    assert known_grade(RULES, "a-") == "A-"
