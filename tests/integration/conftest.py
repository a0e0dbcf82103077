"""Which tests may run beside each other: `pytest -n 2 --dist loadgroup` keeps a group in one process, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENGINE = "containers"  # its tests look at all that is on the engine, so they run one after the other


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One group for the folder of the engine, and one for each other file: its servers are started once."""
    for item in items:
        if item.path.is_relative_to(HERE):
            parts = item.path.relative_to(HERE).with_suffix("").parts
            item.add_marker(pytest.mark.xdist_group(ENGINE if ENGINE in parts else "/".join(parts)))
