"""Whether a tag may be released: `python -m tests.release v0.1.0`. The release workflow asks before it builds."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import kit

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"
SECTION = re.compile(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def faults(tag: str, version: str, changelog: str) -> Iterator[str]:
    """Why not; nothing if tag, version of the code and newest dated section of the changelog agree."""
    if tag != f"v{version}":
        yield f"The tag is {tag}, but kit/__init__.py says {version}: the tag must be v{version}."
    newest = next((found[0] for found in SECTION.findall(changelog)), None)
    if newest != version:
        yield f"The newest dated section of CHANGELOG.md is {newest}: write '## {version} - YYYY-MM-DD'."


def main(tag: str) -> int:
    found = list(faults(tag, kit.__version__, CHANGELOG.read_text(encoding="utf-8")))
    sys.stderr.write("".join(f"Error: {fault}\n" for fault in found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else "(none)"))
