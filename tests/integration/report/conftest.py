"""The browser that the tests of pages share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.report.browser import Browser, browser


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    """One browser for all; there must be one unless KIT_NO_BROWSER says that there is none."""
    if os.environ.get("KIT_NO_BROWSER") == "1":
        pytest.skip("KIT_NO_BROWSER=1")
    with browser() as found:
        yield found
