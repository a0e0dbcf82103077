"""Two answers to one question, and what all of a cell's say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.witness import OtherToken, WitnessAnswer, WitnessFacts, WitnessReference, WitnessToken
from kit.documents.witness import ReferenceQuestion as Question
from kit.metrics.witness.facts import Witnessed, witness_facts, witness_faults
from kit.metrics.witness.limits import MAX_DISTANCE_MILLINATS, NEAR_MILLINATS
from kit.metrics.witness.pairs import against_reference, compared

WORDS = ("The", " cat", " sat", " on", " a", " mat")


def answer(
    *words: str, others: dict[int, tuple[str, int]] | None = None, millinats: int = -100, **values: object
) -> WitnessAnswer:
    """An answer of these tokens; `others` says what was likely at a place, and by how much less."""
    tokens = tuple(
        WitnessToken(
            len(word.encode()),
            millinats,
            tuple(OtherToken(text, millinats - less) for text, less in [(others or {}).get(at, ("zzz", 5000))]),
        )
        for at, word in enumerate(words)
    )
    made = WitnessAnswer("again", 0, "".join(words), "length", 10**9, tokens)
    return replace(made, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "ended", "verdict"),
    [
        ("The cat sat on a mat", False, "same"),
        ("The cat sat on a mat and more", False, "same"),
        ("The cat sat", False, "same"),
        ("The cat sat", True, "differs"),
        ("The dog sat on a mat", False, "near"),
        ("The cow sat on a mat", False, "differs"),
        ("qxzv", False, "differs"),
        ("", True, "differs"),
    ],
)
def test_answers_are_the_same_as_far_as_both_go_or_part_at_a_near_tie_or_differ(
    other: str, ended: bool, verdict: str
) -> None:
    """ " dog" was nearly as likely as " cat", " cow" was not among the likely ones."""
    base = answer(*WORDS, others={1: (" dog", NEAR_MILLINATS)})
    assert compared(base, other, ended=ended) == verdict


def test_a_word_that_was_less_likely_than_a_near_tie_makes_a_difference() -> None:
    """One thousandth beyond the limit."""
    base = answer(*WORDS, others={1: (" dog", NEAR_MILLINATS + 1)})
    assert compared(base, "The dog sat", ended=False) == "differs"


def test_without_log_probabilities_every_other_word_is_a_difference() -> None:
    """Nobody can tell a near tie."""
    base = replace(answer(*WORDS), tokens=())
    assert compared(base, "The dog sat on a mat", ended=False) == "differs"
    assert compared(base, "The cat sat on a mat", ended=False) == "same"


def test_letters_of_several_bytes_are_compared_as_bytes() -> None:
    """A token may be a part of a letter."""
    base = answer("Gr", "ü", "ße", others={1: ("ö", 10)})
    assert compared(base, "Größe", ended=False) == "near"
    assert compared(base, "Grüße", ended=False) == "same"


def test_an_answer_that_should_have_ended_and_went_on_differs() -> None:
    """The one alone came to its end."""
    base = replace(answer(*WORDS), finish_reason="stop")
    assert compared(base, "The cat sat on a mat!", ended=False) == "differs"


LIMIT = MAX_DISTANCE_MILLINATS


@pytest.mark.parametrize(("more", "verdict"), [(LIMIT, "same"), (LIMIT + 1, "differs")])
def test_the_same_words_with_another_certainty_are_of_other_weights(more: int, verdict: str) -> None:
    """A lower quantisation may say the same, but is less sure of it."""
    reference = answer(*WORDS)
    assert against_reference(reference, answer(*WORDS, millinats=-100 - more)) == verdict


def test_no_answer_differs_from_any() -> None:
    """An error is none."""
    assert against_reference(answer(*WORDS), answer(error="HTTP 500")) == "differs"


# --- a cell -----------------------------------------------------------------------------------------------


def facts(load: dict[int, str], alone: dict[int, str], twice: dict[int, str], **values: object) -> WitnessFacts:
    answers = [WitnessAnswer("again", number, text, "length", 10**9) for number, text in alone.items()]
    answers += [WitnessAnswer("repeat", number, text, "length", 10**9) for number, text in twice.items()]
    found = witness_facts(Witnessed(answers, (), load))
    return replace(found, **values)  # type: ignore[arg-type]


TEXTS = {number: f"answer {number}" for number in range(16)}
GARBAGE = dict.fromkeys(range(16), "!!!!")


def test_the_same_answers_speak_against_nobody() -> None:
    found = facts(TEXTS, TEXTS, TEXTS)
    assert (found.asked, found.differ, found.repeat_differ) == (16, 0, 0)
    assert witness_faults(found, 8) == ()


def test_garbage_under_load_is_told_with_its_counts() -> None:
    (fault,) = witness_faults(facts(GARBAGE, TEXTS, TEXTS), 8)
    assert fault.startswith("answers at 8 users differ from those at 1: 16 of 16 (limit ")


def test_a_server_that_never_says_the_same_twice_is_not_accused_of_its_load() -> None:
    """What differs under load differs alone as well: McNemar's pairs do not part."""
    other = {number: f"another {number}" for number in range(16)}
    found = facts(GARBAGE, TEXTS, other)
    assert (found.differ, found.repeat_differ, found.discordant) == (16, 16, 0)
    assert witness_faults(found, 8) == ()


def test_a_few_answers_that_differ_are_within_what_honest_servers_do() -> None:
    few = {**TEXTS, 0: "other", 1: "other"}
    assert witness_faults(facts(few, TEXTS, TEXTS, margins=True), 8) == ()


def test_answers_that_do_not_change_with_their_question_come_from_a_cache() -> None:
    answers = [WitnessAnswer("again", number, text, "length", 10**9) for number, text in TEXTS.items()]
    answers += [WitnessAnswer("changed", number, TEXTS[number], "length", 10**9) for number in range(8)]
    found = witness_facts(Witnessed(answers, (), TEXTS))
    assert witness_faults(found, 1) == ("answers do not change with their question: 8 of 8",)


def test_answers_faster_than_any_model_come_from_a_store() -> None:
    long = dict.fromkeys(range(16), "word " * 30)
    answers = [WitnessAnswer("again", number, text, "length", 1_000_000) for number, text in long.items()]
    found = witness_facts(Witnessed(answers, (), long))
    assert witness_faults(found, 1) == ("answers come from a store: 16 of 16 faster than 0.2 ms a token",)


def test_answers_of_other_weights_are_told_with_the_name_of_the_reference() -> None:
    questions = tuple(Question("s", "u", answer(*WORDS)) for _ in range(16))
    reference = WitnessReference("kit/reference-answers/1", "smol", "0" * 64, "x", 24, questions)
    told = [replace(answer("Dogs", " bark"), round="reference", id=at) for at in range(16)]
    found = witness_facts(Witnessed(told, (), {}, reference))
    (fault,) = witness_faults(found, 1, "smol")
    assert fault.startswith("answers are not those of smol: 16 of 16 differ")
