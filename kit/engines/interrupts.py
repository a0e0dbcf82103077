"""Ctrl-C at the wrong moment: what is half started or half ended would outlive us."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def holding_interrupts() -> Iterator[None]:
    """Let a Ctrl-C wait until the block is done, then raise it. Blocks may stand in blocks."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            # Whoever holds interrupts around us gets it, else Python's own handler or that of the kit.
            signal.raise_signal(signal.SIGINT)
