"""What differs between the answers of a run's entries: counted from records, told only where it says something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.documents import AnswerCheck, Cell, CellPlan, Plan, Record
from kit.documents.differences import Differences, EntryAnswers
from kit.judge.differences import differences_in, differences_of
from kit.report.differences_text import difference_notes, differences_table, explanations
from kit.strict import plain
from kit.strict.schema import problems
from kit.verify.evidence import open_bundle
from tests.support.documents import CELL, LOAD
from tests.support.fakes import demo_plan
from tests.support.records import make_record

ROOT = Path(__file__).resolve().parents[3]
SHA = "ab" * 32
PLAN: Plan = demo_plan()
SERIAL, BATCHED = (entry.name for entry in PLAN.entries)
FIRST = [cell for cell in PLAN.cells if cell.concurrency == 1 and cell.replicate == 1]


def record(id_: int, **values: Any) -> Record:
    return replace(make_record(id_, tokens=4), **{"max_tokens": 4, "model": "m", **values})


def answer(test: str, words: str, round_: str = "single") -> AnswerCheck:
    return AnswerCheck("concurrent" if round_ == "concurrent" else "single", test, 0, True, words, "")


def measured(planned: CellPlan) -> Cell:
    load = replace(LOAD, lane=planned.lane, model="m", extra_body={"ignore_eos": True})
    return replace(CELL, id=planned.id, entry=planned.entry, concurrency=planned.concurrency, load=load)


def compared(
    serial: Sequence[Record], batched: Sequence[Record], checks: Sequence[Sequence[AnswerCheck]] = ((), ())
) -> Differences:
    """One cell of each of the two entries, in the same lane."""
    pairs = zip(FIRST, (serial, batched), checks, strict=True)
    return differences_of(PLAN, SHA, [(measured(cell), records, answers) for cell, records, answers in pairs])


def of(found: Differences, entry: str) -> EntryAnswers:
    return next(each for each in found.entries if each.entry == entry)


def test_prompt_tokens_are_compared_over_the_prompts_that_both_were_sent() -> None:
    """The slower one got fewer requests; the others say nothing about one and the same prompt."""
    found = compared(
        [record(0, prompt_tokens=41), record(1, prompt_tokens=43), record(2, prompt_tokens=900)],
        [record(0, prompt_tokens=16), record(1, prompt_tokens=18), record(3, prompt_tokens=1)],
    )
    assert found.shared_prompts == 2
    assert (of(found, SERIAL).prompt_tokens, of(found, BATCHED).prompt_tokens) == (42.0, 17.0)
    assert difference_notes(found) == [
        f"One prompt counts 42 tokens in {SERIAL}, 17 in {BATCHED}: chat templates or tokenizers differ. "
        "Throughput counts output tokens only."
    ]


@pytest.mark.parametrize(("other", "noted"), [(41, False), (43, False), (44, True)])
def test_a_token_or_two_are_no_difference(other: int, noted: bool) -> None:
    """A template may end in another line feed."""
    found = compared([record(0, prompt_tokens=41)], [record(0, prompt_tokens=other)])
    assert bool(difference_notes(found)) == noted


def test_failed_requests_and_cells_without_a_number_say_nothing() -> None:
    """Nor does a server that tells no usage; there is no figure then, and no note."""
    broken = replace(measured(FIRST[0]), status="failed")
    assert differences_of(PLAN, SHA, [(broken, [record(0)], ())]).entries == ()
    found = compared(
        [record(0, prompt_tokens=None, completion_tokens=None, token_source=None, model=None)],
        [record(0, prompt_tokens=41), record(1, outcome="failed", prompt_tokens=1)],
    )
    silent = of(found, SERIAL)
    assert (silent.requests, silent.prompt_tokens, silent.ended_early, silent.counted_by) == (1, None, None, ())
    assert (of(found, BATCHED).requests, of(found, BATCHED).prompt_tokens) == (1, 41.0)
    assert difference_notes(found) == []
    assert " none |" in differences_table(found)


def test_answers_that_end_before_their_limit_are_told_with_how_many() -> None:
    """Half of them, at half of the length."""
    early = [record(0, completion_tokens=2), record(1, completion_tokens=2), record(2), record(3)]
    found = compared([record(0)], early)
    assert (of(found, SERIAL).ended_early, of(found, BATCHED).ended_early) == (0.0, 0.5)
    assert of(found, BATCHED).length_of_limit == 0.75
    (note,) = difference_notes(found)
    assert note.startswith(f"Answers that ended before their limit: 0 % in {SERIAL}, 50 % in {BATCHED}.")


def test_identical_answers_are_counted_question_by_question_and_prompt_by_prompt() -> None:
    """Only questions asked alone: together with others an engine may round otherwise."""
    mine = [answer("sum", "4"), answer("city", "Paris"), answer("sum", "5", "concurrent")]
    theirs = [
        answer("sum", "4"),
        answer("city", "paris"),
        answer("week", "Monday"),
        answer("sum", "4", "concurrent"),
    ]
    other = record(1, text_sha256="cd" * 32)
    found = compared([record(0), record(1)], [record(0), other], (mine, theirs))
    (pair,) = found.pairs
    assert (pair.questions, pair.same_answers, pair.prompts, pair.same_texts) == (2, 1, 2, 1)
    assert difference_notes(found) == []  # half are the same: other kernels may well round otherwise


def test_other_answers_of_the_same_weights_are_noted() -> None:
    """At temperature 0 most of them should be the same."""
    mine, theirs = [answer("sum", "4"), answer("city", "Paris")], [answer("sum", "5"), answer("city", "Rome")]
    found = compared([record(0)], [record(0)], (mine, theirs))
    assert difference_notes(found) == [
        f"With the same weights {SERIAL} and {BATCHED} gave the same answer to 0 of 2 correctness questions, "
        "at temperature 0."
    ]
    one, two = found.entries
    assert difference_notes(replace(found, entries=(one, replace(two, model_sha256="0" * 64)))) == []


def test_an_entry_that_repeats_itself_is_told_from_one_that_does_not() -> None:
    """The same question in two cells."""
    cells = [cell for cell in PLAN.cells if cell.entry == SERIAL][:3]
    words = ("4", "4", "5")
    given = [(measured(cell), [record(0)], [answer("sum", text)]) for cell, text in zip(cells, words, strict=True)]
    assert of(differences_of(PLAN, SHA, given), SERIAL).repeated == 0.5
    assert of(differences_of(PLAN, SHA, given[:1]), SERIAL).repeated is None


def test_who_counted_which_message_and_which_model_are_told() -> None:
    """Only what differs is a note; the table has all."""
    cells = [measured(cell) for cell in FIRST]
    assert cells[1].load is not None
    cells[1] = replace(cells[1], load=replace(cells[1].load, chat="user", extra_body={}))
    records = [[record(0)], [record(0, token_source="chunks", model="other")]]
    found = differences_of(PLAN, SHA, [(cell, lines, ()) for cell, lines in zip(cells, records, strict=True)])
    assert difference_notes(found) == [
        f"Output tokens were counted by usage in {SERIAL}, by chunks in {BATCHED}.",
        f"{BATCHED} reads only the last message: salt and prompt were sent as one.",
    ]
    table = differences_table(found)
    assert "other instead of m" in table
    assert (of(found, SERIAL).ignore_eos, of(found, BATCHED).ignore_eos) == (True, False)


def test_a_hostile_model_name_stays_in_its_cell() -> None:
    """It comes from a server."""
    found = compared([record(0, model="a|b\n<script>")], [record(0)])
    line = next(line for line in differences_table(found).splitlines() if line.startswith(f"| {SERIAL} "))
    assert "<script>" not in line
    assert "\\|" in line


def test_cells_are_looked_at_one_after_the_other() -> None:
    """A run may have more records than fit into the memory."""
    alive: list[str] = []

    def lines(name: str) -> Iterator[Record]:
        alive.append(name)
        yield record(0)

    found = differences_of(PLAN, SHA, ((measured(cell), lines(cell.id), ()) for cell in FIRST))
    assert alive == [cell.id for cell in FIRST]
    assert found.shared_prompts == 1


def test_the_engines_of_the_published_run_count_the_same_prompt_alike() -> None:
    """The real bundle: two engines, 190 prompts that both answered, the same correctness answers."""
    evidence = open_bundle((ROOT / "results" / "smol-2cpu.tar.gz").read_bytes())
    assert evidence.plan is not None
    found = differences_in(evidence.plan, evidence)
    assert problems(plain(found), "differences") == []
    assert found.shared_prompts == 190
    assert [each.prompt_tokens for each in found.entries] == [67.0, 67.0]
    (pair,) = found.pairs
    assert (pair.questions, pair.same_answers, pair.prompts, pair.same_texts) == (63, 63, 190, 67)
    assert difference_notes(found) == []
    assert "190 salted prompts" in explanations(found)[0]
