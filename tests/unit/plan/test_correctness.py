"""The correctness suite, and the judging of its answers."""

from __future__ import annotations

import warnings
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.assets import asset
from kit.errors import InputError
from kit.plan import correctness
from kit.plan.correctness import Check, judge, load_suite, parse_suite
from tests.support.correctness_answers import GOOD, WRONG

WHERE = "prompts/some.yaml"
SUITE = asset("prompts", "correctness.yaml").read_bytes()
TESTS = {f"{level.name}/{test.name}": test for level in parse_suite(SUITE, WHERE) for test in level.tests}
PAIRS = [(one, other) for one in TESTS for other in TESTS if one != other]
REFUSALS = ("", " \n\t", "I cannot help with that.", "Sorry, as an AI language model I am not able to do this.")
SMALL = b"""schema: kit/correctness/1
name: some
title: Some
levels:
  - name: one
    title: One
    tests:
      - name: first
        kind: arithmetic
        prompt: What is 1 + 1?
        max_tokens: 8
        checks:
          - kind: pattern
            value: '\\b2\\b'
"""


def a_test(kind: correctness.CheckKind, value: str) -> correctness.Test:
    return correctness.Test("t", "k", "p", 8, (Check(kind, value),))


# --- the suite that comes with the kit ------------------------------------------------------------------


def test_every_test_has_hand_written_answers() -> None:
    """A new test needs a good answer and wrong ones before it may gate anything."""
    assert set(GOOD) == set(TESTS) == set(WRONG)
    assert all(len(answers) >= 2 for answers in WRONG.values())


@pytest.mark.parametrize("name", TESTS)
def test_a_right_answer_passes(name: str) -> None:
    """Otherwise the gate would refuse a sound server."""
    assert ["" for _ in GOOD[name]] == [judge(TESTS[name], answer) for answer in GOOD[name]]


@pytest.mark.parametrize("name", TESTS)
def test_a_wrong_answer_fails(name: str) -> None:
    """Near misses, each with one thing wrong."""
    assert [answer for answer in WRONG[name] if not judge(TESTS[name], answer)] == []


@pytest.mark.parametrize("name", TESTS)
def test_an_echo_silence_or_refusal_fails(name: str) -> None:
    """No check may be satisfied by the words of the question."""
    test = TESTS[name]
    echoes = (test.prompt, f"{test.system}\n{test.prompt}", f"```\n{test.prompt}\n```")

    assert [answer for answer in (*REFUSALS, *echoes) if not judge(test, answer)] == []


def test_the_right_answer_to_another_question_fails() -> None:
    """A server that mixes up its slots must not pass."""
    mixed = [(one, other) for one, other in PAIRS for text in GOOD[other] if not judge(TESTS[one], text)]

    assert mixed == []


def test_the_standard_level_has_the_six_kinds() -> None:
    """Those of the original project."""
    kinds = {"arithmetic", "python-function", "rust-program", "explanation", "json", "sql"}

    assert kinds == {test.kind for test in load_suite("correctness", "standard").tests}


def test_the_tiny_level_is_varied_and_short() -> None:
    """It gates every cell on two cores, so it may take some seconds only."""
    tests = load_suite("correctness", "tiny").tests

    assert len(tests) >= 5
    assert len({test.kind for test in tests}) >= 4
    assert max(test.max_tokens for test in tests) <= 48
    assert sum(test.max_tokens for test in tests) <= 200


def test_a_level_is_pinned_by_the_hash_of_the_file() -> None:
    """A change of any test changes it."""
    level = load_suite("correctness", "tiny")

    assert ("correctness", "tiny", sha256(SUITE).hexdigest()) == (level.suite, level.level, level.sha256)


