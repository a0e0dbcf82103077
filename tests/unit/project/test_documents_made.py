"""What documents say that a command made is what that command makes today.

A block between `<!-- made by: kit ... -->` (or a program of the tests) and `<!-- end -->`, fenced or not, is the
output of that command, and a picture before `<!-- plotted by: kit report ... -->` is a file that it writes. `make
docs` writes all of them anew.
"""

from __future__ import annotations

import os
import re
import shlex
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.drill.telling import lies_table, rates_table
from documentation.reference import TABLES
from kit.cli import cli
from tests.support import shapes
from tests.support.shapes.table import table

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"<!-- made by: (kit [^\n]*?|python -m (?:tests|benchmarks|documentation)[^\n]*?) -->\n(.*?)<!-- end -->",
    re.DOTALL,
)
FENCE = "```\n"
ONLY_TABLE = "# the table"
PICTURE = re.compile(r"!\[[^]\n]*\]\(([^)\n]+\.svg)\)\n<!-- plotted by: kit ([^\n]*?) -->")
WRITING = os.environ.get("KIT_WRITE_DOCS") == "1"
BLOCKS = [(path, found) for path in DOCUMENTS for found in BLOCK.findall(path.read_text(encoding="utf-8"))]
PICTURES = [(path, found) for path in DOCUMENTS for found in PICTURE.findall(path.read_text(encoding="utf-8"))]


def first_table(text: str) -> str:
    """A heading and the table below it, without what follows."""
    return "\n\n".join(text.split("\n\n")[:2])


def named(value: object) -> str:
    """What a test is called by: the document, and the command or the picture."""
    return value.name if isinstance(value, Path) else str(value[0]) if isinstance(value, tuple) else ""


def said(command: str) -> str:
    """What the command prints, run in the folder of the repository."""
    if command == f"python -m {shapes.__name__}":
        return table()
    if command.startswith("python -m benchmarks.drill"):
        return rates_table() if command.endswith("--rates") else lies_table()
    if command.startswith("python -m documentation.reference "):
        return TABLES[command.rpartition(" ")[2]]()
    words = shlex.split(command.removeprefix("kit "), comments=True)
    done = CliRunner().invoke(cli, words, prog_name="kit", catch_exceptions=False)
    text = done.stdout.strip()
    return first_table(text) if command.endswith(ONLY_TABLE) else text


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("path", "block"), BLOCKS, ids=lambda value: value.name if isinstance(value, Path) else ""
)
def test_a_block_is_what_its_command_prints(path: Path, block: tuple[str, str]) -> None:
    """To the letter."""
    command, text = block
    fence = FENCE if text.startswith(FENCE) else ""
    now = f"{fence}{said(command)}\n{fence}"
    if WRITING and now != text:
        begin, whole = f"{command} -->\n", path.read_text(encoding="utf-8")
        path.write_text(whole.replace(f"{begin}{text}", f"{begin}{now}"), encoding="utf-8")
        return
    assert now == text, f"{path.name}: make docs"


@pytest.mark.parametrize(("path", "picture"), PICTURES, ids=named)
def test_a_picture_is_what_its_command_plots(path: Path, picture: tuple[str, str], tmp_path: Path) -> None:
    """To the byte, with the version of the plotting library that the project pins."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    if f"vl-convert-python=={version('vl-convert-python')}" not in pins:
        pytest.skip("another version of the plotting library than the pinned one draws other bytes")
    file, command = picture
    said(f"{command} -o {tmp_path / 'report'}")
    made = tmp_path / "report" / "plots" / Path(file).name
    if WRITING:
        (path.parent / file).parent.mkdir(exist_ok=True)
        (path.parent / file).write_bytes(made.read_bytes())
        return
    assert (path.parent / file).read_bytes() == made.read_bytes(), f"{path.name}: make docs"


def test_the_readme_has_a_table_and_a_picture_that_commands_made() -> None:
    """One of each at least."""
    assert any(path.name == "README.md" for path, _ in BLOCKS)
    assert any(path.name == "README.md" for path, _ in PICTURES)
