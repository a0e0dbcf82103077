"""The documentation site is built without a warning, has every page, and asks nobody for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from documentation.reference import helps, json_table, metrics_table
from kit.metrics.registry import METRICS

ROOT = Path(__file__).resolve().parents[3]
# What a browser fetches by itself: not the links that somebody clicks.
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=[\"']?([^\"'\s>]+)"
    r"|<link\b(?![^>]*\brel=[\"']?(?:canonical|prev|next)\b)[^>]*?\bhref=[\"']?([^\"'\s>]+)",
    re.IGNORECASE,
)
IN_STYLES = re.compile(r"url\(\s*[\"']?((?:https?:)?//[^\"')\s]+)|@import\s+[\"']((?:https?:)?//[^\"']+)")
FOREIGN = re.compile(r"^(?:https?:)?//", re.IGNORECASE)


def foreign(text: str, expression: re.Pattern[str] = FETCHED) -> list[str]:
    """The addresses of others that a page or style sheet makes a browser fetch."""
    found = ["".join(groups) for groups in expression.findall(text)]
    return [address for address in found if FOREIGN.match(address)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make site-docs` does, warnings being errors."""
    folder = tmp_path_factory.mktemp("site") / "docs"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages_of(nav: object) -> list[str]:
    """The files of a navigation, in order."""
    if isinstance(nav, str):
        return [nav]
    inner = nav if isinstance(nav, list) else list(nav.values()) if isinstance(nav, dict) else []
    return [page for part in inner for page in pages_of(part)]


def test_every_page_is_in_the_navigation_and_on_the_site(site: Path) -> None:
    """Those of docs/, those of the top of the repository, and the one that is made."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = pages_of(yaml.safe_load(text)["nav"])
    assert len(listed) == len(set(listed))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= set(listed)
    assert [name for name in listed if not (site / name.replace(".md", ".html")).is_file()] == []


def test_nothing_is_fetched_from_others(site: Path) -> None:
    """No script, style sheet, font or picture: it works without a network, from the disk."""
    found = [(page.name, foreign(page.read_text(encoding="utf-8"))) for page in site.rglob("*.html")]
    found += [(sheet.name, foreign(sheet.read_text(encoding="utf-8"), IN_STYLES)) for sheet in site.rglob("*.css")]
    assert len(found) > 40
    assert [each for each in found if each[1]] == []
    # The theme would fetch this script for diagrams; so no page may have one.
    assert not any('class="mermaid"' in page.read_text(encoding="utf-8") for page in site.rglob("*.html"))


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.org/a.js">',
        "<link rel=stylesheet href=//fonts.example.org/css>",
        '<img alt="a" src="http://example.org/a.png">',
    ],
)
def test_what_would_be_fetched_is_found(text: str) -> None:
    """Whatever quotes it has; a link to click is none."""
    assert foreign(text)
    assert not foreign('<a href="https://example.org">x</a> <script src="assets/a.js"></script>')
    assert foreign("a { background: url(https://example.org/x.woff2) }", IN_STYLES)


def test_pages_show_no_marks_of_tests(site: Path) -> None:
    """What a block needs, or which command made it, is for makers."""
    for page in site.rglob("*.html"):
        if page.name != "contributing.html":  # which tells makers of them
            assert not re.search(r"&lt;!-- (?:needs|made by)", page.read_text(encoding="utf-8")), page.name


def test_the_page_of_commands_has_every_help(site: Path) -> None:
    """Under a heading of its own."""
    text = (site / "commands.html").read_text(encoding="utf-8")
    assert all(f">{' '.join(words)}<" in text for words, _ in helps())


def test_the_reference_has_every_figure_and_document() -> None:
    """Distributions in one row each."""
    table = metrics_table()
    assert all(
        f"`{path}`" in table or f"`{path.partition('.')[0]}.PART`" in table
        for path in METRICS
        if "by_output" not in path
    )
    assert "`kit/gate/1` | `kit gate`" in json_table()
