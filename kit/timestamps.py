"""Points in real time as text, and back: 2026-01-31T12:00:00.000001Z, always UTC, always microseconds."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_NS_PER_S = 1_000_000_000


def utc_text(ns: int) -> str:
    """Real time in ns since 1970 as text; what is below a microsecond is cut off."""
    seconds, rest = divmod(ns, _NS_PER_S)
    stamp = datetime.fromtimestamp(seconds, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def utc_now() -> str:
    return utc_text(time.time_ns())


def utc_ns(text: str) -> int:
    """The ns since 1970 of such a text; `ValueError` if it is no such text or no such date."""
    if not _FORM.fullmatch(text):
        raise ValueError(f"not a UTC time with microseconds: {text[:40]!r}")
    stamp = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(stamp.timestamp()) * _NS_PER_S + int(text[20:26]) * 1000
