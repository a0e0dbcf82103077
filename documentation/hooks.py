"""What MkDocs asks while it builds the site (`make site-docs`): made pages, and files of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from documentation.reference import commands_page

ROOT = Path(__file__).resolve().parents[1]
# Pages of the top of the repository under their names on the site.
TOP = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
_OUTSIDE = re.compile(r"\[([^\]\n]*)\]\(\.\./([\w./-]+)(#[\w-]+)?\)")
_INSIDE = re.compile(r"\]\(docs/([\w./-]+)(#[\w-]+)?\)")
_TOP = re.compile(r"\]\(([A-Z]+\.md)(#[\w-]+)?\)")
_MARK = re.compile(r"^<!-- (?:needs|made by|plotted by|end)[^\n]*-->\n", re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """The made page, the pages of the top, and every file of the repository that a page links to."""
    files.append(File.generated(config, "commands.md", content=commands_page()))
    for name, target in TOP.items():
        files.append(File.generated(config, target, content=_as_page((ROOT / name).read_text(encoding="utf-8"))))
    linked = {
        found
        for path in sorted((ROOT / "docs").glob("*.md"))
        for _, found, _ in _OUTSIDE.findall(path.read_text(encoding="utf-8"))
        if found not in TOP and (ROOT / found).is_file()
    }
    for name in sorted(linked):
        files.append(File.generated(config, f"files/{name}", content=(ROOT / name).read_bytes()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to files outside docs/ lead to their copies, those to folders are text; marks are left out."""

    def target(found: re.Match[str]) -> str:
        text, name, anchor = found[1], found[2], found[3] or ""
        if (ROOT / name).is_dir():
            return text
        page = "index.md" if name == "README.md" else TOP.get(name, f"files/{name}")
        return f"[{text}]({page}{anchor})"

    return _OUTSIDE.sub(target, _MARK.sub("", markdown))


def _as_page(text: str) -> str:
    """A page of the top of the repository with links as from docs/."""
    inside = _INSIDE.sub(lambda found: f"]({found[1]}{found[2] or ''})", text)

    def target(found: re.Match[str]) -> str:
        name = "index.md" if found[1] == "README.md" else TOP.get(found[1], found[1])
        return f"]({name}{found[2] or ''})"

    return _TOP.sub(target, inside)
