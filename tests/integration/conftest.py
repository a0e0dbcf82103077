"""Which tests may run beside each other in several processes (`make integration`).

Each file runs in one process, so that its servers are started once, and the files of the engine in one together:
they look at all that is on it. xdist's own groups do not work with pytest 9.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ENGINE = "containers"


class Files(LoadScopeScheduling):  # type: ignore[misc]
    """One unit of work for the folder of the engine, and one for each other file; the largest first."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return ENGINE if ENGINE in file.split("/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files:
    return Files(config, log)
