"""The program in an answer: kit-chat-1. A function of answer and task alone, the same with every Python.

The block is taken that defines the function asked for; of it, and of the other blocks, imports, functions and
classes count, and variables that these use. Examples, tests and words are left out. What is only the body of the
function goes below the head in the prompt.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.documents.quality.evaluation import Task
from kit.evaluation.blocks import PYTHON, parts_of
from kit.evaluation.statements import Statement, indent_of, logical_lines, statements
from kit.plan.drafts import spoken

_IMPORT = re.compile(
    r"import[ \t]+[\w.]+(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[ \t]*[\w.]+(?:[ \t]+as[ \t]+\w+)?)*[ \t]*;?[ \t]*(?:#.*)?"
    r"|from[ \t]+[\w.]+[ \t]+import[ \t]*(?:\([^()]*\)|\*|\w+(?:[ \t]+as[ \t]+\w+)?"
    r"(?:[ \t]*,[ \t]*\w+(?:[ \t]+as[ \t]+\w+)?)*)[ \t]*;?[ \t]*(?:#.*)?"
)
_FUTURE = re.compile(r"from[ \t]+__future__[ \t]+import\b")
_DEFINES = re.compile(r"(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)[^\n]*[\[(:]")
_ASSIGNS = re.compile(
    r"([A-Za-z_]\w*(?:[ \t]*,[ \t]*[A-Za-z_]\w*)*)(?:[.\[][^=\n]*)?[ \t]*(?::[^=\n]+)?[-+*/%&|^@<>]*=(?!=)"
)
_GUARD = re.compile(r"try[ \t]*:|if\b(?!.*__name__)[^\n]*:")
_STRING = re.compile(r"[rbuRBU]{0,2}(?:\"|')")
_NOTHING = re.compile(r"(?:pass|\.\.\.|raise[ \t]+NotImplementedError\b.*)(?:[ \t]*#.*)?", re.DOTALL)
_RETURNS = re.compile(r"(?:return|yield)\b|.*:[ \t]*(?:return|yield)\b")
_CODE = re.compile(
    r"(?:return|yield|for|while|if|with|raise|assert|else|elif|except|finally|try)\b"
    r"|[A-Za-z_][\w.\[\], ]*[-+*/%&|^]?=(?!=)"
)
_NAME = re.compile(r"\w+")
MAX_HEAD_CHARS, MAX_ASSIGNED_CHARS = 2000, 300  # so much of a statement says what it is


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of code and its statements."""

    lines: tuple[str, ...]
    statements: tuple[Statement, ...]

    def text(self, each: Statement) -> str:
        return "\n".join(self.lines[each.first : each.last + 1])


def program_in(answer: str, task: Task) -> str | None:
    """The program that an answer to a task gives; None where there is none, or only a draft without an end."""
    text = spoken(answer.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""))
    if text is None or not text.strip():
        return None
    parts = parts_of(text)
    blocks = [_part(block.code) for block in parts.blocks if block.language in PYTHON]
    words = _part(parts.words)
    every = [*blocks, words]
    chosen = next((part for part in every if _solves(part, task.entry_point)), None)
    if chosen is not None:
        return _assembled(chosen, every, task, words)
    if body := next(_bodies(blocks, None if parts.blocks else text), None):
        return _below(task, body)
    chosen = next((part for part in every if any(_name(each) for each in part.statements)), None)
    return None if chosen is None else _assembled(chosen, every, task, words)


def _part(code: str) -> _Part:
    lines = tuple(textwrap.dedent("\n".join(_untabbed(code.split("\n")))).split("\n"))
    return _Part(lines, tuple(statements(lines)))


def _untabbed(lines: Sequence[str]) -> list[str]:
    """The lines, with blanks for tabs where both begin lines: Python refuses the mixture."""
    heads = {mark for line in lines for mark in line[: indent_of(line)]}
    if heads != {" ", "\t"}:
        return list(lines)
    return [line[: indent_of(line)].expandtabs(4) + line[indent_of(line) :] for line in lines]


# --- what a statement is --------------------------------------------------------------------------------


def _name(each: Statement) -> str | None:
    """The function or class that a statement defines."""
    found = _DEFINES.match(each.head[:MAX_HEAD_CHARS])
    return found.group(1) if found else None


def _assigned(each: Statement) -> list[str]:
    """The variables that a statement assigns."""
    found = None if _name(each) else _ASSIGNS.match(each.head[:MAX_ASSIGNED_CHARS])
    return _NAME.findall(found.group(1)) if found else []


def _imports(each: Statement) -> bool:
    return len(each.head) <= MAX_HEAD_CHARS and _IMPORT.fullmatch(each.head) is not None


def _solves(part: _Part, name: str) -> bool:
    """Whether a part defines the function, and not only its head."""
    return any(
        (_name(each) == name and not _is_stub(each))
        or (_assigned(each) == [name] and re.search(r"\blambda\b", each.head) is not None)
        for each in part.statements
    )


