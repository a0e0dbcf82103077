"""The README says nothing that its evidence does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit.cli import COMMANDS
from kit.verify import verify_bundle
from kit.verify.registry import RULES

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUNDLES = sorted((ROOT / "results").glob("*.tar.gz"))


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_every_bundle_of_the_repository_is_accepted(path: Path) -> None:
    """By the rules of today."""
    verdict = verify_bundle(path.read_bytes())
    assert verdict.label != "rejected", verdict.findings


def test_the_readme_names_commands_that_exist_and_counts_the_rules() -> None:
    """No command is invented, the number of rules is right, and it fits on one screen and a half."""
    named = set(re.findall(r"^kit ([a-z]+)", README, re.MULTILINE))
    assert named <= set(COMMANDS)
    assert {"reproduce", "verify", "bundle", "table", "load", "test"} <= named
    assert len(README.splitlines()) < 90
    assert f"[{len(RULES)} rules](docs/rules.md)" in README
