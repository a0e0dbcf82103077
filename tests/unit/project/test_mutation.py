"""The mutation runner: which changes it makes, and that it tells a test that notices from one that does not."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutation.modules import dependents, imported_by
from benchmarks.mutation.operators import mutants, mutated
from benchmarks.mutation.score import score_text, wilson

ROOT = Path(__file__).resolve().parents[3]


def changes(source: str) -> set[tuple[str, str, str]]:
    return {(each.operator, each.before, each.after) for each in mutants(source)}


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("LIMIT = 5", ("constant", "5", "6")),
        ("LIMIT = 5", ("constant", "5", "4")),
        ("SHARE = 0.5", ("constant", "0.5", "0.505")),
        ("DEEP = True", ("constant", "True", "False")),
        ("a < b", ("compare", "a < b", "a <= b")),
        ("a >= b", ("compare", "a >= b", "a > b")),
        ("low <= a < high", ("compare", "low <= a < high", "low <= a <= high")),
        ("a is None", ("compare", "a is None", "a is not None")),
        ("a not in b", ("compare", "a not in b", "a in b")),
        ("a + b", ("compute", "a + b", "a - b")),
        ("a / b", ("compute", "a / b", "a * b")),
        ("a += b", ("compute", "a += b", "a -= b")),
        ("a += b", ("drop statement", "a += b", "pass")),
        ("a and b", ("and/or", "a and b", "a or b")),
        ("not a", ("drop sign", "not a", "a")),
        ("-a", ("drop sign", "-a", "a")),
        ("if a:\n    f()", ("negate", "a", "not a")),
        ("x = a if b else c", ("negate", "b", "not b")),
        ("def f():\n    return a", ("return None", "return a", "return None")),
        ("f(a, b=1)", ("drop keyword", "f(a, b=1)", "f(a)")),
        ("max(a, b)", ("min/max/any/all", "max(a, b)", "min(a, b)")),
        ("X = tuple(('a', 'b'))", ("drop element", "('a', 'b')", "('b',)")),
        ("x = ('a', 'b')", ("drop element", "('a', 'b')", "('b',)")),
        ("x = {'a': b}", ("drop element", "{'a': b}", "{}")),
        ("[a for a in b if c]", ("drop condition", " for a in b if c", " for a in b")),
        ("def f():\n    yield a", ("drop statement", "yield a", "pass")),
        ("@rule(1)\ndef f():\n    raise E", ("drop statement", "raise E", "pass")),
    ],
)
def test_each_operator_makes_its_change(source: str, change: tuple[str, str, str]) -> None:
    """Constants of a module and functions with decorators too."""
    shown = {(operator, before.strip(), after.strip()) for operator, before, after in changes(source)}
    assert tuple(part.strip() for part in change) in shown


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "import a",
        "assert a < 1",
        "__all__ = ['a', 'b']",
        "def f(a: int | None) -> tuple[int, ...]: ...",
        "T = TypeVar('T', bound=int)",
        "Kind = Literal['a', 'b']",
        "Pair: TypeAlias = tuple[int, int]",
        "Path = tuple[str | int, ...]",
        "x = f'{a + 1}'",
        "@dataclass(frozen=True, slots=True)\nclass A(B): ...",
        "x = zip(a, b, strict=True)",
        "def f():\n    return None",
    ],
)
def test_what_no_test_could_see_is_left_alone(source: str) -> None:
    """Types, docstrings, words in messages, what Python makes of a class."""
    assert [each for each in mutants(source) if each.before != "..."] == []


def test_every_mutant_of_a_real_module_is_another_program_that_compiles() -> None:
    """By its number, the same each time."""
    source = (ROOT / "kit" / "metrics" / "goodput.py").read_text(encoding="utf-8")
    original = ast.unparse(ast.parse(source))
    found = mutants(source)
    assert [each.index for each in found] == list(range(len(found)))
    texts = [ast.unparse(mutated(source, each.index)) for each in found]
    assert original not in texts
    for text in texts:
        compile(text, "goodput.py", "exec")
    with pytest.raises(IndexError):
        mutated(source, len(found))


def test_what_is_built_on_a_module_is_found_over_any_number_of_others() -> None:
    """Relative imports, imports in functions, and what lies in a package that is built on it."""
    source = "from . import near\nfrom ..far import thing\nimport a.b\ndef f():\n    from kit import late\n"
    assert imported_by(source, "kit.x.y", is_package=False) >= {
        "kit.x", "kit.x.near", "kit.far", "kit.far.thing", "a", "a.b", "kit.late",
    }  # fmt: skip
    imports = {"kit.b": {"kit.a"}, "kit.c": {"kit.b"}, "kit.c.inside": set[str](), "kit.d": {"kit.e"}}
    assert dependents("kit.a", imports) == {"kit.a", "kit.b", "kit.c", "kit.c.inside"}


def test_a_sample_has_an_interval_and_the_whole_has_none() -> None:
    """Wilson's: 0.8 % wide at 99 of 100 towards 1, and it never leaves 0 to 1."""
    assert wilson(90, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert wilson(0, 10)[0] == pytest.approx(0.0)
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(0, 0) == (0.0, 1.0)
    assert score_text(9, 10, 10) == "9 of 10 mutants killed, 90.0 %"
    assert score_text(90, 100, 2000) == (
        "90 of 100 mutants killed, 90.0 % (95 % interval 82.6 to 94.5 %; a sample of 2,000)"
    )
    assert score_text(0, 0, 0) == "no mutants"


# --- a run of a small package -----------------------------------------------------------------------------

FILES = {
    "pkg/__init__.py": "",
    "pkg/base.py": """
LIMIT = 3


def over(a: int) -> bool:
    return a > LIMIT
""",
    "pkg/user.py": """
from pkg.base import over


def both(a: int, b: int) -> bool:
    return over(a) and over(b)
""",
    "checks/__init__.py": "",
    "checks/test_base.py": """
from pkg import base


def test_over() -> None:
    assert base.over(4)
    assert not base.over(3)
""",
    "checks/test_user.py": """
from pkg.user import both


def test_both() -> None:
    assert both(9, 9)
""",
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.mutation", *arguments, "pkg=checks"],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{ROOT}", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_survivors_are_printed_and_all_others_counted(small: Path) -> None:
    """The limit and its edge are tested, also through a module that imports them; `and` is not."""
    done = run(small)
    assert done.returncode == 0, done.stderr
    survivors = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["path"], each["operator"], each["after"]) for each in survivors] == [
        ("pkg/user.py", "and/or", "over(a) or over(b)")
    ]
    assert "5 of 6 mutants killed, 83.3 %" in done.stderr


def test_tests_that_fail_by_themselves_end_the_run(small: Path) -> None:
    """Every mutant would seem killed."""
    (small / "checks" / "test_user.py").write_text("def test_no() -> None:\n    raise AssertionError\n")
    done = run(small)
    assert done.returncode == 1
    assert "checks/test_user.py fail without a mutant" in done.stderr


def test_the_same_seed_draws_the_same_sample(small: Path) -> None:
    """And says of how many it is."""
    first, second = run(small, "--sample", "2", "--seed", "7"), run(small, "--sample", "2", "--seed", "7")
    assert first.stdout == second.stdout
    assert "of 2 mutants killed" in first.stderr
    assert "a sample of 6" in first.stderr
