"""What a test says that cannot run on this machine, and which of them may be silent in CI."""

from __future__ import annotations

import os
import re
import sys
from typing import NoReturn

import pytest


def not_tested(request: pytest.FixtureRequest, reason: str) -> NoReturn:
    """Fail in CI; elsewhere skip, and say so in red on the terminal, because nobody reads an `s`."""
    if os.environ.get("CI"):
        pytest.fail(f"In CI this must run: {reason}", pytrace=False)
    plugins = request.config.pluginmanager
    reporter, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
    if reporter is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"\nNOT TESTED: {reason}", red=True, bold=True)
    pytest.skip(reason)


# What a test may lack in CI, by its reason: something that this machine has or is, and the test must not have.
HAS_TOO_MUCH = re.compile(
    r"the base came from a registry|a registry answers here|this machine has /dev/.+|root reads everything|"
    r"KIT_NO_BROWSER=1|this engine cannot limit memory"
)
# What a machine of Debian packages alone lacks, and none of them brings.
LACKS = re.compile(r"this machine has (one Python|no IPv6 loopback)")
# What other systems than Linux do not have, or cannot do.
OF_LINUX_ALONE = re.compile(r"this system .+|requirements\.txt pins wheels for Linux|macOS has no such names")


def may_skip(reason: str) -> bool:
    """Whether a test may be skipped in CI for this reason; everything else there must run."""
    reason = reason.removeprefix("Skipped: ")
    return bool(HAS_TOO_MUCH.fullmatch(reason) or LACKS.fullmatch(reason)) or (
        sys.platform != "linux" and bool(OF_LINUX_ALONE.fullmatch(reason))
    )
