"""What can be changed in a module: places in its syntax tree, each with what it becomes. Pure."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

MAX_SHOWN_CHARS = 120


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `index` is its number among those of the module, `before` and `after` are source text."""

    index: int
    line: int
    operator: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Change:
    """A node and what takes its place; a list where it stands is given in `holder`."""

    operator: str
    node: ast.AST
    new: ast.AST
    put: Callable[[ast.AST], None]


Swap: TypeAlias = dict[type[ast.AST], type[ast.AST]]

COMPARED: Swap = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED: Swap = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}  # fmt: skip
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
# Neither what a name means to a type checker nor what Python makes of a class is behaviour that a test sees.
SKIPPED_FIELDS = frozenset({"annotation", "returns", "decorator_list", "bases", "type_params"})
SKIPPED = (ast.Import, ast.ImportFrom, ast.Assert, ast.JoinedStr, ast.Global, ast.Nonlocal)
GENERIC = frozenset(
    {"Literal", "Callable", "Iterator", "Mapping", "Sequence", "tuple", "dict", "list", "frozenset"}
)
# A test that it does not raise is none: `zip` is told to be strict where its arguments cannot differ.
SKIPPED_KEYWORDS = frozenset({"strict"})


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    found = []
    for index, change in enumerate(_changes(ast.parse(source))):
        line = getattr(change.node, "lineno", 0)
        found.append(Mutant(index, line, change.operator, _shown(change.node), _shown(change.new)))
    return found


def mutated(source: str, index: int) -> ast.Module:
    """The tree of a module with its mutant of that number."""
    tree = ast.parse(source)
    for number, change in enumerate(_changes(tree)):
        if number == index:
            ast.copy_location(change.new, change.node)
            change.put(change.new)
            return ast.fix_missing_locations(tree)
    raise IndexError(index)


def _shown(node: ast.AST) -> str:
    shown = node.test if isinstance(node, ast.If | ast.While | ast.IfExp) else node
    text = " ".join(ast.unparse(shown).split())
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 1] + "…"


# --- walking ----------------------------------------------------------------------------------------------


def _changes(tree: ast.Module) -> Iterator[_Change]:
    yield from _inside(tree)


def _inside(parent: ast.AST) -> Iterator[_Change]:
    """The changes to what a node holds, then to what that holds."""
    for name, value in ast.iter_fields(parent):
        if name in SKIPPED_FIELDS:
            continue
        if isinstance(value, list):
            for at, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from _at(item, _in_list(value, at))
        elif isinstance(value, ast.AST):
            yield from _at(value, _in_field(parent, name))


def _in_list(where: list[ast.AST], at: int) -> Callable[[ast.AST], None]:
    def put(new: ast.AST) -> None:
        where[at] = new

    return put


def _in_field(parent: ast.AST, name: str) -> Callable[[ast.AST], None]:
    return lambda new: setattr(parent, name, new)


def _at(node: ast.AST, put: Callable[[ast.AST], None]) -> Iterator[_Change]:
    if isinstance(node, SKIPPED) or _is_unseen(node):
        return
    for operator, new in _replacements(node):
        yield _Change(operator, node, new, put)
    yield from _inside(node)


def _is_unseen(node: ast.AST) -> bool:
    """What no test could see: `__all__`, names of types, docstrings, `strict=True`."""
    if isinstance(node, ast.keyword):
        return node.arg in SKIPPED_KEYWORDS
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"
    if isinstance(node, ast.Assign):
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return "__all__" in names or (len(names) == 1 and _makes_type(node.value))
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _makes_type(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "TypeVar"
    return isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and value.value.id in GENERIC


# --- what each kind of node becomes -----------------------------------------------------------------------


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.expr):
        yield from _of_expression(node)
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.comprehension):
        for at in range(len(node.ifs)):
            yield "drop condition", _without(node, "ifs", at)


def _of_expression(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Constant():
            yield from _of_constant(node)
        case ast.Compare(ops=ops):
            for at, each in enumerate(ops):
                yield "compare", _with_list(node, "ops", at, _other(COMPARED, each))
        case ast.BinOp(op=op) if type(op) in COMPUTED and not _is_text(node):
            yield "compute", _with(node, op=_other(COMPUTED, op))
        case ast.BoolOp(op=op):
            yield "and/or", _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "drop sign", operand
        case ast.IfExp(test=test) if not _is_swapped(test):
            yield "negate", _with(node, test=_not(test))
        case ast.Call():
            yield from _of_call(node)
        case ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()) | ast.Set():
            for at in range(len(node.elts) if len(node.elts) > 1 else 0):
                yield "drop element", _without(node, "elts", at)
        case ast.Dict():
            for at in range(len(node.keys)):
                yield "drop element", _without(_without(node, "keys", at), "values", at)


def _of_constant(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int):
        yield "constant", ast.Constant(value + 1)
        yield "constant", ast.Constant(value - 1)
    elif isinstance(value, float):
        yield "constant", ast.Constant(value * 1.01 if value else 0.01)
        yield "constant", ast.Constant(value * 0.99 if value else -0.01)


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.func, ast.Name) and node.func.id in CALLED:
        yield "min/max/any/all", _with(node, func=ast.Name(CALLED[node.func.id], ast.Load()))
    for at, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in SKIPPED_KEYWORDS:
            yield "drop keyword", _without(node, "keywords", at)


def _of_statement(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.If(test=test) | ast.While(test=test) if not _is_swapped(test):
            yield "negate", _with(node, test=_not(test))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return None", ast.Return(ast.Constant(None))
        case ast.AugAssign(op=op):
            if type(op) in COMPUTED:
                yield "compute", _with(node, op=_other(COMPUTED, op))
            yield "drop statement", ast.Pass()
        case ast.Expr() | ast.Raise() | ast.Continue() | ast.Break():
            yield "drop statement", ast.Pass()


def _other(swaps: Swap, old: ast.AST) -> ast.AST:
    return swaps[type(old)]()


def _with(node: ast.AST, **fields: ast.AST) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _with_list(node: ast.AST, name: str, at: int, new: ast.AST) -> ast.AST:
    copied = copy.copy(node)
    values = getattr(node, name)
    setattr(copied, name, [*values[:at], new, *values[at + 1 :]])
    return copied


def _without(node: ast.AST, name: str, at: int) -> ast.AST:
    values = getattr(node, name)
    new = copy.copy(node)
    setattr(new, name, [*values[:at], *values[at + 1 :]])
    return new


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _is_swapped(test: ast.expr) -> bool:
    """Whether another operator negates it already: `not a`, `a == b`, `a is b`, `a in b`."""
    if isinstance(test, ast.UnaryOp):
        return isinstance(test.op, ast.Not)
    return isinstance(test, ast.Compare) and not isinstance(test.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)


def _is_text(node: ast.BinOp) -> bool:
    """Whether it joins texts or names types: `"a" + b`, `X | None`."""
    sides = (node.left, node.right)
    if any(isinstance(side, ast.JoinedStr) for side in sides):
        return True
    constants = [side.value for side in sides if isinstance(side, ast.Constant)]
    return any(isinstance(value, str) or value is None for value in constants)
