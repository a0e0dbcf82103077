"""Files that are there whole or not at all, however the kit ends."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place and put it there in one step; what stood there is replaced, or kept on failure.

    What a kit that was killed left is litter (kit.storage.names).
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