def _is_stub(each: Statement) -> bool:
    inner = list(each.inner)
    if not inner:
        rest = each.head.rpartition(":")[2].strip()
        return not rest or rest.startswith("#") or _NOTHING.fullmatch(rest) is not None
    if _STRING.match(inner[0].text):
        inner = inner[1:]
    return all(_NOTHING.fullmatch(line.text) for line in inner)


# --- a whole function -----------------------------------------------------------------------------------


def _assembled(chosen: _Part, every: Sequence[_Part], task: Task, words: _Part) -> str:
    """Head of the prompt, what other blocks define, and the chosen one."""
    before = _before(task)
    own = _kept(chosen, task.entry_point, guards=chosen is not words)
    taken = {_name(each) for each in (*before.statements, *own)} | {task.entry_point}
    imported = {each.head for each in before.statements}
    pieces: list[str] = []
    for part in every:
        for each in () if part is chosen else part.statements:
            name = _name(each)
            is_new = each.head not in imported if _imports(each) else name is not None and name not in taken
            if is_new:
                taken.add(name)
                imported.add(each.head)
                pieces.append(part.text(each))
    pieces += [chosen.text(each) for each in own if not (_imports(each) and each.head in imported)]
    head = "\n".join(before.lines).rstrip()
    first = list(dict.fromkeys(piece for piece in pieces if _FUTURE.match(piece)))
    rest = [piece for piece in pieces if not _FUTURE.match(piece)]
    return "\n\n".join([*first, *([head] if head else []), *rest]) + "\n"


def _before(task: Task) -> _Part:
    """What stands in the prompt before the head of the function: imports, and functions that it may use."""
    part = _part(task.prompt)
    end = next((each.first for each in part.statements if _name(each) == task.entry_point), 0)
    return _Part(part.lines[:end], tuple(each for each in part.statements if each.last < end))


def _kept(part: _Part, name: str, *, guards: bool) -> list[Statement]:
    """Imports, functions and classes, and (in a block) conditions, and the variables that all these need."""
    firm = [each for each in part.statements if _name(each) or _imports(each)]
    if not guards:
        return firm
    firm += [each for each in part.statements if _assigned(each) == [name]]
    firm += [each for each in part.statements if each.inner and _GUARD.match(each.head[:MAX_HEAD_CHARS])]
    assigning: dict[str, list[Statement]] = {}
    for each in part.statements:
        for variable in _assigned(each):
            assigning.setdefault(variable, []).append(each)
    kept: dict[int, Statement] = {}
    todo = firm
    while todo:
        each = todo.pop()
        if each.first not in kept:
            kept[each.first] = each
            todo += [more for word in _NAME.findall(part.text(each)) for more in assigning.pop(word, ())]
    return [kept[first] for first in sorted(kept)]


# --- a body without a head ------------------------------------------------------------------------------


def _bodies(blocks: Sequence[_Part], bare: str | None) -> Iterator[list[str]]:
    """What may be the body of a function: of a block, or of an answer without any (`bare`)."""
    for part in blocks:
        if _is_body(mended := _mended(list(part.lines))):
            yield mended
    if bare is not None and _is_body(mended := _mended(_code_lines(bare.split("\n")))):
        yield mended


def _mended(lines: list[str]) -> list[str]:
    """The lines without common indentation, also where only the first one has lost its own."""
    while lines and not lines[0].strip():
        lines = lines[1:]
    rest = [line for line in lines[1:] if line.strip()]
    least = min(map(indent_of, rest), default=0)
    if lines and not indent_of(lines[0]) and least:
        opens = lines[0].rstrip().endswith((":", "(", "[", "{", ",", "\\"))
        if not opens or indent_of(rest[0]) > least:
            lines = [rest[0][:least] + lines[0], *lines[1:]]
    return textwrap.dedent("\n".join(lines)).rstrip().split("\n")


def _is_body(lines: Sequence[str]) -> bool:
    """Whether something is returned outside of every function and class."""
    return any(
        _RETURNS.match(line)
        for each in statements(lines)
        if _name(each) is None
        for line in (each.head, *(inner.text for inner in each.inner))
    )


def _code_lines(lines: Sequence[str]) -> list[str]:
    """Of an answer without blocks what is code: the indented lines it begins with, or those that look like it."""
    found: list[str] = []
    logical = logical_lines(lines)
    indented = bool(logical) and logical[0].indent > 0
    for each in logical:
        if each.indent or (not indented and _CODE.match(each.text)):
            found += lines[each.first : each.last + 1]
        elif found:
            break
    return found


def _below(task: Task, body: Sequence[str]) -> str:
    """The prompt, and the body below its head as deep as the prompt has it."""
    head = task.prompt.rstrip()
    inner = [line for line in head.split("\n") if line[:1] in (" ", "\t")]
    indent = inner[-1][: indent_of(inner[-1])] if inner else "    "
    return "\n".join([head, *(indent + line if line.strip() else "" for line in body)]) + "\n"
