"""A good run that decided: five replicates at most, of which three were enough, and what a forger makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256

from kit.documents import Cell, Plan
from kit.metrics.results import make_result
from kit.plan.extension import deciding
from kit.plan.plan import cell_order
from kit.storage.bundle import pack_files
from kit.strict import plain, write_json
from tests.support.calibrations import START_NS, recorded_calibration
from tests.support.good_bundle import Files, good_cell, good_files, good_plan
from tests.support.toy_server import MS

MOST = 5


def deciding_plan_of_good_run() -> Plan:
    plan = good_plan()
    names = tuple(entry.name for entry in plan.entries)
    workload = replace(plan.workload, replicates=MOST)
    return deciding(replace(plan, workload=workload, cells=cell_order(names, workload.concurrencies, MOST)), None)


@cache
def _cells() -> Mapping[str, tuple[Cell, Files]]:
    """Every cell that the plan allows, measured one after the other."""
    plan = deciding_plan_of_good_run()
    made: dict[str, tuple[Cell, Files]] = {}
    start_ns = START_NS
    for planned in plan.cells:
        cell, files = good_cell(plan, planned, start_ns, {})
        made[planned.id] = cell, files
        start_ns += cell.duration_ns + 20 * MS
    return made


def decided_files(
    chosen: Callable[[str], bool] = lambda name: int(name[1]) <= 3,
    change: Callable[[Plan], Plan] = lambda plan: plan,
) -> Files:
    """The files of a run that measured the chosen cells, whatever the rule of its changed plan called for."""
    plan = change(deciding_plan_of_good_run())
    cells = {name: made for name, made in _cells().items() if chosen(name)}
    files = {name: data for name, data in good_files().items() if not name.startswith("cells/")}
    files["plan.json"] = write_json(plain(plan))
    for name, (cell, more) in cells.items():
        files |= {f"cells/{name}/{part}": data for part, data in more.items()}
        files[f"cells/{name}/cell.json"] = write_json(plain(cell))
    digest = sha256(files["plan.json"]).hexdigest()
    measured = {name: cell for name, (cell, _) in cells.items()}
    result = make_result(plan, digest, measured, recorded_calibration()[0])
    files["result.json"] = write_json(plain(result))
    return files


def decided_bundle(
    chosen: Callable[[str], bool] = lambda name: int(name[1]) <= 3,
    change: Callable[[Plan], Plan] = lambda plan: plan,
) -> bytes:
    return pack_files(decided_files(chosen, change)).data


def with_rule(**values: object) -> Callable[[Plan], Plan]:
    """The plan with another rule."""

    def change(plan: Plan) -> Plan:
        assert plan.sequential is not None
        return replace(plan, sequential=replace(plan.sequential, **values))  # type: ignore[arg-type]

    return change
