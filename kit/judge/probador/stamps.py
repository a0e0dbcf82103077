"""From the timestamps of probador to those of the kit."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# RFC 3339; chrono writes up to nine decimals and an offset.
_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,12}))?"
    r"(?:[Zz]|([+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))"
)


def utc_of(text: str) -> str:
    """An RFC 3339 time in the kit's form, UTC with microseconds (what is below is cut off); else `ValueError`."""
    found = _FORM.fullmatch(text)
    if not found:
        raise ValueError("no RFC 3339 time")
    day, clock, decimals, offset = found.groups()
    micros = (decimals or "").ljust(6, "0")[:6]
    try:
        stamp = datetime.fromisoformat(f"{day}T{clock}.{micros}{offset or '+00:00'}").astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999") from None
    return stamp.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
