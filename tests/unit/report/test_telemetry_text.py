"""What telemetry saw, in lines: each known thing once, nothing of what is not known."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Cell
from kit.report.telemetry_text import telemetry_lines
from kit.storage.run_folder import read_document
from tests.support.forge import BATCHED, SERIAL, path
from tests.support.good_bundle import good_files


def cells() -> list[Cell]:
    return [read_document(good_files()[path(name)], Cell, "cell", name) for name in (SERIAL, BATCHED)]


def without(cell: Cell, **values: float | None) -> Cell:
    assert cell.telemetry is not None
    assert cell.telemetry.summary is not None
    return replace(cell, telemetry=replace(cell.telemetry, summary=replace(cell.telemetry.summary, **values)))  # type: ignore[arg-type]


def test_other_programs_memory_and_energy_have_a_line_each() -> None:
    """Memory by its highest, energy by its span, with where it is from."""
    first, second = cells()
    lines = telemetry_lines(
        [without(first, other_share=0.25, joules_per_token=0.5), without(second, joules_per_token=1.25)]
    )
    assert lines[0] == (
        "Telemetry of 2 of 2 measured cells: other programs took 12.6 % of the CPUs in the median window, 25.0 % "
        "in the worst."
    )
    assert lines[1].startswith("Peak memory of the servers: llamacpp-serial 1.1 GB and llamacpp-batched")
    assert lines[2] == (
        "Energy per token (cpu package, minus idle): llamacpp-serial 0.5 J and llamacpp-batched 1.25 J."
    )


def test_what_is_not_known_has_no_line() -> None:
    """A machine that tells little of itself; a run from before; cells that were not measured."""
    first, second = cells()
    bare = without(first, other_share=None, server_peak_bytes=None, joules_per_token=None)
    assert telemetry_lines([bare, replace(second, telemetry=None)]) == (
        "Telemetry of 1 of 2 measured cells; what other programs took is not known.",
    )
    assert telemetry_lines([replace(first, telemetry=None)]) == ()
    assert telemetry_lines([replace(first, status="interrupted")]) == ()
