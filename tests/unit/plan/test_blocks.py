"""Code and JSON are found wherever CommonMark lets them stand, and where small models put them."""

from __future__ import annotations

import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.plan.blocks import code_blocks, defined_functions, json_objects

CODE = "def f(n):\n    if n < 2:\n        return n\n\n    return f(n - 1) + f(n - 2)\n"
JSON = '{"a": 1}'


def indented(text: str, columns: int) -> str:
    return textwrap.indent(text, " " * columns)


def fenced(code: str, fence: str = "```", info: str = "python") -> str:
    return f"{fence}{info}\n{code}{fence}\n"


# Forms in which right code comes; each was seen in answers of models or stands in the specification of CommonMark.
FORMS = {
    "no fence": CODE,
    "a fence": fenced(CODE),
    "a fence without a language": fenced(CODE, info=""),
    "words around it": f"Here it is:\n\n{fenced(CODE)}\nIt is recursive.",
    "no blank line before it": f"Here it is:\n{fenced(CODE)}",
    "words on the line of the fence": f"Here it is: {fenced(CODE)}",
    "four backticks": fenced(CODE, "````"),
    "tildes": fenced(CODE, "~~~"),
    "many tildes": fenced(CODE, "~~~~~~~"),
    "a fence with a fence in it": fenced(f'TEXT = """\n```\n"""\n{CODE}', "````"),
    "tildes around backticks": fenced(f'TEXT = """\n```\n"""\n{CODE}', "~~~"),
    "an info string": fenced(CODE, info='python title="fib.py" {1,3}'),
    "a space before the info string": fenced(CODE, info="   python"),
    "a closing fence that is longer": f"```python\n{CODE}``````\n",
    "a fence indented by three": indented(fenced(CODE), 3),
    "a fence indented by four": indented(fenced(CODE), 4),
    "an indented block": f"Here it is:\n\n{indented(CODE, 4)}",
    "in a list item": f"1. Here:\n\n{indented(fenced(CODE), 3)}",
    "in the tenth item": f"10. Here:\n\n{indented(fenced(CODE), 4)}",
    "under a bullet": f"- Code:\n{indented(fenced(CODE), 2)}",
    "right behind the bullet": "* " + indented(fenced(CODE), 2).lstrip(),
    "under a bullet under a bullet": f"- One\n  - Two:\n\n{indented(fenced(CODE), 4)}",
    "tildes in a list item": f"1) Here:\n\n{indented(fenced(CODE, '~~~'), 3)}",
    "in a quote": "".join(f"> {line}\n" for line in fenced(CODE).splitlines()),
    "in a folding part": f"<details>\n{fenced(CODE)}</details>",
    "never closed": f"```python\n{CODE}",
    "never closed in a list item": f"1. Here:\n\n{indented(f'```python{chr(10)}{CODE}', 3)}",
    "the second of two blocks": f"Run\n```sh\npip install it\n```\nthen\n{fenced(CODE)}",
    "CRLF": fenced(CODE).replace("\n", "\r\n"),
    "CRLF in a list item": f"1. Here:\n\n{indented(fenced(CODE), 3)}".replace("\n", "\r\n"),
    "a tab before the fence of a list item": f"-\tHere:\n\n\t```python\n{textwrap.indent(CODE, chr(9))}\t```",
    "a method of a class": fenced(f"class Solution:\n{indented(CODE.replace('(n)', '(self, n)', 1), 4)}"),
    "an async function": fenced(CODE.replace("def", "async def", 1)),
}

# What stands in no block, or is no Python that defines it.
NO_CODE = {
    "words": "You can write f(n) as the sum of f(n - 1) and f(n - 2).",
    "another name": fenced(CODE.replace("f(", "g(")),
    "a colon too little": fenced(CODE.replace("f(n):", "f(n)", 1)),
    "inside another function": fenced(f"def g():\n{indented(CODE, 4)}"),
    "a span in a sentence": "Use `def f(n): return n` for that.",
    "another language": fenced("fn f(n: u32) -> u32 { n }\n", info="rust"),
    "nothing": "",
}


@pytest.mark.parametrize("form", FORMS)
def test_code_is_found(form: str) -> None:
    """In each form that Markdown allows or models use."""
    assert "f" in defined_functions(FORMS[form])


@pytest.mark.parametrize("form", NO_CODE)
def test_what_is_no_code_defines_nothing(form: str) -> None:
    """However it is looked at."""
    assert "f" not in defined_functions(NO_CODE[form])


@pytest.mark.parametrize(
    "answer",
    [
        JSON,
        fenced(JSON + "\n", info="json"),
        fenced(JSON + "\n", "~~~", "json"),
        f"1. As asked:\n\n{indented(fenced(JSON + chr(10)), 3)}",
        f"- As asked:\n{indented(fenced(JSON + chr(10)), 2)}",
        f"Here it is [as asked]:\n{JSON}",
        f"As asked [1]:\n{fenced(JSON + chr(10))}",
        f"Sure {{as asked}}: {JSON}",
        f"[{JSON}]",
        fenced("print(1)\n") + JSON,
        fenced('{"b": 2}\n') + fenced(JSON + "\n"),
        JSON.replace(" ", "\n\t"),
    ],
)
def test_json_is_found(answer: str) -> None:
    """Alone, among words, in any fence, and as the one item of a list."""
    assert {"a": 1} in list(json_objects(answer))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "a: 1",
        "{'a': 1}",
        '{"a": 1',
        '{"b": {"a": 1}',
        '"a"',
        "[1, 2]",
        '[{"a": 1}, {"a": 1}]',
        '[{"a": 1}, {',
        "[" * 4000,
    ],
)
def test_what_is_no_whole_json_is_none(answer: str) -> None:
    """What is whole inside something that is not is no answer."""
    assert list(json_objects(answer)) == []


@given(st.text(alphabet="`~> -*1.)\t\n {}[]\"'abc:", max_size=300))
def test_any_text_has_blocks_or_none(answer: str) -> None:
    """Nothing that a server says breaks the reader."""
    list(code_blocks(answer))
    list(json_objects(answer))
    list(defined_functions(answer))


@pytest.mark.parametrize(
    "part", ["> ", "- ", "1. ", "```\n", "~~~\n", "    x\n", "[", "{", '{"', "<a>\n", "\t", "`" * 7, "* \n"]
)
def test_an_evil_answer_costs_no_time(part: str) -> None:
    """As long as one may be, of the parts that readers of Markdown are slow at."""
    answer = (part * 4000)[:4000]
    began = time.process_time()
    list(json_objects(answer))
    list(defined_functions(answer))
    assert time.process_time() - began < 2
