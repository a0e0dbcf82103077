"""What a test says that cannot run on this machine."""

from __future__ import annotations

import os
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
