"""For all tests: in CI the same property-test examples each time, so that a red run means a change."""

from __future__ import annotations

import gc
import os
import signal

from hypothesis import settings

settings.register_profile("ci", max_examples=30, derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# A shell that starts CI in the background has it ignore interrupts, and children would inherit that: the tests of
# Ctrl-C need what a terminal gives.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Thousands of collected tests are walked by every full garbage collection, of which each load does one."""
    gc.collect()
    gc.freeze()
