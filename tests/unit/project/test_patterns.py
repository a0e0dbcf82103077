"""No regular expression takes more than linear time: each is tried on growing input that makes many go back."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import kit

PACKAGE = Path(kit.__file__).parent
HOW = ("search", "match", "fullmatch", "sub", "findall", "finditer", "split")
SIZES = (2_000, 10_000, 50_000)
MOST_S = 0.3  # for 50,000 characters: quadratic time would be ten times as much and more
# Modules whose expressions only see a text that was cut before, and where.
SHORT = {
    "kit.judge.compare.text": "words of a text of 500 characters at most",
}


@dataclass(frozen=True, slots=True)
class Use:
    """One expression, and one way in which its module uses it."""

    module: str
    name: str
    pattern: re.Pattern[Any]
    how: str


def uses_in(path: Path) -> Iterator[Use]:
    """Compiled patterns of a module with the methods called on them, and literal ones given to `re` itself."""
    source = path.read_text(encoding="utf-8")
    if "re." not in source or "import re" not in source:
        return
    name = ".".join(("kit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    module = importlib.import_module(name)
    found = {key: value for key, value in vars(module).items() if isinstance(value, re.Pattern)}
    for key, pattern in found.items():
        used = [how for how in HOW if re.search(rf"\b{key}\.{how}\(", source)]
        for how in used or ["search"]:
            yield Use(name, key, pattern, how)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            of_re = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
            first = node.args[0]
            if of_re and node.func.attr in HOW and isinstance(first, ast.Constant):
                yield Use(name, str(first.value), re.compile(first.value, flags_of(node)), node.func.attr)


def flags_of(call: ast.Call) -> int:
    """The flags that stand in a call by name."""
    names = (each.attr for each in ast.walk(call) if isinstance(each, ast.Attribute) and each.attr.isupper())
    return sum({int(getattr(re, name)) for name in names})


USES = [use for path in sorted(PACKAGE.rglob("*.py")) for use in uses_in(path)]
PIECES = [*' \n\taA0-./<[({":=@\\`é漢', "a ", "a.", "0.", "0,", "a:", "://", "a@"]


def evil(pattern: str, size: int) -> Iterator[str]:
    """Rows of one piece, after nothing and after each word of the expression, and rows of those words."""
    found = re.findall(r"[A-Za-z_=<\"' ./:@-]{2,}", pattern)
    words = [word for word in dict.fromkeys(found) if len(word) < 40][:3]
    for head in ["", *words]:
        for piece in [*PIECES, *words]:
            yield (head + piece * (size // len(piece)))[:size] + "\x00"


def run(use: Use, text: str) -> None:
    given = text.encode() if isinstance(use.pattern.pattern, bytes) else text
    called = getattr(use.pattern, use.how)
    if use.how == "sub":
        called(b"" if isinstance(given, bytes) else "", given)
    elif use.how == "finditer":
        for _ in called(given):
            pass
    else:
        called(given)


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.module}:{use.name}"[:80] + f"-{use.how}")
def test_an_expression_takes_linear_time(use: Use) -> None:
    """Smaller texts first, so that one that is worse ends the test soon."""
    if use.module in SHORT:
        return
    source = use.pattern.pattern
    for size in SIZES:
        for text in evil(source.decode("latin-1") if isinstance(source, bytes) else source, size):
            began = time.process_time()
            run(use, text)
            assert time.process_time() - began < MOST_S, f"{size} characters like {text[:30]!r}"


def test_expressions_are_found() -> None:
    """Those that were worse before are among them, each in the way that it is used."""
    found = {(use.module, use.name, use.how) for use in USES}
    assert {("kit.runtimes.llamacpp", "_DEVICE"), ("kit.runtimes.ollama", "_CARD")} <= {use[:2] for use in found}
    assert len(USES) > 100


def test_one_that_is_worse_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter texts and a shorter time show it as well."""
    monkeypatch.setitem(globals(), "SIZES", (2_000, 10_000))
    monkeypatch.setitem(globals(), "MOST_S", 0.03)
    bad = Use("m", "n", re.compile(r"\s+x"), "search")
    with pytest.raises(AssertionError, match="characters like"):
        test_an_expression_takes_linear_time(bad)
