"""RUN|BUNDLE on the command line: a run folder or the file of a bundle, opened once."""

from __future__ import annotations

from pathlib import Path

from kit.errors import InputError


def bundle_bytes(path: Path) -> bytes:
    """The bytes of a bundle, read once; `InputError` if it cannot be read or is far too large."""
    from kit.archive import DEFAULT

    try:
        with path.open("rb") as file:
            data = file.read(DEFAULT.compressed_bytes + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from None
    return data
