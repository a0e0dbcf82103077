"""The house: a room imports only from floors below it, and only the named rooms have doors."""

from __future__ import annotations

import ast
from pathlib import Path

import kit

PACKAGE = Path(kit.__file__).parent

GROUND = {
    "model", "strict", "jsonstrict", "yamlstrict", "typed", "recordstrict", "schema", "stats", "text", "errors",
    "assets", "catalogue", "archive", "instant", "_version", "container",
}  # fmt: skip
PURE = {
    "accuracy", "advice", "answer", "calibrationtext", "chatbody", "claims", "compare", "compose", "correctness",
    "goodput", "launch", "loadtables", "metrics", "page", "passthrough", "plan", "platforms", "plots", "probador",
    "prompts", "results", "runtimes", "saturation", "schedule", "score", "sse", "stream", "study", "tables",
    "template", "timing", "traces", "validation",
}  # fmt: skip
# Floor 2 has a door each; `reactor` and the contract of engines are what its rooms share.
SHARED_DOORS = {"reactor"}
DOORS = {"engines", "endpoint", "loadgen", "reference", "telemetry", "host", "sources"}
CELLS = {
    "phases", "cellfolder", "runfolder", "measure", "gates", "supply", "visit", "images", "weights", "provision",
    "bundle", "signing", "byhand", "calibrate",
}  # fmt: skip
STORIES = {"contained", "doctor", "judging", "reproduce", "verify", "publish", "sweep"}
ROOF = {"cli", "__main__"}
FLOORS = [GROUND, PURE, SHARED_DOORS, DOORS, CELLS, STORIES, ROOF]

# Who may import what has a door to the world.
DOOR_LIBRARIES = {
    "docker": {"engines"},
    "httpx": {"endpoint", "sources"},
    "socket": {"loadgen", "reference", "engines", "reactor"},
    "subprocess": {"engines", "sources"},
    "rich": {"cli"},
    "click": {"cli"},
    "xllamacpp": {"engines"},
}
# A stranger's bundle must reach neither an engine nor the network.
FORBIDDEN_TO_VERIFY = {
    "calibrate", "engines", "endpoint", "loadgen", "measure", "sources", "reference", "reproduce",
    "byhand", "contained", "doctor", "sweep", "gates", "supply", "visit", "images", "weights", "provision",
}  # fmt: skip


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def imports(path: Path) -> set[str]:
    """Every module a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            if node.module == "kit":
                found |= {f"kit.{alias.name}" for alias in node.names}
    return found


def rooms() -> list[tuple[str, Path]]:
    """(room, file) of every module of the package but its __init__."""
    files = sorted(PACKAGE.rglob("*.py"))
    return [
        (path.relative_to(PACKAGE).with_suffix("").parts[0], path)
        for path in files
        if path.parent != PACKAGE or path.stem != "__init__"
    ]


def test_every_room_stands_on_one_floor() -> None:
    """A new module must be given its place here."""
    known = set().union(*FLOORS)
    assert {room for room, _ in rooms()} <= known
    assert sum(map(len, FLOORS)) == len(known)


def test_a_room_imports_only_from_floors_below() -> None:
    """Or from its own room; cells and stories may also use neighbours that do not use them back."""
    wrong = []
    for room, path in rooms():
        for name in imports(path):
            parts = name.split(".")
            if parts[0] != "kit" or len(parts) < 2 or parts[1] == room or not parts[1].islower():
                continue
            other = parts[1]
            if other.startswith("__"):
                continue
            same = floor_of(other) == floor_of(room)
            if floor_of(other) > floor_of(room) or (same and floor_of(room) == FLOORS.index(DOORS)):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert wrong == []


def test_no_two_rooms_import_each_other() -> None:
    """Neighbours of one floor have an order too."""
    edges = {
        (room, name.split(".")[1]) for room, path in rooms() for name in imports(path) if name.startswith("kit.")
    }
    assert [(a, b) for a, b in edges if a != b and (b, a) in edges] == []


def test_only_the_named_rooms_have_doors() -> None:
    """docker, httpx, sockets and child processes each stay in their rooms; only the roof talks to people."""
    wrong = []
    for room, path in rooms():
        for name in imports(path):
            library = name.split(".")[0]
            if library in DOOR_LIBRARIES and room not in DOOR_LIBRARIES[library]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert wrong == []


def test_verify_reaches_neither_engines_nor_the_network() -> None:
    """Nor does anything that verify imports, however far."""
    graph: dict[str, set[str]] = {}
    for room, path in rooms():
        graph.setdefault(room, set()).update(
            name.split(".")[1] for name in imports(path) if name.startswith("kit.") and len(name.split(".")) > 1
        )
    reached: set[str] = set()
    todo = ["verify"]
    while todo:
        room = todo.pop()
        if room not in reached:
            reached.add(room)
            todo += graph.get(room, set())
    assert reached & FORBIDDEN_TO_VERIFY == set()
    assert "metrics" in reached


def test_nothing_is_printed_but_by_the_roof() -> None:
    """The load generator and other programs speak through sys.stdout, libraries return."""
    wrong = []
    for room, path in rooms():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "print"
                and room != "cli"
            ):
                wrong.append(str(path))
    assert wrong == []


def test_no_file_is_over_300_lines_and_no_function_over_60() -> None:
    """If it is longer, it is two things."""
    long = []
    for _, path in rooms():
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 300:
            long.append(f"{path.name}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > 60:
                    long.append(f"{path.name}:{node.name}: {length} lines")
    assert long == []
