"""For all tests: the same examples of properties each time in CI, and no good document is checked twice."""

from __future__ import annotations

import gc
import marshal
import os
import signal
from collections.abc import Generator, Iterator
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import settings

from kit.strict import schema
from tests.support.not_tested import may_skip

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that is skipped has failed, but for the reasons that are listed."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not may_skip(reason):
            report.outcome = "failed"
            report.longrepr = f"In CI this must run, or be listed in tests/support/not_tested.py: {reason}"
    return report


class Remembering:
    """A schema that walks no document again that it found good: thousands of tests read the same few bundles."""

    def __init__(self, name: str) -> None:
        self._validator = _validator(name)
        self._good: set[bytes] = set()

    def iter_errors(self, document: Any) -> Iterator[Any]:
        try:
            key = sha256(marshal.dumps(document, 2)).digest()  # tells 1 from 1.0 and from true
        except ValueError:  # nothing that comes from JSON
            yield from self._validator.iter_errors(document)
            return
        if key in self._good:
            return
        good = True
        for error in self._validator.iter_errors(document):
            good = False
            yield error
        if good:
            self._good.add(key)


_validator = schema._validator
pytest.MonkeyPatch().setattr(schema, "_validator", cache(Remembering))
