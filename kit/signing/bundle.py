"""The signature of a whole bundle: over its manifest, judged at the time when the run says that it started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from kit.documents import Signature
from kit.signing.ssh import check_signature
from kit.storage.names import CALIBRATION, CELL, MANIFEST
from kit.strict import StrictError, read_json
from kit.timestamps import utc_ns

NS_PER_S = 1_000_000_000
MISSING = Signature("missing", why="no signature lies beside the bundle")


def bundle_signature(
    files: Mapping[str, bytes], signature: bytes | None, signers: Path | None, revoked: Path | None = None
) -> Signature:
    """What a signature of a bundle's files is worth; `InputError` as `check_signature` raises it.

    Whether a key was valid is asked for the start of the run. That is the maker's own word: a key that got into
    other hands belongs on the list of revoked ones, where no time counts.
    """
    if signature is None:
        return MISSING
    if MANIFEST not in files:
        return Signature("bad", why="the bundle has no manifest")
    started = started_utc(files)
    if started is None:
        return Signature("bad", why="the bundle does not say when it was made")
    at = datetime.fromtimestamp(utc_ns(started) // NS_PER_S, UTC)
    return check_signature(files[MANIFEST], signature, signers, revoked=revoked, at=at)


def started_utc(files: Mapping[str, bytes]) -> str | None:
    """When the run of these files started by its own word: the earliest of its calibration, cells and attempts."""
    return min(_starts(files), default=None)  # of one width, so the first in order is the earliest


def _starts(files: Mapping[str, bytes]) -> Iterator[str]:
    for name, data in files.items():
        if name != CALIBRATION and not name.endswith(f"/{CELL}"):
            continue
        try:
            document = read_json(data, name)
            said = document.get("started_utc") if isinstance(document, dict) else None
            if isinstance(said, str):
                utc_ns(said)
                yield said
        except (StrictError, ValueError):
            continue  # `kit verify` rejects such a bundle
