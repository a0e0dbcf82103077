"""A program: the test of a model's program, in a process of the kit's. It asks for each call, and gets values.

It is started from its source. What it runs is trusted, what it is answered is not; as it needs nothing but its two
pipes, it gives up all else before (`kit.sandbox.confining`).
"""

from __future__ import annotations

import builtins
import json
import os
import random
import traceback
from typing import BinaryIO, NoReturn

from kit.sandbox.confining import confine, refuse_calls
from kit.sandbox.values import decoded, encoded

TEST, PRELUDE = "<test>", "<prelude>"


class NoValueError(BaseException):
    """What came back is no answer. No test may catch this."""


class RaisedError(Exception):
    """The program raised an exception that only it knows."""


class LeftError(BaseException):
    """The program raised what is not meant to be caught, such as `SystemExit`."""


class Candidate:
    """The model's function, as the test calls it: another process has it."""

    def __init__(self, questions: BinaryIO, answers: BinaryIO) -> None:
        self._questions, self._answers = questions, answers

    def __call__(self, *arguments: object, **named: object) -> object:
        self._questions.write(b"?" + encoded([arguments, named]))
        self._questions.flush()
        return self.answer()

    def answer(self) -> object:
        """What comes back next: the first time whether there is such a function at all, then results of calls."""
        try:
            answer = decoded(self._answers.readline())
        except (ValueError, MemoryError) as error:
            raise NoValueError(str(error)) from None
        if not isinstance(answer, dict):
            raise NoValueError("no answer")
        if "value" not in answer:
            raise_again(answer.get("raised"), answer.get("words"))
        return answer["value"]


def raise_again(classes: object, words: object) -> NoReturn:
    """Raise what the program raised, or the nearest exception of Python's own."""
    names = [name for name in classes if isinstance(name, str)] if isinstance(classes, list) else []
    shown = str(words)[:300]
    if "Exception" not in names:
        raise LeftError(f"{names[0] if names else 'nothing'}: {shown}")
    for name in names[: names.index("Exception")]:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                error = kind(shown)
            except TypeError:  # one that is made of more than words
                break
            raise error
    raise RaisedError(f"{names[0]}: {shown}")


def main(memory_bytes: int) -> None:
    """Take the test of a program, say that it is ready, wait for the program, run the test, say how it went."""
    answers, questions = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    confine(memory_bytes)
    refuse_calls()
    asked = json.loads(answers.readline())
    random.seed(0)
    names: dict[str, object] = {"__name__": "test"}
    exec(compile(asked["prelude"], PRELUDE, "exec", dont_inherit=True), names)
    candidate = Candidate(questions, answers)
    names[asked["entry_point"]] = candidate
    exec(compile(asked["test"], TEST, "exec", dont_inherit=True), names)
    check = names["check"]
    questions.write(b"!{}\n")
    questions.flush()
    verdict = judged(check, candidate, asked["test"].splitlines())
    questions.write(b"!" + json.dumps(verdict).encode() + b"\n")
    questions.flush()


def judged(check: object, candidate: Candidate, lines: list[str]) -> dict[str, str]:
    """Whether the test came to its end, and what stopped it if it did not."""
    try:
        candidate.answer()
        check(candidate)  # type: ignore[operator]  # what a test defines
    except MemoryError:
        return {"status": "memory", "detail": "MemoryError"}
    except AssertionError as error:
        return {"status": "failed", "detail": f"AssertionError: {asserted(error, lines) or error}"}
    except NoValueError as error:
        return {"status": "failed", "detail": f"What it returned is no plain value: {error}"}
    except (RaisedError, LeftError) as error:
        return {"status": "failed", "detail": str(error)}
    except BaseException as error:
        return {"status": "failed", "detail": f"{type(error).__name__}: {error}"}
    return {"status": "passed", "detail": ""}


def asserted(error: BaseException, lines: list[str]) -> str:
    """The line of the test that failed."""
    numbers = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == TEST]
    number = numbers[-1] if numbers else None
    return lines[number - 1].strip() if number and number <= len(lines) else ""
