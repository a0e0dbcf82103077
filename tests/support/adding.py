"""docs/adding-a-runtime.md in pieces: the files that it writes, its other blocks, and its commands."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "adding-a-runtime.md").read_text(encoding="utf-8")
_FILE = re.compile(r"^`([a-z]+(?:/[a-z]+)?\.[a-z]+)`\n\n```[a-z]+\n(.*?)^```", re.DOTALL | re.MULTILINE)


def written() -> dict[str, str]:
    """The files that the page has its reader write, by their paths."""
    return dict(_FILE.findall(PAGE))


def blocks(language: str) -> list[str]:
    """Every block of a language."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return found
