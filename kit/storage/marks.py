"""Whether a file was touched, without reading it: a model of 40 GB cannot be hashed before every cell."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path


def mark_of(path: Path) -> str:
    """What changes when somebody writes to a file, or to one in a folder: size, times and inode.

    The time of the last change of the inode is not for programs to set, so a file that was put back has another.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    marks = []
    for file in files:
        found = file.stat()
        name = file.relative_to(path).as_posix()
        marks.append(f"{name} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}")
    return sha256("\n".join(marks).encode()).hexdigest()
