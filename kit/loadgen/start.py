"""When a load begins that several clients share: at one time of day, by the clock of each."""

from __future__ import annotations

import time
from collections.abc import Callable

from kit.errors import InputError
from kit.metrics.clients import MAX_LATE_NS
from kit.timestamps import utc_ns

LOOK_S = 0.2  # meanwhile the clock may be set, or the user give up


def common_start(at_utc: str, given_up: Callable[[], bool]) -> Callable[[], int]:
    """What waits until that time and gives the origin; `InputError` if it is past by then."""
    at_ns = utc_ns(at_utc)

    def origin() -> int:
        while not given_up() and (left_ns := at_ns - time.time_ns()) > 0:
            time.sleep(min(left_ns / 1e9, LOOK_S))
        late_ns = time.time_ns() - at_ns
        if late_ns > MAX_LATE_NS:
            raise InputError(
                f"The load was to begin at {at_utc}, which was {late_ns / 1e9:.1f} s ago; nothing was sent.",
                "Give all clients a later --at.",
            )
        return time.monotonic_ns()

    return origin
