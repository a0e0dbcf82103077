"""One module of a running interpreter made anew from another tree, with all that is built upon it."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import CodeType, ModuleType


def imported_by(source: str, name: str, *, is_package: bool) -> set[str]:
    """The names of modules that a source may import, wherever it does; some are names in modules."""
    package = name if is_package else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            found |= _with_parents(base) | {f"{base}.{alias.name}" for alias in node.names}
    return found


def _with_parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts) + 1)}


def dependents(target: str, imports: Mapping[str, set[str]]) -> set[str]:
    """The target and every module that imports it, over however many others; with a package, what is in it."""
    found = {target}
    while True:
        more = {
            name
            for name, needed in imports.items()
            if name not in found
            and (needed & found or any(name.startswith(f"{each}.") for each in found if each != "kit"))
        }
        if not more:
            return found
        found |= more


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, and makes it from code that is given."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self._name:
            return None
        is_package = self._path.endswith("__init__.py")
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=self._path, is_package=is_package)
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def replace_module(name: str, path: str, tree: ast.Module, forget: Iterable[str]) -> None:
    """From now on `name` is imported from this tree; it and all of `forget` are imported anew."""
    sys.meta_path.insert(0, _Finder(name, path, compile(tree, path, "exec")))
    sys.dont_write_bytecode = True
    for each in [*forget, name]:
        sys.modules.pop(each, None)
        parent, _, attribute = each.rpartition(".")
        if parent in sys.modules:  # `from parent import module` looks here first
            sys.modules[parent].__dict__.pop(attribute, None)
