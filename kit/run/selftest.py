"""A self test: a platform as it is, but short, at one and four users; its run leaves one small file."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kit.documents.selftest import SelfTest
from kit.judge.selftest import ShortRun, selftest_of
from kit.judge.trial_figures import CellParts
from kit.run.reproduce import conclude
from kit.storage.cell_folder import read_checks
from kit.storage.names import CELLS, CORRECT
from kit.storage.run_folder import read_cells, read_host, read_plan
from kit.timestamps import utc_now

# What a self test changes of a platform's workload.
SHORT: Final[Mapping[str, Any]] = {"concurrency": (1, 4), "window": 30.0, "warmup": 3.0, "replicates": 1}
EVERYBODY = frozenset({"root", "user", "localhost", "ubuntu", "debian"})  # names that name nobody


def load_average() -> float | None:
    """How many processes wanted a CPU in the last minute; None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def selftest_in(folder: Path, before: float | None) -> SelfTest:
    """The self test of a short run that lies in a folder, whatever became of its cells.

    `before` is the load average of the machine when it began.
    """
    plan, plan_sha256 = read_plan(folder)
    outcome = conclude(plan, plan_sha256, folder)
    cells = {
        name: CellParts(cell, (), read_checks(folder / CELLS / name / CORRECT))
        for name, cell in read_cells(folder, plan).items()
    }
    run = ShortRun(
        plan=plan,
        plan_sha256=plan_sha256,
        result=outcome.result,
        cells=cells,
        host=read_host(folder),
        calibration=outcome.calibration,
        notes=outcome.notes,
        load_average=before,
    )
    return selftest_of(run, utc_now(), private_names())


def private_names() -> tuple[str, ...]:
    """The names of this machine and of its user, which no file for strangers may have."""
    machine = platform.node()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # nobody of the system's list
        user = ""
    names = (machine, machine.partition(".")[0], user, Path.home().name)
    return tuple(dict.fromkeys(name for name in names if name and name.lower() not in EVERYBODY))
