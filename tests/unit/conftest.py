"""How many processes unit tests run in, where pytest is asked for `-n auto`."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than CPUs, as many tests wait for clocks and processes: on two CPUs 210 s instead of 270."""
    return (os.cpu_count() or 1) + 2
