"""What makes a folder of loads by hand a run: plan and machine before the first load, result after the last."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from kit.documents import FoundServer, Load, Plan
from kit.errors import KitError
from kit.machine.here import look_here
from kit.metrics.results import make_result
from kit.plan.target import Access, parse_target
from kit.probe.running import look_at
from kit.storage.names import HOST, PLAN, RESULT
from kit.storage.run_folder import read_cells, write_document


def learnt(load: Load, access: Access) -> FoundServer:
    """What the server says of itself, within seconds; nothing where it does not: the load itself finds out."""
    try:
        return look_at(parse_target(load.url), access)
    except KitError:
        return FoundServer()


def begin_by_hand(plan: Plan, folder: Path) -> None:
    """Plan and machine, before the first load."""
    write_document(folder / PLAN, plan, "plan")
    write_document(folder / HOST, look_here().host, "host")


def leave_by_hand(folder: Path) -> None:
    """Take away what `begin_by_hand` wrote where nothing was measured."""
    for name in (PLAN, HOST):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def end_by_hand(plan: Plan, folder: Path) -> None:
    """result.json from the cells there are."""
    digest = sha256((folder / PLAN).read_bytes()).hexdigest()
    write_document(folder / RESULT, make_result(plan, digest, read_cells(folder, plan), None), "result")
