"""What an answer holds besides words: code, JSON, Python functions. It is parsed, never run."""

from __future__ import annotations

import ast
import json
import re
import textwrap
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# As small models write them, too: behind words on the same line, and never closed where max_tokens cut them off.
_LOOSE = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)
_BRACKET = re.compile(r"[{\[]")
_LIKE_JSON = re.compile(r'\{\s*["}]|\[\s*[\[{"]')
_MAX_BRACKETS = 64  # in words around the JSON
_DECODER = json.JSONDecoder()
_SILENCE = threading.Lock()  # the list of warning filters belongs to the whole process


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only here: most checks need no Markdown

    reader = MarkdownIt("commonmark")
    reader.core.ruler.enableOnly(["normalize", "block"])  # blocks only: what is inside paragraphs is not looked at
    return reader


def code_blocks(answer: str) -> Iterator[str]:
    """The code blocks of an answer: by CommonMark (in lists, ``` or ~~~, indented), then less strictly."""
    if "```" in answer or "~~~" in answer or "    " in answer or "\t" in answer:
        for token in _markdown().parse(answer):
            if token.type in ("fence", "code_block"):
                yield textwrap.dedent(token.content)
    for match in _LOOSE.finditer(answer):
        yield textwrap.dedent(match.group(1))


def json_objects(answer: str) -> Iterator[dict[str, object]]:
    """The JSON objects of an answer: the first of each code block, and the first among all its words."""
    for text in (*code_blocks(answer), answer):
        if (found := _object(text)) is not None:
            yield found


def _object(text: str) -> dict[str, object] | None:
    """The first JSON object in a text, or that of a list of one: small models put words around their JSON."""
    at = 0
    for bracket in islice(_BRACKET.finditer(text), _MAX_BRACKETS):
        if bracket.start() < at:
            continue
        try:
            value, at = _DECODER.raw_decode(text, bracket.start())
        except (ValueError, RecursionError):
            if _LIKE_JSON.match(text, bracket.start()):
                return None  # begun and not whole; what is whole inside it is not what was asked for
            continue
        if isinstance(value, dict):
            return value
        if any(isinstance(each, dict) for each in value):
            return value[0] if len(value) == 1 else None
    return None


def defined_functions(answer: str) -> Iterator[str]:
    """The functions that Python in the answer defines: at top level, or as methods of a class there."""
    for code in (*code_blocks(answer), answer):
        yield from _functions(code)


def _functions(code: str) -> set[str]:
    try:
        # The parser warns about "\d" and the like; an answer must not print on the user's terminal.
        with _SILENCE, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    methods = (node for each in tree.body if isinstance(each, ast.ClassDef) for node in each.body)
    functions = (*tree.body, *methods)
    return {node.name for node in functions if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
