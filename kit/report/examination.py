"""The examination of a server by `kit test`: question, answer and what was expected, told as they come. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kit import __version__
from kit.documents import AnswerCheck
from kit.plan.correctness import MAX_REASON_CHARS, Check, CheckKind, Test
from kit.text import plain_text

LINE_CHARS = 92  # with what stands before them, lines fit a terminal of 110 columns
MAX_LINES = 12  # of one part; --json has all of it
MAX_VALUE_CHARS = 200
_INDENT = " " * 7
_EXPECTED: Mapping[CheckKind, str] = {
    "contains": "the text {}",
    "absent": "not the text {}",
    "pattern": "a match of {}",
    "json": "a JSON object with values under {}",
    "python": "Python code that defines {}",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One question, its answer, what was expected, and the verdict. Without an answer, `reason` says why."""

    round: Literal["single", "concurrent"]
    test: str
    copy: int
    passed: bool
    answer: str
    reason: str
    question: str
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Examination:
    """All of it, as `kit test --json` prints it."""

    schema: Literal["kit/examination/1"]
    kit_version: str
    url: str
    insecure: bool
    model: str
    level: str
    concurrency: int
    right: int
    wrong: int
    checks: tuple[Judged, ...]


def examination(
    url: str,
    insecure: bool,
    model: str,
    level: str,
    concurrency: int,
    told: Sequence[tuple[Test, AnswerCheck]],
) -> Examination:
    """The document of these verdicts."""
    right = sum(check.passed for _, check in told)
    checks = tuple(
        Judged(
            check.round, check.test, check.copy, check.passed, check.answer, check.reason,
            test.prompt, tuple(map(expectation, test.checks)),
        )
        for test, check in told
    )  # fmt: skip
    return Examination(
        "kit/examination/1",
        __version__,
        url,
        insecure,
        model,
        level,
        concurrency,
        right,
        len(told) - right,
        checks,
    )


def expectation(check: Check) -> str:
    """One condition on an answer in words."""
    return _EXPECTED[check.kind].format(plain_text(check.value, MAX_VALUE_CHARS))


class Account:
    """Tells verdicts in the order of their coming: in full one by one, in one line at once, where many are alike.

    What is wrong is told in full the first time, and in one line again; a quiet account tells only the first.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._told: dict[tuple[str, str], str] = {}

    def lines(self, test: Test, check: AnswerCheck) -> list[str]:
        """What to print about one verdict; nothing where a quiet account has nothing to say."""
        line = f"{_mark(check)}  {check.round:<10}  {test.name}"
        if check.passed:
            if self._quiet:
                return []
            return [line] if check.round == "concurrent" else [line, *_parts(test, check)]
        # A refusal is the same whatever was asked; an answer is wrong for its question.
        kind = test.name if check.answer else "", check.reason
        if kind in self._told:
            return [] if self._quiet else [f"{line}  as {self._told[kind]} above"]
        self._told[kind] = test.name
        line = f"{line}  {plain_text(check.reason, MAX_REASON_CHARS)}"
        return [line, *_parts(test, check)] if check.answer else [line]


def summary(told: Sequence[tuple[Test, AnswerCheck]], model: str) -> str:
    """The last line: how many are right, and how many questions got no answer."""
    right = sum(check.passed for _, check in told)
    none = sum(not check.passed and not check.answer for _, check in told)
    missing = f" {none} {'question' if none == 1 else 'questions'} got no answer." if none else ""
    return f"{right} of {len(told)} answers right (model {plain_text(model)}).{missing}"


def _mark(check: AnswerCheck) -> str:
    """right, WRONG, or NONE where there is no answer; of one width."""
    return "right" if check.passed else "WRONG" if check.answer else "NONE "


def _parts(test: Test, check: AnswerCheck) -> Iterator[str]:
    if test.system:
        yield from _part("system", test.system)
    yield from _part("question", test.prompt)
    yield from _part("answer", check.answer)
    for number, each in enumerate(test.checks):
        yield from _part("" if number else "expected", expectation(each))


def _part(label: str, text: str) -> Iterator[str]:
    """A text under its label, in lines that fit, of which a few are shown."""
    lines = [part for line in text.splitlines() for part in _wrapped(line.expandtabs(4))]
    for number, line in enumerate(lines[:MAX_LINES]):
        yield f"{_INDENT}{'' if number else label:<10}{plain_text(line, LINE_CHARS)}".rstrip()
    if len(lines) > MAX_LINES:
        yield f"{_INDENT}{'':<10}({len(lines) - MAX_LINES} more lines)"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, LINE_CHARS, replace_whitespace=False) or [""]
