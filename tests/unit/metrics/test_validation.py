"""Rules for texts: read strictly, judged from text and record alone, counted by reason."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Record, Window
from kit.errors import InputError
from kit.metrics.aggregate import cell_metrics
from kit.metrics.limits import MIN_SAME_CHARS
from kit.metrics.validation import (
    MAX_SEARCHED_CHARS,
    judge_all,
    judge_text,
    parse_rule,
)
from tests.support.records import MS, make_record

BASIC = parse_rule("basic")
LONG = "The same long answer. " * 20


def answered(id_: int, text: str, prompt: int = 0) -> Record:
    digest = sha256(text.encode()).hexdigest()
    return replace(make_record(id_), prompt=prompt, text_sha256=digest, text_chars=len(text))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "not a validation rule"),
        ("base", "not a validation rule"),
        ("basic:", "not a validation rule"),
        ("contains", "not a validation rule"),
        ("contians:x", "Did you mean 'contains'"),
        ("Regex:x", "Did you mean 'regex'"),
        ("contains:", "asks for nothing"),
        ("contains:  \t", "asks for nothing"),
        ("regex:", "asks for nothing"),
        ("regex:(", "not a regular expression"),
        ("regex:[[a]b", "not a regular expression"),
        ("regex:a{99999999999999999999}", "not a regular expression"),
        ("regex:" + "(" * 1000, "not a regular expression"),
        ("regex:a*", "matches the empty text"),
        ("regex:^", "matches the empty text"),
        ("regex:x|", "matches the empty text"),
        ("contains:" + "x" * 1001, "1001 characters"),
    ],
)
def test_a_rule_that_is_wrong_or_always_holds_is_refused(words: str, told: str) -> None:
    """Before anything starts, with the nearest known rule."""
    with pytest.raises(InputError) as raised:
        parse_rule(words)
    assert told in str(raised.value)


def test_a_pattern_that_python_only_warns_of_is_refused() -> None:
    """Whatever becomes of warnings outside: `[[a]` may mean another set one day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match="nested set"):
            parse_rule("regex:[[b]c")


@given(st.text(max_size=60))
def test_any_words_are_a_rule_or_an_input_error(words: str) -> None:
    """Nothing else is ever raised."""
    for kind in ("", "contains:", "regex:"):
        with suppress(InputError):
            assert parse_rule(kind + words).kind == (kind.rstrip(":") or "basic")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4", ""),
        ("11", ""),
        ("1000", ""),
        ("    return x", ""),
        ("", "empty"),
        (" \n\t\r", "blank"),
        ("\u200b\ufeff\u2060 \x00", "blank"),
        ("\u3164\u2800\u00a0", "blank"),
        ("!!!!!", "one_character"),
        ("GGGG GGGG\nGGGG", "one_character"),
        ("\u200ba\u200ba\u200baaa", "one_character"),
        ("!!!!", ""),
        ("ababab", ""),
    ],
)
def test_basic_knows_what_is_no_answer(text: str, reason: str) -> None:
    """Empty, invisible, or one character to the end; short numbers are answers."""
    assert judge_text(BASIC, make_record(), text) == reason


def test_basic_wants_a_finish_reason() -> None:
    """A stream that just stops has not ended."""
    assert judge_text(BASIC, replace(make_record(), finish_reason=None), "Yes.") == "no_finish_reason"
    assert judge_text(parse_rule("contains:Y"), replace(make_record(), finish_reason=None), "Yes.") == ""


@pytest.mark.parametrize(
    ("rule", "text", "reason"),
    [
        ("contains:def ", "x\ndef f():", ""),
        ("contains:def ", "Def f():", "not_contained"),
        ("contains:a:b", "a:b", ""),
        ("contains:.", "dot", "not_contained"),
        ("regex:^def", "def f", ""),
        ("regex:^def", "\ndef f", "no_match"),
        ("regex:(?i)yes|no", "well, NO", ""),
        ("regex:[0-9]+", "none", "no_match"),
        ("regex:[0-9]+", "", "no_match"),
    ],
)
def test_contains_is_letter_for_letter_and_regex_is_searched(rule: str, text: str, reason: str) -> None:
    """Case counts; a pattern may stand anywhere unless it is anchored."""
    assert judge_text(parse_rule(rule), make_record(), text) == reason


def test_a_pattern_sees_only_the_beginning_of_a_very_long_text() -> None:
    """A pattern takes more than linear time: what it reads has an end. contains reads everything."""
    text = "x" * MAX_SEARCHED_CHARS + "end"
    assert judge_text(parse_rule("regex:end"), make_record(), text) == "no_match"
    assert judge_text(parse_rule("regex:xx"), make_record(), text) == ""
    assert judge_text(parse_rule("contains:end"), make_record(), text) == ""


def test_one_long_text_for_two_prompts_fails_both() -> None:
    """Whichever came first."""
    records = [answered(0, LONG, 1), answered(1, LONG, 2), answered(2, LONG + "!", 3)]
    found = judge_all(BASIC, records, {0: LONG, 1: LONG, 2: LONG + "!"})
    assert (found.checked, found.passed, found.failed_by_reason, found.distinct) == (3, 1, {"same_answer": 2}, 2)


@pytest.mark.parametrize(
    ("text", "prompts", "rule"),
    [(LONG, (1, 1), "basic"), (LONG[: MIN_SAME_CHARS - 1], (1, 2), "basic"), (LONG, (1, 2), "contains:same")],
)
def test_equal_texts_may_be_honest(text: str, prompts: tuple[int, int], rule: str) -> None:
    """The same prompt at temperature 0, a short answer, or a rule that does not ask."""
    records = [answered(i, text, prompt) for i, prompt in enumerate(prompts)]
    found = judge_all(parse_rule(rule), records, dict.fromkeys((0, 1), text))
    assert (found.passed, found.failed_by_reason, found.distinct) == (2, {}, 1)


def test_a_record_without_a_text_fails() -> None:
    """What is missing never helps."""
    found = judge_all(BASIC, [answered(0, "a"), answered(1, "b")], {0: "a"})
    assert (found.passed, found.failed_by_reason) == (1, {"no_text": 1})


def test_a_cell_judges_the_ok_requests_sent_in_its_window() -> None:
    """Not the warm-up, not what failed."""
    records = [
        answered(0, ""),
        replace(answered(1, ""), sent_ns=100 * MS),
        replace(answered(2, "yes"), sent_ns=110 * MS),
        make_record(3, sent_ms=120, outcome="failed", error="empty", chunks_ms=()),
    ]
    texts = {0: "", 1: "", 2: "yes", 3: ""}
    window = Window(100 * MS, 200 * MS)
    found = cell_metrics(records, window, open_loop=False, validate="basic", texts=texts).validation
    assert found is not None
    assert (found.checked, found.passed, found.failed_by_reason) == (2, 1, {"empty": 1})


@given(st.lists(st.sampled_from(["", " ", "yes", "aaaaaa", LONG]), max_size=12))
def test_every_text_either_passes_or_has_one_reason(texts: list[str]) -> None:
    """The counts add up, in any order of the records."""
    records = [answered(i, text, prompt=i % 3) for i, text in enumerate(texts)]
    found = judge_all(BASIC, records, dict(enumerate(texts)))
    assert found.passed + sum(found.failed_by_reason.values()) == found.checked == len(texts)
    assert found == judge_all(BASIC, records[::-1], dict(enumerate(texts)))
