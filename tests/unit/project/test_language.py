"""Texts that users read are native technical English: phrases of a translated text are found and named.

README, docs, changelog and page templates are read as they are, the strings of `kit/` through their syntax tree
(comments and the docstrings of what is no command are for makers), the help of every command through its golden
file. docs/design.md alone may speak of floors, rooms and houses.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MADE = re.compile(r"<!-- made by: (?:kit|python -m documentation)[^\n]*? -->\n.*?<!-- end -->", re.DOTALL)
INSTEAD = {
    r"what is to be thought of": "how to read",
    r"what is measured on what": "platforms and workloads",
    r"has a result that counts": "has a valid result",
    r"result that counts": "valid result",
    r"the run lies in": "saved to",
    r"proves? both servers right": "checks that both answer correctly",
    r"proves? (the|a) servers? right": "checks that it answers correctly",
    r"go(es)? on with": "resume",
    r"hold [^.\n]{1,40} against": "compare with",
    r"held against": "compared with",
    r"stays? at home": "are not included",
    r"\bmend(s|ed)?\b": "fix, fixed",
    r"(?<!sample )\b(floor|roof|house|room)s?\b(?!\()": "package, layer (the picture is docs/design.md's alone)",
    r"which nobody of us has run yet|nobody of us": "not tested yet",
    r"never (tried|run) by (us|the kit's makers|its makers)": "untested",
    r"written from sources (alone|and never)": "implemented from documentation, not tested",
    r"until that stops paying|where that stops paying": "until throughput stops growing",
    r"how right is|how far it is right": "how accurate",
    r"bears? out what": "check claims",
    r"zeros that cannot be": "impossible zeros",
    r"other concurrencies than": "override the concurrency levels",
    r"passes over all cells": "number of repetitions",
    r"the least grade": "minimum grade",
    r"judge the texts": "check the response texts",
    r"give up when more than": "abort when more than",
    r"whose stream to imitate": "server whose stream format to mimic",
    r"receipt of a request to text": "delay to first token",
    r"gap per token; 0": "delay between tokens (0 = none)",
    r"log what really left": "write true send times",
    r"answers at once; default": "maximum concurrent responses",
    r"make it anew": "rebuild even if present",
    r"seems to go on": "appears to be active",
    r"bears this run's name": "objects of this run",
    r"stands in the way": "is blocking",
    r"load generator's rather than the server's": "the load generator may have distorted these numbers",
    r"within [0-9.{}:a-z_/ ()]+ ms only": "p99 send delay is",
    r"the disk refused": "cannot write",
    r"no way for (an|a) [^.\n]{1,30} into": "containers cannot access",
    r"rules on [0-9{}(),.:a-z_ ]+ things": "rules, checks",
    r"a rule that must hold does not": "a required rule failed or a required file is missing",
    r"asking is not having|good enough to be wrong in public": "(cut: say the fact)",
    r"stands there twice": "duplicate",
    r"believed only by their hash": "verified by sha256",
    r"writes the weights of the gguf file out": "converts the GGUF weights",
}
RULES = {re.compile(pattern, re.IGNORECASE): instead for pattern, instead in INSTEAD.items()}


def wrong_phrases(text: str) -> list[str]:
    """Each banned phrase of a text with what to write instead; line breaks do not hide one."""
    flat = " ".join(text.split())
    return [
        f"{found.group()!r}: use {instead!r}" for rule, instead in RULES.items() if (found := rule.search(flat))
    ]


def read_by_people(source: str, *, command: bool) -> Iterator[str]:
    """Every string of a module but its docstrings; those of a command's module too, which are its help."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and (command or id(node) not in docstrings)
        ):
            yield node.value


def documents() -> Iterable[Path]:
    """The pages, the changelog, the golden help texts, `make help` and the templates of the report."""
    pages = [page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "design.md"]
    golden = sorted((ROOT / "tests" / "unit" / "cli" / "golden").glob("*.txt"))
    templates = sorted((ROOT / "kit").rglob("*.jinja"))
    top = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile")]
    return [*top, *pages, *golden, *templates]


def modules() -> Iterable[Path]:
    return sorted((ROOT / "kit").rglob("*.py"))


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_document_has_none_of_the_phrases(path: Path) -> None:
    """The tables that commands made are the commands' words, checked where they are written."""
    assert wrong_phrases(MADE.sub("", path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_strings_of_a_module_have_none_of_the_phrases(path: Path) -> None:
    """Messages, remedies, headings, captions and option helps."""
    command = path.is_relative_to(ROOT / "kit" / "cli")
    texts = read_by_people(path.read_text(encoding="utf-8"), command=command)
    assert [wrong for text in texts for wrong in wrong_phrases(text)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Everything that was\nmended is listed.", "'mended': use 'fix, fixed'"),
        ("Server logs stay at home.", "'stay at home': use 'are not included'"),
        ("At 2 users only a has a result that counts.", "'has a result that counts': use 'has a valid result'"),
    ],
)
def test_a_planted_phrase_is_found(text: str, found: str) -> None:
    """Also across a line break, and as part of a longer sentence."""
    assert found in wrong_phrases(text)


def test_a_planted_phrase_in_a_module_is_found_where_users_read_it() -> None:
    """In plain strings and f-strings; a comment or an internal docstring is for makers."""
    source = 'def f(x):\n    """Go on with it."""\n    # the disk refused\n    return f"The run lies in {x}."\n'
    inside = {wrong for text in read_by_people(source, command=False) for wrong in wrong_phrases(text)}
    assert inside == {"'The run lies in': use 'saved to'"}
    helps = {wrong for text in read_by_people(source, command=True) for wrong in wrong_phrases(text)}
    assert helps == inside | {"'Go on with': use 'resume'"}


@pytest.mark.parametrize("path", [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"], ids=lambda path: path.name)
def test_a_path_that_a_page_names_exists(path: Path) -> None:
    """Of modules, tests, schemas, compose files and recipes; names with a placeholder are not paths."""
    named = re.findall(
        r"`((?:kit|tests|schemas|compose|images|benchmarks|results)/[\w./-]+)`",
        MADE.sub("", path.read_text("utf-8")),
    )
    invented = {"acme"}  # the example of docs/adding-a-runtime.md
    missing = [
        name for name in named if not (ROOT / name).exists() and not invented & set(re.split(r"[/.]", name))
    ]
    assert missing == []
