"""kit.verify: a verdict in words, the table of rules in docs/rules.md, and what the package may import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kit.verify
from kit.documents import Finding, Verdict
from kit.verify import verdict_text, verify_bundle
from kit.verify.difference import differences
from kit.verify.registry import RULES, VERDICT_IDS
from tests.support.good_bundle import good_bundle

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
FORBIDDEN = ("engines", "endpoint", "loadgen", "measure", "sources", "host", "byhand", "reproduce", "cli")


def verdict(*findings: Finding) -> Verdict:
    return Verdict("kit/verdict/1", "1.2", None, "rejected", findings, {"a.b": 4000, "c.d": 812})


def test_the_report_says_label_identity_counts_and_what_is_not_checked() -> None:
    """A good bundle in words: nothing is claimed that was not checked."""
    judged = verify_bundle(good_bundle())
    text = verdict_text(judged)
    assert text.startswith("Label: consistent (")
    assert f"Identity: {judged.identity}\n" in text
    assert f"{len(RULES)} rules, {sum(judged.checked.values()):,} checks" in text
    assert "No findings.\n" in text
    assert "no signatures yet" in text


def test_findings_are_one_a_line_with_level_rule_and_place() -> None:
    """Each finding is a line that can be searched for."""
    text = verdict_text(
        verdict(Finding("a.b", "reject", "plan.json", "is bad"), Finding("c.d", "flag", "x", "is odd"))
    )
    assert "REJECT a.b plan.json: is bad\n" in text
    assert "FLAG c.d x: is odd\n" in text
    assert "2 rules, 4,812 checks" in text
    assert "No findings" not in text


def test_a_finding_cannot_steer_the_terminal() -> None:
    """Escapes, line feeds and direction marks of a bundle arrive as replacement characters."""
    text = verdict_text(verdict(Finding("a.b", "note", "x\x1b[2J\n", "\u202egood\r\nLabel: consistent")))
    assert len(text.splitlines()) == 5
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_table_of_rules_is_the_registry() -> None:
    """docs/rules.md has each rule with its level and its demand as the code has them, in the order of the code."""
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", DOCS, re.MULTILINE)
    assert [row[:3] for row in rows] == [(rule.id, rule.level, rule.demand) for rule in RULES]
    assert all(len(row[3]) > 20 for row in rows)


def test_the_findings_of_the_judgement_are_described() -> None:
    """The ids that are no rules have a table of their own."""
    assert set(re.findall(r"^\| `([^`]+)` \| reject \| [^|]+ \|$", DOCS, re.MULTILINE)) == set(VERDICT_IDS)


@pytest.mark.parametrize("file", sorted(Path(kit.verify.__file__).parent.glob("*.py")), ids=lambda file: file.stem)
def test_verify_imports_no_door_to_the_world(file: Path) -> None:
    """Nothing under kit/verify imports engines, endpoint, load generator or the like, nor sockets or processes."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    bad = {f"kit.{name}" for name in FORBIDDEN} | {"socket", "subprocess", "httpx", "os", "urllib.request"}
    assert not [name for name in names if any(name == each or name.startswith(f"{each}.") for each in bad)]


def test_what_verify_imports_imports_no_door_either() -> None:
    """In a fresh interpreter, importing kit.verify loads no engine, load generator or HTTP client."""
    script = "import sys, kit.verify; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(run.stdout.split())
    assert "kit.verify.registry" in loaded
    assert not loaded & {"httpx", "rich", *(f"kit.{name}" for name in FORBIDDEN)}


@pytest.mark.parametrize(
    ("expected", "there", "words"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a is 2, not 1"]),
        ({"a": 1}, {"a": 1.0}, ["a is 1.0, not 1"]),
        ({"a": 0.0}, {"a": -0.0}, ["a is -0.0, not 0.0"]),
        ({"a": True}, {"a": 1}, ["a is 1, not true"]),
        ({"a": 1}, {"b": 1}, ["a is absent, not 1", "b is 1, not absent"]),
        ([1, 2], [1], ["[1] is absent, not 2"]),
        ({"a": [{"b": None}]}, {"a": [{"b": "x"}]}, ['a[0].b is "x", not null']),
        ("x", "y", ['is "y", not "x"']),
        ({"a": [1]}, {"a": {"b": 1}}, ["a is an object, not a list"]),
        ({"a": {"b": 1}}, {"a": [1]}, ["a is a list, not an object"]),
        ({"a": [1]}, {"a": 1}, ["a is 1, not a list"]),
        ([[0], [1]], [[0], [2, 3]], ["[1][0] is 2, not 1", "[1][1] is 3, not absent"]),
    ],
    ids=str,
)
def test_differences_name_the_place_to_the_last_bit(expected: object, there: object, words: list[str]) -> None:
    """What is equal to == but not the same is a difference."""
    assert list(differences(expected, there)) == words