@pytest.mark.parametrize(
    ("suite", "level", "said"),
    [
        ("correctness", "tinny", r"level of the suite correctness called 'tinny'.*'tiny'.*standard, tiny"),
        ("correctnes", "tiny", r"suite called 'correctnes'.*'correctness'"),
        ("short", "tiny", r"suite called 'short'"),
        ("../correctness", "tiny", r"suite called"),
    ],
)
def test_unknown_names_are_met_with_the_known_ones(suite: str, level: str, said: str) -> None:
    """Prompt sets and paths are no suites."""
    with pytest.raises(InputError, match=said):
        load_suite(suite, level)


# --- reading a file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"'\\b2\\b'", b"'(2'", r"line 14.*first.*not a regular expression"),
        (b"'\\b2\\b'", b"'2*'", r"line 14.*fits nothing as well"),
        (b"            value: '\\b2\\b'\n", b"", r"line 13.*fits nothing as well"),
        (b"kind: pattern", b"kind: absent", r"line 12.*only says what an answer must not have"),
        (
            b"kind: pattern\n            value: '\\b2\\b'",
            b"kind: python\n            value: a b",
            r"name of a func",
        ),
        (b"kind: pattern\n            value: '\\b2\\b'", b"kind: python", r"name of a function"),
        (b"kind: pattern\n            value: '\\b2\\b'", b"kind: json\n            value: a,,b", r"needs keys"),
        (
            b"kind: pattern\n            value: '\\b2\\b'",
            b"kind: contains\n            value: ' '",
            r"without a value",
        ),
        (b"kind: pattern", b"kind: exec", r"line 13"),
        (b"max_tokens: 8", b"max_tokens: 0", r"line 11"),
        (b"kit/correctness/1", b"kit/correctness/2", r"line 1"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(old: bytes, new: bytes, said: str) -> None:
    """A check that cannot fail is as wrong as one that cannot be read."""
    assert old in SMALL
    with pytest.raises(InputError, match=rf"(?s)prompts/some\.yaml.*{said}"):
        parse_suite(SMALL.replace(old, new), WHERE)


def test_two_tests_of_one_name_are_refused() -> None:
    """Their answers could not be told apart in correct.jsonl."""
    again = SMALL.split(b"    tests:\n")[1]

    with pytest.raises(InputError, match=r"line 15: a second 'first'"):
        parse_suite(SMALL + again, WHERE)


def test_two_levels_of_one_name_are_refused() -> None:
    """One of them would never be used."""
    again = SMALL.split(b"levels:\n")[1]

    with pytest.raises(InputError, match=r"line 15: a second 'one'"):
        parse_suite(SMALL + again, WHERE)


@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(SMALL)), st.binary(max_size=3)))
def test_any_bytes_are_a_suite_or_an_input_error(change: bytes | tuple[int, bytes]) -> None:
    """Nothing but InputError ever comes out of the reader."""
    data = change if isinstance(change, bytes) else SMALL[: change[0]] + change[1] + SMALL[change[0] :]
    try:
        levels = parse_suite(data, WHERE)
    except InputError:
        return

    assert all(level.tests for level in levels)


