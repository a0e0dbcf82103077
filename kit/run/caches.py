"""Before the first cell: each server that keeps what it compiles is started once, so no cell's start compiles.

A GPU's driver and vLLM compile for minutes where they find nothing; later starts take what is in the volume.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from kit.documents import CellPlan, Plan
from kit.documents.container import ContainerSpec
from kit.engines.protocol import Engine
from kit.errors import KitError
from kit.plan.correctness import SuiteLevel
from kit.plan.plan import entry_of
from kit.probe import probe_of
from kit.run.gates import check_answers, wait_until_ready
from kit.run.phases import CellInputs, CellState, Observer, Server
from kit.storage.names import SERVER_LOG
from kit.supply.supply import Supply


class CacheObserver(Observer, Protocol):
    """Who wants to know that a server compiles."""

    def compiling(self, entry: str) -> None: ...


def fill_caches(
    plan: Plan,
    done: Collection[str],
    engine: Engine,
    supply: Supply,
    suite: SuiteLevel,
    observer: CacheObserver,
) -> None:
    """Start what keeps a cache and has cells that are not `done`, until it has answered once.

    What goes wrong is not told here: it goes wrong again in a cell, which says why.
    """
    first: dict[str, CellPlan] = {}
    for planned in plan.cells:
        if planned.id not in done and entry_of(plan, planned).url is None:
            first.setdefault(planned.entry, planned)
    for planned in first.values():
        spec = supply.server(entry_of(plan, planned), f"cache-{planned.entry}", engine.free_port())
        if not keeps_cache(spec.container):
            continue
        observer.compiling(planned.entry)
        with tempfile.TemporaryDirectory(prefix="kit-cache-") as scratch, contextlib.suppress(KitError):
            folder = Path(scratch)
            inputs = CellInputs(plan, planned, folder, engine, supply, suite, observer)
            with engine.server(spec, folder / SERVER_LOG) as running:
                server = Server(spec, running, probe_of(running))
                state = CellState(inputs, ExitStack(), lambda _: None, started=server)
                check_answers(wait_until_ready(state))


def keeps_cache(container: ContainerSpec | None) -> bool:
    """Whether a server has a volume that it writes to."""
    return container is not None and any(not mount.read_only for mount in container.mounts)
