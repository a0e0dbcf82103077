"""kit.evaluation.extraction: the right program out of whatever a model writes around it."""

from __future__ import annotations

import ast
import string
import textwrap
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents.quality.evaluation import Task
from kit.evaluation.extraction import program_in
from kit.evaluation.suites import suite_file, task_of

PROMPT = 'from typing import List\n\n\ndef half(x):\n    return x / 2\n\n\ndef area(a, b):\n    """The area."""\n'
TASK = Task("t/1", "area", PROMPT, "def check(candidate):\n    assert candidate(2, 3) == 6\n")
HEAD = "from typing import List\n\n\ndef half(x):\n    return x / 2"
WHOLE = "def area(a, b):\n    return a * b"
BODY = f"{PROMPT.rstrip()}\n    return a * b\n"


def program(*pieces: str) -> str:
    """What is made of the prompt's own and these pieces."""
    return "\n\n".join([HEAD, *pieces]) + "\n"


FENCED = f"```python\n{WHOLE}\n```"
CASES: list[tuple[str, str, str | None]] = [
    # --- fences
    ("fenced", FENCED, program(WHOLE)),
    ("with words around", f"Sure! Here it is:\n\n{FENCED}\n\nIt multiplies a and b.", program(WHOLE)),
    ("without a language", f"```\n{WHOLE}\n```", program(WHOLE)),
    ("Python with a capital", f"```Python\n{WHOLE}\n```", program(WHOLE)),
    ("tildes", f"~~~python\n{WHOLE}\n~~~", program(WHOLE)),
    ("four backticks", f"````py\n{WHOLE}\n````", program(WHOLE)),
    ("never closed", f"```python\n{WHOLE}", program(WHOLE)),
    ("closed behind the code", f"```python\n{WHOLE}```", program(WHOLE)),
    ("behind words on its line", f"The code: ```python\n{WHOLE}\n```", program(WHOLE)),
    ("in a list", f"1. So:\n   ```python\n{textwrap.indent(WHOLE, '   ')}\n   ```", program(WHOLE)),
    ("line ends of Windows", FENCED.replace("\n", "\r\n"), program(WHOLE)),
    # --- which block
    ("another language first", f"```bash\npip install x\n```\n{FENCED}", program(WHOLE)),
    ("the head alone first", f"```python\ndef area(a, b):\n    pass\n```\n{FENCED}", program(WHOLE)),
    ("the prompt repeated first", f"```python\n{PROMPT}```\n{FENCED}", program(WHOLE)),
    (
        "the first of two that solve it",
        f"{FENCED}\nOr shorter:\n```python\narea = lambda a, b: a * b\n```",
        program(WHOLE),
    ),
    (
        "a helper in a block of its own",
        "```python\ndef twice(x):\n    return 2 * x\n```\n"
        "```python\ndef area(a, b):\n    return twice(a) * b / 2\n```",
        program("def twice(x):\n    return 2 * x", "def area(a, b):\n    return twice(a) * b / 2"),
    ),
    (
        "not closed before the next",
        f"```python\nimport math\n```python\n{WHOLE}\n```",
        program("import math", WHOLE),
    ),
    ("words before, unfenced imports", f"import math\n\n{FENCED}", program("import math", WHOLE)),
    # --- what of a block
    (
        "without its examples",
        f"```python\n{WHOLE}\n\nprint(area(1, 2))\nassert area(2, 2) == 4\n```",
        program(WHOLE),
    ),
    ("without what is not used", f"```python\n{WHOLE}\n\nresult = area(1, 2)\n```", program(WHOLE)),
    (
        "with what it uses",
        "```python\nK = 1\nL = K\nM = 2\n\ndef area(a, b):\n    return a * b * L\n```",
        program("K = 1", "L = K", "def area(a, b):\n    return a * b * L"),
    ),
    (
        "without a main",
        f"```python\n{WHOLE}\n\nif __name__ == '__main__':\n    area(input(), 1)\n```",
        program(WHOLE),
    ),
    (
        "decorated",
        "```python\nfrom functools import cache\n\n@cache\ndef area(a, b):\n    return a * b\n```",
        program("from functools import cache", "@cache\ndef area(a, b):\n    return a * b"),
    ),
    (
        "a future first",
        f"```python\nfrom __future__ import annotations\n\n{WHOLE}\n```",
        "\n\n".join(["from __future__ import annotations", HEAD, WHOLE]) + "\n",
    ),
    (
        "an import that may fail",
        f"```python\ntry:\n    import x\nexcept ImportError:\n    x = None\n\n{WHOLE}\n```",
        program("try:\n    import x\nexcept ImportError:\n    x = None", WHOLE),
    ),
    ("a lambda", "```python\narea = lambda a, b: a * b\n```", program("area = lambda a, b: a * b")),
    (
        "its own helper, which counts",
        "```python\ndef half(x):\n    return x // 2\n\ndef area(a, b):\n    return half(2 * a * b)\n```",
        program("def half(x):\n    return x // 2", "def area(a, b):\n    return half(2 * a * b)"),
    ),
    (
        "strings and brackets over lines",
        '```python\ndef area(a, b):\n    x = """\ndef no():\n"""\n    return (a\n* b)\n```',
        program('def area(a, b):\n    x = """\ndef no():\n"""\n    return (a\n* b)'),
    ),
    # --- without a fence
    ("bare", WHOLE, program(WHOLE)),
    ("bare with words", f"Here's the function:\n\n{WHOLE}\n\nThis returns the area.", program(WHOLE)),
    ("bare behind a bracket that never closes", f"Note (see below.\n{WHOLE}", program(WHOLE)),
    ("indented as a block", textwrap.indent(WHOLE, "    "), program(WHOLE)),
    # --- a body only
    ("a fenced body", "```python\n    return a * b\n```", BODY),
    ("a bare body", "    return a * b", BODY),
    ("a bare body and words", "    return a * b\n\nThat is all.", BODY),
    ("a body without indentation", "```python\nreturn a * b\n```", BODY),
    ("a body and the next function", "    return a * b\n\n\ndef other():\n    return 1\n", BODY),
    (
        "a body whose first line lost its indentation",
        "x = a\n    y = b\n    return x * y",
        f"{PROMPT.rstrip()}\n    x = a\n    y = b\n    return x * y\n",
    ),
    (
        "a loop whose first line lost its indentation",
        "for x in [a]:\n        x *= b\n    return x",
        f"{PROMPT.rstrip()}\n    for x in [a]:\n        x *= b\n    return x\n",
    ),
    ("words before a body", "We multiply:\n\nreturn a * b", BODY),
    # --- indentation
    ("tabs", "```python\ndef area(a, b):\n\treturn a * b\n```", program("def area(a, b):\n\treturn a * b")),
    (
        "tabs and blanks",
        "```python\ndef area(a, b):\n\tx = a\n    return x * b\n```",
        program("def area(a, b):\n    x = a\n    return x * b"),
    ),
    # --- drafts
    ("after a draft", f"<think>\n```python\ndef area(a, b): return 0\n```\n</think>\n{FENCED}", program(WHOLE)),
    ("a draft without its begin", f"area(a, b) is a * b.\n</think>\n{FENCED}", program(WHOLE)),
    ("a draft without an end", f"<think>\nLet me see.\n{FENCED}", None),
    # --- nothing
    ("empty", "", None),
    ("words", "I cannot help with that.", None),
    ("another language", "```js\nfunction area(a, b) { return a * b }\n```", None),
    (
        "another name",
        "```python\ndef product(a, b):\n    return a * b\n```",
        program("def product(a, b):\n    return a * b"),
    ),
    ("cut within the head", "```python\ndef area(a,", program("def area(a,")),
]


