"""The folder of accepted runs: NAME-TIME, NAME-TIME.tar.gz or NAME.tar.gz, where NAME is that of a platform."""

from __future__ import annotations

import re
from pathlib import Path

from kit.storage.names import PLAN

_STAMP = r"[0-9]{8}-[0-9]{6}(?:-[0-9]+)?"


def last_accepted(folder: Path, platform: str) -> Path | None:
    """The run folder or bundle of a platform that was accepted last, by the time in its name."""
    form = re.compile(rf"{re.escape(platform)}(?:-({_STAMP}))?(?:\.tar\.gz)?")
    matches = ((form.fullmatch(path.name), path) for path in _inside(folder))
    runs = [
        (match[1] or "", path.name, path)
        for match, path in matches
        if match and (path.name.endswith(".tar.gz") or (path / PLAN).is_file())
    ]
    return max(runs)[2] if runs else None


def accepted_platforms(folder: Path) -> tuple[str, ...]:
    """The names of all platforms that have an accepted run."""
    form = re.compile(rf"(.+?)(?:-{_STAMP})?\.tar\.gz|(.+?)-{_STAMP}")
    matches = (form.fullmatch(path.name) for path in _inside(folder) if not path.name.startswith("."))
    return tuple(dict.fromkeys(match[1] or match[2] for match in matches if match))


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
