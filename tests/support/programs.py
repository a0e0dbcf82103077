"""The good bundle as if its servers had been a `llama-server` of the machine."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Cell, Plan
from kit.documents.pins import ProgramPin
from tests.support.forge import CELL_NAMES, in_cell, in_plan
from tests.support.good_bundle import Files

PIN = ProgramPin("llama-server", "ab" * 32, 1000, "11549 (abc1234)")


def planned(plan: Plan) -> Plan:
    entries = tuple(
        replace(each, variant="program", settings={**each.settings, "flash_attention": 1}) for each in plan.entries
    )
    return replace(plan, entries=entries, programs=(PIN,))


def ran(cell: Cell) -> Cell:
    assert cell.server is not None
    command = ("llama-server", *cell.server.command[1:])
    return replace(cell, variant="program", server=replace(cell.server, command=command))


def of_programs(files: Files) -> None:
    """Plan and cells; a bundle that is changed so says so, and is good."""
    in_plan(planned)(files)
    for cell in CELL_NAMES:
        in_cell(ran, cell)(files)
