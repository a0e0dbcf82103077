"""kit.evaluation.statements: the statements of a program, cut by its lines alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import kit
from kit.evaluation.statements import logical_lines, statements

FILES = sorted(Path(kit.__file__).parent.rglob("*.py"))[::25]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_statements_of_real_files_are_those_that_python_sees(path: Path) -> None:
    """Every top-level statement begins and ends where `ast` says, decorators included."""
    text = path.read_text(encoding="utf-8")
    found = [(each.first + 1, each.last + 1) for each in statements(text.split("\n"))]
    expected = [
        (min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]), node.end_lineno)
        for node in ast.parse(text).body
    ]
    assert found == expected


def test_logical_lines_join_what_strings_brackets_and_backslashes_hold() -> None:
    """Comments and blank lines are none."""
    code = 'x = (1,\n  2)\n\n# (\ny = """\n(\n"""  # "\nz = 1 + \\\n    2\nw = "\\"("\n'
    assert [(each.first, each.last) for each in logical_lines(code.split("\n"))] == [
        (0, 1),
        (4, 6),
        (7, 8),
        (9, 9),
    ]


def test_what_is_indented_before_the_first_statement_belongs_to_none() -> None:
    """A stray line is no statement."""
    assert [each.head for each in statements(["    stray", "x = 1"])] == ["x = 1"]
