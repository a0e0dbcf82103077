"""kit.verify: a verdict in words, the table of rules in docs/rules.md, and what the package may import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import kit.verify
from kit.documents import Finding, Signature, Verdict
from kit.verify import label_text, verdict_text, verify_bundle
from kit.verify.difference import differences
from kit.verify.registry import RULES, VERDICT_IDS
from tests.support.good_bundle import good_bundle

KEY = f"SHA256:{'x' * 43}"
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
    assert "who made it (kit verify --signers)" in text
    assert text.count("may be the best of many runs") == 1


@pytest.mark.parametrize(
    ("signature", "label", "words", "who_is_open"),
    [
        (None, "consistent", "", True),
        (Signature("missing", why="no file"), "consistent", "Signature: none: no file", True),
        (Signature("known", "ann", KEY, "ED25519"), "consistent, signed by ann", f"key {KEY} (ED25519)", False),
        (
            Signature("unknown", None, KEY, "RSA", "new"),
            "consistent",
            "Signature: by an unknown key: new",
            False,
        ),
        (Signature("revoked", None, KEY, "RSA", "lost"), "consistent", "Signature: REVOKED: lost", False),
        (Signature("bad", why="other bytes"), "consistent", "Signature: BAD: other bytes", False),
        (
            Signature("known", "a\x1b[2J\nb", KEY, "RSA"),
            "consistent, signed by a\ufffd[2J\ufffdb",
            "not that it is",
            False,
        ),
    ],
)
def test_a_signature_is_named_beside_the_label_and_changes_no_word_of_it(
    signature: Signature | None, label: str, words: str, who_is_open: bool
) -> None:
    """And a rejected bundle is nobody's."""
    judged = replace(verify_bundle(good_bundle()), signature=signature)
    text = verdict_text(judged)

    assert text.startswith(f"Label: {label} (as self-reported")
    assert words in text
    assert ("Signature: " in text) == (signature is not None)
    assert ("who made it" in text) == who_is_open
    assert label_text(replace(judged, label="rejected")) == "rejected"


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ((Finding("a.b", "flag", "x", "is odd"),), "Not consistent: it has a flag"),
        ((Finding("a.b", "note", "x", "is odd"),), "Not consistent: telemetry does not cover"),
    ],
)
def test_a_label_that_is_not_the_best_says_why(findings: tuple[Finding, ...], words: str) -> None:
    """Without a flag only telemetry can be missing; nothing of it stands under another label."""
    judged = replace(verify_bundle(good_bundle()), findings=findings)
    assert words in verdict_text(replace(judged, label="self-reported"))
    assert "Not consistent" not in verdict_text(judged)
    assert "Not consistent" not in verdict_text(replace(judged, label="rejected"))


def test_a_challenged_run_is_not_called_the_best_of_many() -> None:
    """Nor is a rejected one: that is the least of its faults."""
    judged = verify_bundle(good_bundle())

    assert "best of many" not in verdict_text(replace(judged, checked={**judged.checked, "plan.challenge": 1}))
    assert "best of many" not in verdict_text(verdict())


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
