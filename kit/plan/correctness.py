"""Correctness suites: prompts whose answers can be judged without a judge. Answers are parsed, never run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from kit.assets import asset
from kit.documents import NO_SUITE, NO_TESTS
from kit.documents.shape import Api
from kit.errors import InputError
from kit.plan import drafts
from kit.plan.blocks import defined_functions, json_objects
from kit.plan.prompts import SUITES
from kit.strict import Located, read_yaml, typed
from kit.strict.schema import check
from kit.text import hint, plain_text

CheckKind = Literal["contains", "pattern", "absent", "json", "python"]

SEED = 1  # temperature 0 needs none, but some servers draw one from the clock and print it
# So much of an answer is kept and judged, here and by `kit verify`: no right one is longer, and what reads it
# takes more than linear memory and time.
MAX_JUDGED_CHARS = 4000
MAX_SHOWN_CHARS = 80
MAX_REASON_CHARS = 300  # so much of a reason is kept: 200 characters of a server's own words, and ours around them


@dataclass(frozen=True, slots=True)
class Check:
    """One condition on an answer; `value` is a text, an expression, keys with commas or the name of a function."""

    kind: CheckKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """One prompt and the checks that its answer must pass, all of them."""

    name: str
    kind: str
    prompt: str
    max_tokens: int
    checks: tuple[Check, ...]
    system: str | None = None


@dataclass(frozen=True, slots=True)
class LevelTests:
    """The tests for models of one class of size."""

    name: str
    title: str
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class SuiteLevel:
    """One level of a suite; `sha256` is that of the bytes of the whole file, hexadecimal."""

    suite: str
    level: str
    tests: tuple[Test, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class _Document:
    schema: Literal["kit/correctness/1"]
    name: str
    title: str
    levels: tuple[LevelTests, ...]


# --- reading --------------------------------------------------------------------------------------------


def load_suite(name: str, level: str) -> SuiteLevel:
    """A level of a suite; `InputError` naming what there is if one of them is unknown or the file is wrong.

    The level "none" of the suite "none" has no tests: no answer is judged before a load.
    """
    if name == level == NO_SUITE:
        return SuiteLevel(name, level, (), NO_TESTS.sha256)
    if name not in SUITES:
        raise _unknown("correctness suite", name, sorted(SUITES))
    data = asset("prompts", f"{name}.yaml").read_bytes()
    levels = {each.name: each for each in parse_suite(data, f"prompts/{name}.yaml")}
    if level not in levels:
        raise _unknown(f"level of the suite {name}", level, list(levels))
    return SuiteLevel(name, level, levels[level].tests, sha256(data).hexdigest())


def parse_suite(data: bytes, where: str) -> tuple[LevelTests, ...]:
    """The levels in the bytes of a suite's YAML file; `InputError` with file and line if it is not one."""
    located = read_yaml(data, where)
    check(located.value, "correctness", where, located.line)
    levels = typed(_Document, located.value, where).levels
    _distinct([level.name for level in levels], ("levels",), where, located)
    for index, level in enumerate(levels):
        place = ("levels", index, "tests")
        _distinct([test.name for test in level.tests], place, where, located)
        for number, test in enumerate(level.tests):
            _check_test(test, (*place, number, "checks"), where, located)
    return levels


def _distinct(names: list[str], place: tuple[str | int, ...], where: str, located: Located) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            line = located.line((*place, index, "name"))
            raise InputError(f"{where}, line {line}: a second {name!r}.", "Names must be distinct: rename one.")


def _check_test(test: Test, place: tuple[str | int, ...], where: str, located: Located) -> None:
    if all(each.kind == "absent" for each in test.checks):
        raise InputError(
            f"{where}, line {located.line(place)}: {test.name} only says what an answer must not have.",
            "Almost any answer would pass; add a check of another kind.",
        )
    for index, each in enumerate(test.checks):
        problem = _VALUES[each.kind](each.value)
        if problem:
            line = located.line((*place, index, "value"))
            raise InputError(f"{where}, line {line}: {test.name}: {problem}.", "Correct the value of this check.")


