"""Every relative link of every document leads to a file of the repository, and to a heading where it names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`((?:kit|tests|docs|schemas|compose|images|prompts)/[\w./-]+\.\w+)`")


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(path: Path, text: str) -> list[str]:
    """The links of a document that lead nowhere."""
    found = []
    for link in LINK.findall(CODE.sub("", text)):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            found.append(link)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """To files and headings that are there."""
    assert broken(path, path.read_text("utf-8")) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """To a missing file, to a missing heading; code and addresses are not looked at."""
    page = tmp_path / "a.md"
    page.write_text("# It's `so`\n")
    text = "[a](a.md#its-so) [b](b.md) [c](a.md#other) [d](#x) [e](https://e.org/x) `[f](g.md)`\n"
    text += "```\n[h](i.md)\n```\n"
    assert broken(page, text) == ["b.md", "a.md#other", "#x"]


def test_contributing_names_files_that_exist() -> None:
    """The way of a request's bytes is the one in the code."""
    named = NAMED.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []
