"""Runs made by code in which cells were disturbed or interrupted and measured again, as the kit leaves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from hashlib import sha256
from typing import Literal

from kit.documents import Cell, CellPlan, Phase, Plan
from kit.metrics.results import make_result
from kit.storage.names import attempt_folder
from kit.strict import plain, write_json
from tests.support.calibrations import START_NS, calibration_files, recorded_calibration
from tests.support.forge import BATCHED, SERIAL, archive_of, read
from tests.support.good_bundle import Files, good_cell, good_host, good_look, good_plan, jsonl
from tests.support.telemetry import Machine
from tests.support.toy_server import MS

Kind = Literal["quiet", "disturbed", "interrupted"]
Kinds = Mapping[str, Sequence[Kind]]
BUSY = Machine(other=Fraction(2))  # programs that burn two of the four CPUs beside the server
# Of the four cells, one was disturbed twice, one interrupted once and then disturbed once.
TRIED: Kinds = {SERIAL: ("disturbed", "disturbed", "quiet"), BATCHED: ("interrupted", "disturbed", "quiet")}


def plan_of_attempts(attempts: int = 3) -> Plan:
    return replace(good_plan(), attempts=attempts)


def run_of_attempts(kinds: Kinds, plan: Plan) -> Files:
    """The files of a run whose cells went so, one attempt after the other; the last of each counts.

    A cell of no kinds at all was never begun.
    """
    files: Files = {"plan.json": write_json(plain(plan)), "host.json": write_json(plain(good_host()))}
    files |= {"telemetry.jsonl": jsonl(good_look()), **calibration_files(recorded_calibration())}
    cells: dict[str, Cell] = {}
    start_ns = START_NS
    for planned in plan.cells:
        tried = kinds.get(planned.id, ("quiet",))
        for number, kind in enumerate(tried, 1):
            cell, more = _attempt(plan, planned, start_ns, kind)
            cell = replace(cell, attempt=number)
            last = number == len(tried)
            folder = f"cells/{planned.id}" if last else attempt_folder(planned.id, number)
            files |= {f"{folder}/{name}": data for name, data in more.items()}
            files[f"{folder}/cell.json"] = write_json(plain(cell))
            cells |= {planned.id: cell} if last else {}
            start_ns += cell.duration_ns + 20 * MS
    return {**files, "result.json": result_of(files, cells)}


def result_of(files: Files, cells: Mapping[str, Cell]) -> bytes:
    """result.json of these cells under the plan that is there."""
    plan = read(files, "plan.json", Plan)
    digest = sha256(files["plan.json"]).hexdigest()
    return write_json(plain(make_result(plan, digest, cells, recorded_calibration()[0])))


def _attempt(plan: Plan, planned: CellPlan, start_ns: int, kind: Kind) -> tuple[Cell, Files]:
    cell, files = good_cell(plan, planned, start_ns, {}, BUSY if kind == "disturbed" else Machine())
    if kind != "interrupted":
        return cell, files
    assert cell.facts is not None
    *before, collect, stop = cell.phases
    cut = Phase(collect.name, collect.started_ns, collect.ended_ns, "interrupted")
    facts = replace(cell.facts, interrupted=True, window=None)
    cell = replace(
        cell, status="interrupted", facts=facts, metrics=None, telemetry=None, phases=(*before, cut, stop)
    )
    return cell, files


@cache
def tried_files() -> Mapping[str, bytes]:
    """The files of the run with attempts."""
    return run_of_attempts(TRIED, plan_of_attempts())


def tried_changed(*changes: Callable[[Files], None]) -> bytes:
    """The bundle of the run with attempts after these changes, with a manifest that fits."""
    files = dict(tried_files())
    for change in changes:
        change(files)
    return archive_of(files)


def ended_so(kinds: Kinds, attempts: int = 3) -> bytes:
    """The bundle of a run whose cells went so."""
    return archive_of(run_of_attempts(kinds, plan_of_attempts(attempts)))


def attempt_path(cell: str, number: int, name: str = "cell.json") -> str:
    return f"{attempt_folder(cell, number)}/{name}"


def without_attempt(cell: str, number: int) -> Callable[[Files], None]:
    """Take a whole attempt out."""

    def apply(files: Files) -> None:
        for name in [name for name in files if name.startswith(f"{attempt_folder(cell, number)}/")]:
            del files[name]

    return apply


def moved(source: str, target: str) -> Callable[[Files], None]:
    """Put the files of one folder in the place of another's."""

    def apply(files: Files) -> None:
        for name in [name for name in files if name.startswith(f"{target}/")]:
            del files[name]
        for name in [name for name in files if name.startswith(f"{source}/")]:
            files[target + name.removeprefix(source)] = files.pop(name)

    return apply
