"""The code blocks of an answer in Markdown, as models write it: unclosed, indented, behind words."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

_OPEN = re.compile(r"(?P<before>[^`]*)(?P<mark>`{3,})[ \t]*(?P<info>[^`]*)")
_TILDES = re.compile(r"(?P<before>[ \t>]*)(?P<mark>~{3,})[ \t]*(?P<info>[^~]*)")
_WORD = re.compile(r"[A-Za-z0-9_+#.-]*")
PYTHON = frozenset({"", "python", "py", "python3", "py3", "python2", "pycon", "code", "ipython"})


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences, without common indentation; `language` in lower case, "" where none is."""

    language: str
    code: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The blocks of an answer in their order, and the words around them."""

    blocks: tuple[Block, ...]
    words: str


def parts_of(answer: str) -> Parts:
    """The code blocks of an answer and what stands outside them.

    A fence that is not closed ends with the answer, or where the next one is opened with a language.
    """
    blocks: list[Block] = []
    words: list[str] = []
    inside: list[str] | None = None
    mark = language = ""
    for line in answer.split("\n"):
        opening = _OPEN.fullmatch(line) or _TILDES.fullmatch(line)
        if inside is None:
            if opening is None:
                words.append(line)
            else:
                words.append(opening["before"])
                inside, mark, language = [], opening["mark"], _language(opening["info"])
            continue
        if opening is not None and not opening["before"].strip(" \t>"):
            if _language(opening["info"]) or (opening["mark"][0] == mark[0] and len(opening["mark"]) >= len(mark)):
                blocks.append(_block(language, inside))
                again = bool(_language(opening["info"]))
                inside, mark, language = ([] if again else None), opening["mark"], _language(opening["info"])
                continue
        elif opening is not None and opening["mark"] == mark and not opening["info"].strip():
            blocks.append(_block(language, [*inside, opening["before"]]))  # closed behind the last line of code
            inside = None
            continue
        inside.append(line)
    if inside is not None:
        blocks.append(_block(language, inside))
    return Parts(tuple(blocks), "\n".join(words))


def _language(info: str) -> str:
    found = _WORD.match(info.strip())
    return found.group().lower() if found else ""


def _block(language: str, lines: list[str]) -> Block:
    return Block(language, textwrap.dedent("\n".join(lines)))
