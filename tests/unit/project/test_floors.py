"""The architecture: packages in one order, each imports only from those before it, and few reach the world."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

import kit

PACKAGE = Path(kit.__file__).parent
DESIGN = PACKAGE.parent / "docs" / "design.md"

# From the ground up. A package imports from those before it, never from itself by another name or from later ones.
ORDER = (
    "errors", "text", "output", "debuglog", "timestamps", "cpus", "reactor", "assets",
    "documents", "strict", "gguf", "catalogue", "machine",
    "stream", "metrics",
    "runtimes", "plan", "evaluation",
    "storage", "telemetry",
    "loadgen", "reference", "engines", "sandbox", "probe", "signing",
    "verify", "judge", "collection", "report",
    "publish", "supply", "run",
    "cli", "__main__",
)  # fmt: skip
MAX_MODULES = 25

# Who may import what has a door to the world.
DOOR_LIBRARIES = {
    "docker": {"engines"},
    # publish: to registries and behind addresses, with bounds and redirects of its own
    "httpx": {"probe/http.py", "supply/download.py", "publish/web.py"},
    "socket": {"loadgen", "reference", "engines", "reactor.py"},
    "subprocess": {
        "collection/proposed.py",
        "engines",
        "judge/limited.py",
        "publish/git.py",
        "publish/login.py",
        "sandbox/checking.py",
        "sandbox/pipes.py",
        "sandbox/process.py",
        "signing",
        "supply/download.py",
        "supply/images/bases.py",
        "supply/pip.py",
        "supply/programs.py",
    },
    "rich": {"cli"},
    "click": {"cli"},
    "xllamacpp": {"runtimes/embedded_llamacpp.py"},
}
# Docker's own package, its one importer, and who may ask that one for an engine; what they get is a protocol's.
CONTAINERS = "engines/docker/"
CONTAINERS_ENTRY = ("engines/__init__.py", "kit.engines.docker.host")
MAY_CONNECT = {
    "cli/containers/clean.py",
    "cli/containers/down.py",
    "cli/images.py",
    "run/containers.py",
    "run/doctor.py",
    "run/around/surroundings.py",
}
# A stranger's bundle must reach neither an engine nor the network.
FORBIDDEN_TO_VERIFY = {
    "telemetry",
    "loadgen",
    "reference",
    "engines",
    "sandbox",
    "probe",
    "signing",
    "publish",
    "supply",
    "run",
    "reactor",
}


@dataclass(slots=True)
class Found:
    """What the tests ask of a file: what it imports (also inside functions), whether it prints, its functions."""

    imports: set[str] = field(default_factory=set)
    prints: bool = False
    lines_of_functions: list[tuple[str, int]] = field(default_factory=list)


@cache
def found_in(path: Path) -> Found:
    """A file's facts; each file is parsed once for all tests."""
    found = Found()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            ours = node.module == "kit"
            found.imports |= {f"kit.{alias.name}" for alias in node.names} if ours else {node.module}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.prints |= node.func.id == "print"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            found.lines_of_functions.append((node.name, node.end_lineno - node.lineno + 1))
    return found


def modules(package: Path = PACKAGE) -> list[tuple[str, Path]]:
    """(package, file) of every module but kit/__init__.py."""
    return [
        (path.relative_to(package).with_suffix("").parts[0], path)
        for path in sorted(package.rglob("*.py"))
        if path != package / "__init__.py"
    ]


def used(path: Path, packages: set[str]) -> set[str]:
    """The packages of ours that a file imports."""
    parts = (name.split(".") for name in found_in(path).imports)
    return {part[1] for part in parts if len(part) > 1 and part[0] == "kit" and part[1] in packages}


def against_order(package: Path, order: tuple[str, ...]) -> list[str]:
    """Every import of a package that stands later in the order."""
    return [
        f"{path.relative_to(package)} imports {other}"
        for here, path in modules(package)
        for other in sorted(used(path, set(order)))
        if other != here and order.index(other) > order.index(here)
    ]


