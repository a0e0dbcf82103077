"""A good run that looked for the largest number of users within 30 ms, and what a forger makes of it.

The serial entry has one slot and keeps one user, the other has four and keeps all that are looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256

from kit.documents import Cell, Plan, SearchRule
from kit.metrics.goodput import parse_slo
from kit.metrics.results import make_result
from kit.metrics.users import RULE, SHARE_MILLI
from kit.plan.plan import cell_order
from kit.plan.workloads.levels import calibrated_levels
from kit.storage.bundle import pack_files
from kit.strict import plain, write_json
from tests.support.calibrations import START_NS, calibration_files, recorded_calibration
from tests.support.good_bundle import Files, good_cell, good_files, good_plan
from tests.support.toy_server import MS

SERIAL, BATCHED = "llamacpp-serial", "llamacpp-batched"
LIMITS = parse_slo("ttft=30ms")
LEVELS = (1, 2, 3, 4)
# In the order in which the search measures them.
CALLED = (
    f"r1-c1-{SERIAL}", f"r1-c1-{BATCHED}", f"r1-c3-{SERIAL}", f"r1-c3-{BATCHED}", f"r1-c2-{SERIAL}",
    f"r1-c4-{BATCHED}",
)  # fmt: skip
NOT_CALLED = f"r1-c4-{SERIAL}"


def searching_plan() -> Plan:
    plan = good_plan()
    names = tuple(entry.name for entry in plan.entries)
    workload = replace(plan.workload, concurrencies=LEVELS)
    rule = SearchRule(RULE, LIMITS, SHARE_MILLI, 1, 4)
    return replace(plan, workload=workload, cells=cell_order(names, LEVELS, 1), search=rule)


@cache
def _cells(order: tuple[str, ...], change: Callable[[Plan], Plan]) -> Mapping[str, tuple[Cell, Files]]:
    """These cells, measured one after the other."""
    plan = change(searching_plan())
    planned = {each.id: each for each in plan.cells}
    made: dict[str, tuple[Cell, Files]] = {}
    start_ns = START_NS
    for name in order:
        cell, files = good_cell(plan, planned[name], start_ns, {})
        made[name] = cell, files
        start_ns += cell.duration_ns + 20 * MS
    return made


def as_planned(plan: Plan) -> Plan:
    return plan


def searched_files(order: tuple[str, ...] = CALLED, change: Callable[[Plan], Plan] = as_planned) -> Files:
    """The files of a run that measured these cells in this order, whatever its changed plan called for."""
    plan = change(searching_plan())
    cells = _cells(order, change)
    files = {name: data for name, data in good_files().items() if not name.startswith("cells/")}
    files["plan.json"] = write_json(plain(plan))
    calibration, requests = recorded_calibration(calibrated_levels(plan))
    files |= calibration_files((calibration, requests))
    for name, (cell, more) in cells.items():
        files |= {f"cells/{name}/{part}": data for part, data in more.items()}
        files[f"cells/{name}/cell.json"] = write_json(plain(cell))
    digest = sha256(files["plan.json"]).hexdigest()
    result = make_result(plan, digest, {name: cell for name, (cell, _) in cells.items()}, calibration)
    files["result.json"] = write_json(plain(result))
    return files


def searched_bundle(order: tuple[str, ...] = CALLED, change: Callable[[Plan], Plan] = as_planned) -> bytes:
    return pack_files(searched_files(order, change)).data


def with_search(**values: object) -> Callable[[Plan], Plan]:
    """The plan with another rule."""

    def change(plan: Plan) -> Plan:
        assert plan.search is not None
        return replace(plan, search=replace(plan.search, **values))  # type: ignore[arg-type]

    return change
