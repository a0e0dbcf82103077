"""The long tests are in parts, and the Makefile, the gate and the workflow know all of them."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
MARK = re.compile(r"mark\.long\b(\(part=(\d+)\))?")


def parts_of_tests() -> set[int]:
    """The parts that tests name; a mark without one fails here."""
    found = set()
    for folder in ("integration", "runtimes"):
        for path in (ROOT / "tests" / folder).rglob("test_*.py"):
            for mark in MARK.finditer(path.read_text(encoding="utf-8")):
                assert mark[2], f"{path.name}: a long test is in no part"
                found.add(int(mark[2]))
    return found


def test_every_part_is_run_by_make_and_every_job() -> None:
    """From 1 on, without a gap: no long test is run by nobody."""
    parts = sorted(parts_of_tests())
    assert parts == list(range(1, len(parts) + 1))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"\nPARTS := {' '.join(map(str, parts))}\n" in makefile
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["long"]["strategy"]["matrix"]["part"] == parts


def test_the_gate_chooses_among_all_parts() -> None:
    """By the commit."""
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"% {len(parts_of_tests())} + 1" in gate


def test_nothing_that_takes_long_to_compile_is_in_make_test() -> None:
    """All of tests/runtimes is long."""
    for path in (ROOT / "tests" / "runtimes").glob("test_*.py"):
        assert "pytest.mark.long(" in path.read_text(encoding="utf-8"), path.name