@pytest.mark.parametrize(("answer", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_program_in_an_answer(answer: str, expected: str | None) -> None:
    """Each way in which models write, and what is run."""
    assert program_in(answer, TASK) == expected


def _said(answer: str) -> object:
    """What the program in an answer makes of 2 and 3. Only for programs that stand in this file."""
    names: dict[str, object] = {}
    made = program_in(answer, TASK)
    assert made is not None
    exec(compile(made, "answer", "exec"), names)
    area = names["area"]
    assert callable(area)
    return area(2, 3)


@pytest.mark.parametrize(
    "answer",
    [case[1] for case in CASES if case[2] is not None and case[0] not in ("another name", "cut within the head")],
    ids=[
        case[0] for case in CASES if case[2] is not None and case[0] not in ("another name", "cut within the head")
    ],
)
def test_what_is_taken_out_is_python_that_does_it(answer: str) -> None:
    """Every right answer of the table, however it is written, is a right program."""
    assert _said(answer) == 6


@pytest.mark.parametrize("task", suite_file("basics").tasks, ids=lambda task: task.id)
def test_each_solution_is_found_whole_and_as_a_body(task: object) -> None:
    """The tasks of the kit's own suite, solved as their authors solve them."""
    from kit.documents.quality.suite import SuiteTask

    assert isinstance(task, SuiteTask)
    whole = f"{task.prompt}{task.solution}"
    for answer in (f"```python\n{whole}```", whole, f"```\n{task.solution}```", task.solution):
        made = program_in(answer, task_of(task))
        assert made is not None
        assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(whole))


# --- whatever comes ----------------------------------------------------------------------------------------

WORDS = "``` ~~~ python def area(a,b): return pass ( ' # <think> </think> import os @x = if lambda else: class : ,"
PIECES = st.sampled_from([*WORDS.split(), "\n", "    ", "\t", '"""', "\\", "é", "a * b"])


@given(st.lists(PIECES | st.text(string.printable, max_size=8), max_size=40).map("".join))
def test_no_answer_is_too_odd(answer: str) -> None:
    """It never fails, says the same twice, and what it gives holds no draft of the answer."""
    made = program_in(answer, TASK)
    assert made == program_in(answer, TASK)
    assert made is None or made.endswith("\n")


@given(
    st.lists(
        st.sampled_from(["x = a", "y = [b,\n         a]", "if a:\n        x = b", "# note", 's = """\n"""']),
        max_size=5,
    ),
    st.sampled_from(["{}", "```python\n{}\n```", "Here:\n\n```\n{}\n```\nDone.", "```python\n{}"]),
    st.sampled_from(["", "  ", "        ", "\t"]),
)
def test_a_function_is_found_whatever_its_lines_and_its_wrapping(lines: list[str], wrap: str, pad: str) -> None:
    """Fenced, bare or indented: the same function."""
    function = "def area(a, b):\n" + "".join(f"    {line}\n" for line in lines) + "    return a * b"
    padded = function if '"""\n"""' in function else textwrap.indent(function, pad)
    made = program_in(wrap.format(padded), TASK)
    assert made is not None
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(f"{HEAD}\n{function}\n"))


@pytest.mark.parametrize(
    "piece",
    [
        "```\n",
        "(",
        '"""',
        "a = b\n",
        "def f(:\n",
        ": ",
        "x",
        "[",
        "\\",
        "\t\n ",
        "a.b: ",
        "@a\n",
        "import a, ",
        "<think>",
    ],
)
def test_long_answers_take_no_more_than_a_moment(piece: str) -> None:
    """131,072 characters of anything: nothing takes more than linear time."""
    began = time.process_time()
    program_in("```python\n" + piece * (131_072 // len(piece)), TASK)
    program_in(piece * (131_072 // len(piece)), TASK)
    assert time.process_time() - began < 5
