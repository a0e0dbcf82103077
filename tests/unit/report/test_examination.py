"""What `kit test` tells of each verdict: in full the first time, once for each reason, and always harmless."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import AnswerCheck
from kit.plan import correctness
from kit.plan.correctness import Check
from kit.report.examination import LINE_CHARS, MAX_LINES, Account, examination, expectation, summary
from kit.strict import plain
from kit.strict.schema import problems

PRODUCT = correctness.Test(
    "product", "arithmetic", "7 * 8?\n\n    just the number", 8, (Check("pattern", r"\b56\b"),)
)
CODE = correctness.Test(
    "code", "python-function", "Write f.", 8, (Check("python", "f"), Check("contains", "return"))
)
RIGHT = AnswerCheck("single", "product", 0, True, "56", "")
WRONG = AnswerCheck("single", "product", 0, False, "54", r"nothing in the answer matches '\\b56\\b'")
REFUSED = AnswerCheck("single", "product", 0, False, "", "HTTP status 401: no such key")


def told(*verdicts: tuple[correctness.Test, AnswerCheck], quiet: bool = False) -> list[str]:
    account = Account(quiet=quiet)
    return [line for test, check in verdicts for line in account.lines(test, check)]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Check("contains", "fn main"), "the text fn main"),
        (Check("absent", "sorry"), "not the text sorry"),
        (Check("pattern", r"\b56\b"), r"a match of \b56\b"),
        (Check("json", "name,city"), "a JSON object with values under name,city"),
        (Check("python", "f"), "Python code that defines f"),
    ],
)
def test_an_expectation_is_told_in_words(check: Check, words: str) -> None:
    """Each kind of check."""
    assert expectation(check) == words


def test_a_verdict_comes_with_question_answer_and_expectation() -> None:
    """Also where it is right: whoever reads sees what was judged."""
    assert told((PRODUCT, RIGHT)) == [
        "right  single      product",
        "       question  7 * 8?",
        "",
        "                     just the number",
        "       answer    56",
        r"       expected  a match of \b56\b",
    ]


def test_a_wrong_answer_comes_with_its_reason() -> None:
    """On the line of the verdict."""
    first, *rest = told((CODE, replace(WRONG, test="code", answer="x = 1", reason="no block defines f")))
    assert first == "WRONG  single      code  no block defines f"
    assert rest[-2:] == ["       expected  Python code that defines f", "                 the text return"]


def test_a_system_message_belongs_to_the_question() -> None:
    """It is part of what was asked."""
    assert "       system    Be short." in told((replace(PRODUCT, system="Be short."), RIGHT))


def test_a_refusal_is_told_once_with_the_words_of_the_server() -> None:
    """Whatever was asked, and however many ask at once; no answer is no wrong answer."""
    again = replace(REFUSED, test="code")
    at_once = replace(REFUSED, round="concurrent", copy=3)
    assert told((PRODUCT, REFUSED), (CODE, again), (PRODUCT, at_once)) == [
        "NONE   single      product  HTTP status 401: no such key",
        "NONE   single      code  as product above",
        "NONE   concurrent  product  as product above",
    ]
    assert told((PRODUCT, REFUSED), (CODE, again), quiet=True) == [
        "NONE   single      product  HTTP status 401: no such key"
    ]


def test_many_at_once_take_a_line_each() -> None:
    """What is right needs no more; what is wrong in a new way is told in full."""
    right, wrong = replace(RIGHT, round="concurrent"), replace(WRONG, round="concurrent", copy=1)
    lines = told((PRODUCT, right), (PRODUCT, wrong), (PRODUCT, replace(wrong, copy=2)))
    assert lines[0] == "right  concurrent  product"
    assert lines[1].startswith("WRONG  concurrent  product  nothing in the answer")
    assert "       answer    54" in lines
    assert lines[-1] == "WRONG  concurrent  product  as product above"


def test_a_quiet_account_tells_only_what_is_wrong() -> None:
    """With question and answer, which whoever reads it needs."""
    assert told((PRODUCT, RIGHT), quiet=True) == []
    assert "       answer    54" in told((PRODUCT, RIGHT), (PRODUCT, WRONG), quiet=True)


@pytest.mark.parametrize(
    "evil", ["\x1b[2J", "\x9b31m", "\u202e", "\u200b", "\x07", "\x7f", "a\rb", "\ud800", "\u2028x"]
)
def test_what_a_server_says_is_harmless(evil: str) -> None:
    """In the answer and in the reason; line ends are the account's own."""
    check = replace(WRONG, answer=f"x{evil}y", reason=f"HTTP {evil}")
    for line in told((PRODUCT, check)):
        assert line.isprintable()


def test_a_long_answer_is_shown_in_part_and_fits() -> None:
    """Of four thousand characters or of a thousand lines a few are enough; --json has all."""
    for answer in ("word " * 800, "x" * 4000, "line\n" * 800):
        lines = told((PRODUCT, replace(WRONG, answer=answer)))
        assert len(lines) < MAX_LINES + 10
        assert any(line.strip().endswith("more lines)") for line in lines)
        assert max(map(len, lines)) <= LINE_CHARS + 17


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        ((RIGHT,), "1 of 1 answers right (model m)."),
        ((RIGHT, WRONG), "1 of 2 answers right (model m)."),
        ((WRONG, REFUSED), "0 of 2 answers right (model m). 1 question got no answer."),
        ((REFUSED, REFUSED), "0 of 2 answers right (model m). 2 questions got no answer."),
    ],
)
def test_the_summary_counts_right_wrong_and_missing(checks: tuple[AnswerCheck, ...], words: str) -> None:
    """In one line."""
    assert summary([(PRODUCT, check) for check in checks], "m") == words


def test_the_document_holds_everything_by_its_schema() -> None:
    """Questions, expectations and all fields of every verdict."""
    found = examination(
        "http://h", False, "m", "tiny", 2, [(PRODUCT, RIGHT), (PRODUCT, WRONG), (PRODUCT, REFUSED)]
    )
    document = plain(found)
    assert problems(document, "examination") == []
    assert (found.right, found.wrong) == (1, 2)
    assert [check.reason for check in found.checks] == ["", WRONG.reason, REFUSED.reason]
    assert found.checks[0].question == PRODUCT.prompt
    assert found.checks[0].expected == (r"a match of \b56\b",)
