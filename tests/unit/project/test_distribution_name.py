"""The distribution is llm-repro-kit; `kit` on the package index is another project and no text advises it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OTHERS = re.compile(
    r"(?:pipx?|uv(?: tool)?|uvx) (?:install|add|run|download)\b[^\n`]*?(?<![\w./-])['\"]?kit(?=[\[\s'\"=<>~`]|$)"
)
SUFFIXES = {".py", ".md", ".toml", ".yaml", ".txt", ".Dockerfile", ".yml"}


@pytest.mark.parametrize(
    "text", ["pip install kit", "pip install 'kit[demo]'", "uv tool install kit", "pipx install kit==1"]
)
def test_advice_of_somebody_elses_package_is_found(text: str) -> None:
    """In every form in which people install."""
    assert OTHERS.search(text)


@pytest.mark.parametrize("text", ["pip install 'llm-repro-kit[demo]'", "pip install -e .", "kit plan demo"])
def test_our_own_name_is_no_finding(text: str) -> None:
    """Nor is the command."""
    assert not OTHERS.search(text)


def test_no_text_advises_a_name_that_is_not_ours() -> None:
    """Code, docs, recipes and golden files."""
    folders = ("kit", "docs", "images", "compose", "benchmarks", "tests/unit/cli/golden")
    files = [path for name in folders for path in (ROOT / name).rglob("*") if path.suffix in SUFFIXES]
    files += [*ROOT.glob("*.md"), ROOT / "pyproject.toml", ROOT / "Makefile"]

    found = [str(path.relative_to(ROOT)) for path in files if OTHERS.search(path.read_text(encoding="utf-8"))]

    assert found == []
    assert len(files) > 300
    assert 'name = "llm-repro-kit"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
