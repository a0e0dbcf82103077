"""tests.near: which tests belong to which change."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.near import ALWAYS, OUTSIDE, ROOT, changed_files, near


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ([], [ALWAYS]),
        (["kit/metrics/stats.py"], ["tests/unit/metrics", ALWAYS]),
        (["kit/judge/advice.py", "kit/judge/score/kit1.py"], ["tests/unit/judge", ALWAYS]),
        (["kit/judge/score/kit1.py"], ["tests/unit/judge/score", ALWAYS]),
        (["kit/cli/_shared/percent.py"], ["tests/unit/cli", ALWAYS]),
        (["kit/catalogue/contracts/kit-1.yaml"], ["tests/unit/catalogue", ALWAYS]),
        (["kit/text.py"], ["tests/unit/test_text.py", ALWAYS]),
        (["kit/errors.py", "kit/documents/plan.py", "tests/support/forge.py"], [ALWAYS]),
        (["tests/unit/cli/golden/kit.txt"], ["tests/unit/cli", ALWAYS]),
        (["schemas/cell.v1.json"], ["tests/unit/strict", ALWAYS]),
        (["README.md"], ["tests/unit/project"]),
        ([".github/workflows/test.yml", "kit/plan/gone.py"], ["tests/unit/plan", "tests/unit/project"]),
    ],
    ids=lambda names: " ".join(names) or "nothing",
)
def test_a_change_has_its_tests(changed: list[str], expected: list[str]) -> None:
    """Those that mirror it, none twice, and the architecture with every change."""
    assert near(changed) == sorted(expected)


def test_what_is_named_exists() -> None:
    """A folder that moved is noticed here."""
    assert all((ROOT / place).exists() for place in (ALWAYS, *OUTSIDE, *OUTSIDE.values()))


def test_changed_is_what_differs_from_the_last_commit_or_what_it_changed(tmp_path: Path) -> None:
    """Also a file that git does not know yet; on a clean tree the last commit counts."""

    def git(*words: str) -> None:
        who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "old name").write_text("1")
    git("add", "-A")
    git("commit", "-qm", "first")

    assert changed_files(tmp_path) == ["old name"]

    (tmp_path / "new").write_text("1")
    assert changed_files(tmp_path) == ["new"]
    (tmp_path / "old name").write_text("2")
    assert changed_files(tmp_path) == ["old name", "new"]