def test_the_order_names_every_package_and_no_other() -> None:
    """A new package gets its place; one that is gone loses it."""
    assert sorted({package for package, _ in modules()}) == sorted(ORDER)


def test_a_package_imports_only_from_those_before_it() -> None:
    """One order for all, so there are no circles and no neighbours."""
    assert against_order(PACKAGE, ORDER) == []


@pytest.mark.parametrize(
    "line",
    ["from kit.high import x", "from kit import high", "import kit.high", "def f():\n    from kit.high import x"],
)
def test_an_import_against_the_order_is_found(tmp_path: Path, line: str) -> None:
    """In each form, also inside a function."""
    for name in ("low", "high"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "low" / "a.py").write_text(line + "\n")

    assert against_order(tmp_path, ("low", "high")) == [f"{Path('low/a.py')} imports high"]
    assert against_order(tmp_path, ("high", "low")) == []


def test_the_picture_in_the_design_is_this_order() -> None:
    """docs/design.md draws the packages from top to bottom; comments may differ, order and names may not."""
    (picture,) = re.findall(r"```\n(cli/.*?)```", DESIGN.read_text(encoding="utf-8"), re.DOTALL)
    drawn = re.findall(r"^([a-z]+)(?:/|\.py)", picture, re.MULTILINE)
    assert drawn == [name for name in reversed(ORDER) if name != "__main__"]


def test_no_package_has_more_than_25_modules() -> None:
    """If it has more, it is two packages."""
    folders = {path.parent for _, path in modules()}
    counts = {str(folder): sum(1 for path in folder.glob("*.py") if path.stem != "__init__") for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES} == {}


def test_only_the_named_modules_have_doors() -> None:
    """docker, httpx, sockets and child processes stay where they are; only the commands talk to people."""
    wrong = []
    for package, path in modules():
        place = path.relative_to(PACKAGE).as_posix()
        for name in found_in(path).imports:
            allowed = DOOR_LIBRARIES.get(name.split(".")[0])
            if allowed is not None and not {package, place} & allowed:
                wrong.append(f"{place} imports {name}")
    assert wrong == []


def test_docker_is_reached_through_one_entry() -> None:
    """Outside kit/engines/docker nobody knows docker-py nor a module of that package; few may connect."""
    found = [
        (path.relative_to(PACKAGE).as_posix(), name) for _, path in modules() for name in found_in(path).imports
    ]
    outside = [(place, name) for place, name in found if not place.startswith(CONTAINERS)]
    assert [place for place, name in outside if name.split(".")[0] == "docker"] == []
    assert [each for each in outside if f"{each[1]}.".startswith("kit.engines.docker.")] == [CONTAINERS_ENTRY]
    assert {place for place, name in outside if name == "kit.engines"} == MAY_CONNECT


def test_verify_reaches_neither_engines_nor_the_network() -> None:
    """Nor does anything that verify imports, however far."""
    graph: dict[str, set[str]] = {}
    for package, path in modules():
        graph.setdefault(package, set()).update(used(path, set(ORDER)))
    reached: set[str] = set()
    todo = ["verify"]
    while todo:
        package = todo.pop()
        if package not in reached:
            reached.add(package)
            todo += graph.get(package, set())
    assert reached & FORBIDDEN_TO_VERIFY == set()
    assert "metrics" in reached


def test_nothing_is_printed_but_by_commands() -> None:
    """The load generator and other programs speak through sys.stdout, libraries return."""
    assert [str(path) for package, path in modules() if package != "cli" and found_in(path).prints] == []


def test_no_file_is_over_300_lines_and_no_function_over_60() -> None:
    """If it is longer, it is two things."""
    long = []
    for _, path in modules():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > 300:
            long.append(f"{path.name}: {lines} lines")
        functions = found_in(path).lines_of_functions
        long += [f"{path.name}:{name}: {length} lines" for name, length in functions if length > 60]
    assert long == []
