"""One process of several that carry out a load: its life, and what it says to its parent.

It must end with its parent, however that goes: the socket between them closes, and that ends a load too.
"""

from __future__ import annotations

import marshal
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import NoReturn

from kit.documents import StampSource
from kit.errors import InputError, InternalError, KitError
from kit.loadgen.counters import Ledger
from kit.loadgen.session import Session
from kit.loadgen.spool import Spool

# What a process says: that it is ready, that its share is over, then a report or an error up to the end of the
# stream. Its parent answers with the origin, and says when the load is over for all.
READY, OVER, REPORT, KIT_ERROR, SYSTEM_ERROR = b"r", b"o", b"d", b"k", b"s"
ORIGIN_BYTES = 8

# Makes the session of one process: its ledger, its spool, and the descriptor that calls it.
SessionOf = Callable[[Ledger, Spool, int], Session]


@dataclass(frozen=True, slots=True)
class Report:
    """What a process says of its share."""

    duration_ns: int
    ended_utc_ns: int
    cpu_ns: int
    stale_retries: int
    stamp_source: StampSource
    index: bytes
    longest_stall_ns: int


def report_of(said: bytes) -> Report | None:
    """The report at the end of what a process said; None if it never came to that. Raises the error it told."""
    body = said.removeprefix(READY).removeprefix(OVER)
    try:
        value = marshal.loads(body[1:])
    except (EOFError, ValueError, TypeError):
        return None
    if body[:1] == KIT_ERROR:
        code, what, remedy = value
        raise (InputError if code == InputError.exit_code else InternalError)(what, remedy)
    if body[:1] == SYSTEM_ERROR:
        raise OSError(value)
    return Report(*value)


# --- in the process --------------------------------------------------------------------------------------


class _OrphanedError(Exception):
    """The parent has gone before the load began."""


def live(link: socket.socket, ledger: Ledger, spool: Spool, session_of: SessionOf) -> NoReturn:
    """The whole life of a forked process; it never returns into what its parent was doing."""
    code = 1
    try:
        said = _share(link, ledger, spool, session_of)
        link.sendall(said)
        code = 0
    except (_OrphanedError, BrokenPipeError, ConnectionResetError):
        pass  # the parent has gone, and nobody wants what we have
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _share(link: socket.socket, ledger: Ledger, spool: Spool, session_of: SessionOf) -> bytes:
    """Carry a share out; returns what is to be said of it."""
    try:
        run = session_of(ledger, spool, link.fileno()).run(lambda: _origin(link))
        link.sendall(OVER)
        spool.flush()
    except KitError as error:
        return KIT_ERROR + marshal.dumps((error.exit_code, error.what, error.remedy))
    except (BrokenPipeError, ConnectionResetError):
        raise
    except OSError as error:
        return SYSTEM_ERROR + marshal.dumps(str(error))
    report = Report(
        run.duration_ns,
        run.ended_utc_ns,
        run.cpu_ns,
        run.stale_retries,
        run.stamp_source,
        spool.index(),
        run.longest_stall_ns,
    )
    return REPORT + marshal.dumps(astuple(report))


def _origin(link: socket.socket) -> int:
    """Say that all is ready, and wait for the origin that all processes share."""
    link.sendall(READY)
    data = b""
    while len(data) < ORIGIN_BYTES:
        more = link.recv(ORIGIN_BYTES - len(data))
        if not more:
            raise _OrphanedError
        data += more
    origin_ns = int.from_bytes(data, "big")
    while (left_ns := origin_ns - time.monotonic_ns()) > 0:
        time.sleep(left_ns / 1e9)
    return origin_ns
