"""Verification: open, read, rules, label. Trusts nothing it is given; reaches no network, no engine and no disk.

    verify_bundle(data)   a packed bundle, as bytes
    verify_run(folder)    a run folder, as `kit.storage.run_folder.read_folder` reads it, or its files by name

Both give a `kit.documents.Verdict` for any input whatever, and raise nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.documents import Verdict
from kit.storage.run_folder import FolderFiles
from kit.verify.evidence import open_bundle, open_run
from kit.verify.verdict import verify_opened
from kit.verify.verdict_text import label_text, verdict_text

__all__ = ["label_text", "verdict_text", "verify_bundle", "verify_run"]


def verify_bundle(data: bytes) -> Verdict:
    """The verdict on the bytes of a bundle's archive."""
    return verify_opened(lambda: open_bundle(data))


def verify_run(folder: FolderFiles | Mapping[str, bytes]) -> Verdict:
    """The verdict on a run folder, or on its files by name. It has no identity."""
    return verify_opened(lambda: open_run(folder))
