"""A small file system of one's own, for tests of a full disk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.not_tested import not_tested


@contextmanager
def small_disk_at(place: Path, size_bytes: int, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of this size, gone at the end; the test is left out where none can be mounted."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        not_tested(request, f"a full disk: this machine mounts none ({done.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