def _unknown(what: str, word: str, known: list[str]) -> InputError:
    remedy = hint(word, known, also=f"Available: {', '.join(known)}.")
    return InputError(f"There is no {what} called {plain_text(word)!r}.", remedy)


# --- what a check's value must be: "" or what is wrong with it ------------------------------------------


def _bad_text(value: str) -> str:
    return "" if value.strip() else "a check without a value"


def _bad_pattern(value: str) -> str:
    try:
        expression = re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        return f"{plain_text(value)!r} is not a regular expression ({error})"
    return "an expression that fits nothing as well" if expression.search("") else ""


def _bad_keys(value: str) -> str:
    return "" if all(_keys(value)) else "json needs keys, with commas between them"


def _bad_function(value: str) -> str:
    return "" if value.isidentifier() else f"{plain_text(value)!r} cannot be the name of a function"


# --- judging --------------------------------------------------------------------------------------------


def test_body(test: Test, model: str, api: Api) -> dict[str, object]:
    """The completion request of one test: not streamed, at temperature 0. A raw prompt has no system message."""
    system = [{"role": "system", "content": test.system}] if test.system else []
    chat = {"messages": [*system, {"role": "user", "content": test.prompt}]}
    return {
        "model": model,
        **(chat if api == "chat" else {"prompt": test.prompt}),
        "max_tokens": test.max_tokens,
        "temperature": 0,
        "seed": SEED,
        "stream": False,
    }


def turns(tests: Sequence[Test], requests: int) -> list[tuple[Test, int]]:
    """Which test each of so many requests asks, going round them, and which copy of it that is."""
    return [(tests[at % len(tests)], at // len(tests)) for at in range(requests)]


def kept(answer_text: str) -> str:
    """What of an answer is kept, which is what is judged: where it is too long, its draft goes first."""
    return drafts.kept(answer_text, MAX_JUDGED_CHARS)


def judge(test: Test, answer_text: str) -> str:
    """Empty when the answer passes every check of the test, otherwise the first reason why it does not.

    Of a model that thinks first, what follows its draft is judged.
    """
    text = kept(answer_text)
    answer = drafts.spoken(text)
    if answer is None:
        return "no answer yet: the draft of the model has no end"
    if not answer.strip():
        return "no answer after the draft of the model" if text.strip() else "the answer is empty"
    reasons = (_CHECKS[each.kind](answer, each.value) for each in test.checks)
    return next((reason for reason in reasons if reason), "")


def _contains(answer: str, value: str) -> str:
    return "" if value in answer else f"{_shown(value)} is not in the answer"


def _pattern(answer: str, value: str) -> str:
    return "" if re.search(value, answer) else f"nothing in the answer matches {_shown(value)}"


def _absent(answer: str, value: str) -> str:
    return f"{_shown(value)} is in the answer" if value in answer else ""


def _json(answer: str, value: str) -> str:
    objects = list(json_objects(answer))
    lacks = [[key for key in _keys(value) if each.get(key) in (None, "", [], {})] for each in objects]
    if not objects:
        return "no JSON object in the answer"
    return f"the JSON has nothing under {', '.join(lacks[0])}" if all(lacks) else ""


def _python(answer: str, value: str) -> str:
    found = value in defined_functions(answer)
    return "" if found else f"no block of the answer is Python that defines {value}"


_VALUES: dict[CheckKind, Callable[[str], str]] = {
    "contains": _bad_text,
    "pattern": _bad_pattern,
    "absent": _bad_text,
    "json": _bad_keys,
    "python": _bad_function,
}
_CHECKS: dict[CheckKind, Callable[[str, str], str]] = {
    "contains": _contains,
    "pattern": _pattern,
    "absent": _absent,
    "json": _json,
    "python": _python,
}


def _keys(value: str) -> list[str]:
    return [key.strip() for key in value.split(",")]


def _shown(value: str) -> str:
    return repr(plain_text(value, MAX_SHOWN_CHARS))
