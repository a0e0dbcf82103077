"""The good bundle as if its servers had been a `llama-server` of the machine."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from kit.documents import Cell, Plan
from kit.documents.pins import ProgramPin
from kit.plan.weights import weights_of
from kit.runtimes.launch import entry_process
from tests.support.forge import CELL_NAMES, in_cell, in_plan, read
from tests.support.good_bundle import Files

PIN = ProgramPin("llama-server", "ab" * 32, 1000, "11549 (abc1234)")


def planned(plan: Plan) -> Plan:
    entries = tuple(
        replace(each, variant="program", settings={**each.settings, "flash_attention": 1}) for each in plan.entries
    )
    return replace(plan, entries=entries, programs=(PIN,))


def ran(plan: Plan, cell: Cell) -> Cell:
    """With the command that the kit makes of the plan."""
    assert cell.server is not None
    assert cell.load is not None
    entry = next(each for each in plan.entries if each.name == cell.entry)
    port = urlsplit(cell.load.url).port or 0
    command = entry_process(entry, cell.id, weights_of(plan, entry).file, port).command
    return replace(cell, variant="program", server=replace(cell.server, command=command))


def of_programs(files: Files) -> None:
    """Plan and cells; a bundle that is changed so says so, and is good."""
    in_plan(planned)(files)
    plan = read(files, "plan.json", Plan)
    for cell in CELL_NAMES:
        in_cell(partial(ran, plan), cell)(files)