# --- judging --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "answer", "reason"),
    [
        ("contains", "fn main", "fn main() {}", ""),
        ("contains", "fn main", "Fn Main", "is not in the answer"),
        ("pattern", r"\b56\b", "It is 56.", ""),
        ("pattern", r"\b56\b", "It is 156.", "nothing in the answer matches"),
        ("absent", "sorry", "here you are", ""),
        ("absent", "sorry", "I am sorry", "is in the answer"),
        ("json", "a, b", '{"a": 0, "b": false}', ""),
        ("json", "a,b", 'Here:\n```json\n{"a": 1, "b": [2]}\n```\nand {"a": ""}', ""),
        ("json", "a", '{"a": 1}\n```\n\nis the object {a: 1}', ""),
        ("json", "a", 'Sure! {"a": 1} That is all.', ""),
        ("json", "a", '```json\n{"a": 1}', ""),
        ("json", "a,b", '{"a": 1, "b": ""}', "nothing under b"),
        ("json", "a,b", '{"a": null, "b": {}}', "nothing under a, b"),
        ("json", "a", '[{"a": 1}]', ""),
        ("json", "a", '[{"a": 1}, {"a": 2}]', "no JSON object"),
        ("json", "a", '[{"a": 1}, {"a": 2', "no JSON object"),
        ("json", "a", '{"b": {"a": 1}', "no JSON object"),
        ("json", "a", 'As asked [1], {as asked}:\n{"a": 1}', ""),
        ("json", "a", '{"a": 1', "no JSON object"),
        ("json", "a", "{'a': 1}", "no JSON object"),
        ("json", "a", '"a"', "no JSON object"),
        ("json", "a", "[" * 20_000, "no JSON object"),
        ("python", "f", "def f(x):\n    return x", ""),
        ("python", "f", "async def f(x):\n    return x", ""),
        ("python", "f", "First\n```\nx = 1\n```\nthen\n```python\ndef f():\n    pass\n```\n", ""),
        ("python", "f", "```python\ndef f():\n    return 1", ""),
        ("python", "f", "```python\r\ndef f():\r\n    return 1\r\n```", ""),
        ("python", "f", "def g():\n    def f(): pass", "defines f"),
        ("python", "f", "class A:\n    def f(self): pass", ""),
        ("python", "f", "class A:\n    class B:\n        def f(self): pass", "defines f"),
        ("python", "f", "def f(x) return x", "defines f"),
        ("python", "f", "f = lambda x: x", "defines f"),
        ("python", "f", "def f():\n    pass\0", "defines f"),
        ("python", "f", "(" * 20_000, "defines f"),
        ("python", "f", "-" * 20_000 + "1", "defines f"),
    ],
)
def test_a_check_decides(kind: correctness.CheckKind, value: str, answer: str, reason: str) -> None:
    """Each kind of check, with answers on both sides."""
    found = judge(a_test(kind, value), answer)

    assert reason in found
    assert bool(reason) == bool(found)


def test_an_answer_is_parsed_and_never_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Code in an answer is a stranger's code."""
    assert judge(a_test("python", "f"), "print('ran')\ndef f(x=print('ran')):\n    return 1") == ""
    assert capsys.readouterr().out == ""


def test_a_doubtful_escape_in_an_answer_warns_nobody() -> None:
    """The parser's warnings would land on the user's terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        passed = judge(a_test("python", "f"), 'def f():\n    return "\\d"')

    assert (passed, caught) == ("", [])


def test_the_first_failed_check_is_the_reason() -> None:
    """All checks must pass; one reason is enough."""
    test = correctness.Test(
        "t", "k", "p", 8, (Check("contains", "a"), Check("contains", "b"), Check("contains", "c"))
    )

    assert judge(test, "a") == "'b' is not in the answer"


def test_what_stands_beyond_the_limit_is_not_judged() -> None:
    """Parsers take more memory than their input, and no right answer is that long."""
    assert judge(a_test("contains", "yes"), " " * correctness.MAX_JUDGED_CHARS + "yes") != ""


@given(st.text())
def test_no_text_of_chance_passes_and_none_breaks_the_judge(answer: str) -> None:
    """A verdict for whatever a server says."""
    assert all(judge(test, answer) for test in TESTS.values())


# --- asking ---------------------------------------------------------------------------------------------


def test_the_body_of_a_test_is_greedy_and_not_streamed() -> None:
    """Every field of the request, and no other."""
    test = correctness.Test("t", "k", "Why?", 8, (Check("contains", "a"),), system="Be short.")
    expected = {
        "model": "m",
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"}],
        "max_tokens": 8,
        "temperature": 0,
        "seed": 1,
        "stream": False,
    }

    assert expected == correctness.test_body(test, "m", "chat")


def test_without_a_system_message_only_the_prompt_is_sent() -> None:
    """The chat template's own default is the model's business."""
    assert correctness.test_body(a_test("contains", "a"), "m", "chat")["messages"] == [
        {"role": "user", "content": "p"}
    ]
