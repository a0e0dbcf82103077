"""Open files of this process: as many as a load needs, or an error before it begins."""

from __future__ import annotations

import os

from kit.errors import InputError

SPARE = 64  # what Python, the spools, the loop and the terminal hold open besides
PLENTY = 65_536  # for connections of which nobody knows the number


def need_descriptors(connections: int | None) -> tuple[int, int] | None:
    """Raise the soft limit to what so many connections at once need; `InputError` if the hard limit forbids it.

    None is as many as may be, where nobody knows the number. Returns the limit before and after, if it changed.
    """
    if os.name != "posix":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    needed = PLENTY if connections is None else connections + SPARE
    if connections is None and not unlimited:
        needed = min(needed, hard)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return None
    if not unlimited and hard < needed:
        raise InputError(
            f"{connections} connections at once need {needed} open files, and this process may have {hard}.",
            "Raise the hard limit (ulimit -Hn), or ask for fewer at once.",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return soft, needed
