"""The time that is left: from the plan, and from the cells most like those ahead; held to recorded runs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from kit.documents import Cell, CellFailure, CellPlan, Phase, Plan
from kit.plan.forecast import Underway, left_ns, predicted
from kit.storage.archive import unpack
from kit.strict import read_json, typed
from tests.support.fakes import demo_plan

S = 1_000_000_000
RESULTS = Path(__file__).parents[3] / "results"


@cache
def recorded(name: str) -> tuple[Plan, dict[str, Cell]]:
    """Plan and cells of a bundle in results/."""
    files = unpack((RESULTS / f"{name}.tar.gz").read_bytes())
    plan = typed(Plan, read_json(files["plan.json"], name), name)
    return plan, {
        planned.id: typed(Cell, read_json(files[f"cells/{planned.id}/cell.json"], name), name)
        for planned in plan.cells
    }


def cell_like(planned: CellPlan, before_s: float, after_s: float, plan: Plan) -> Cell:
    """A measured cell that took so long before and after its load."""
    _, cells = recorded("demo-2cpu")
    load_ns = plan.workload.warmup_ns + plan.workload.window_ns
    before_ns = round(before_s * S)
    return replace(
        next(iter(cells.values())),
        id=planned.id,
        entry=planned.entry,
        concurrency=planned.concurrency,
        duration_ns=before_ns + load_ns + round(after_s * S),
        phases=(Phase("start", 0, before_ns, "ok"), Phase("warm-up", before_ns, before_ns + 1, "ok")),
    )


@pytest.mark.parametrize("name", ["demo-2cpu", "demo-epyc-2cpu", "smol-2cpu", "cpu-four-2cpu"])
def test_the_time_left_of_recorded_runs_was_known_within_15_percent(name: str) -> None:
    """From the second cell on."""
    plan, cells = recorded(name)
    for done in range(1, len(plan.cells) - 1):
        ahead = plan.cells[done:]
        found = left_ns(plan, ahead, {each.id: cells[each.id] for each in plan.cells[:done]})
        true = sum(cells[each.id].duration_ns for each in ahead)
        assert found == pytest.approx(true, rel=0.15), (name, done)


def test_nothing_known_is_the_plan_and_a_guess() -> None:
    """8 s beside warm-up and window, where the engine is "process"."""
    plan = demo_plan()
    load_ns = plan.workload.warmup_ns + plan.workload.window_ns
    assert predicted(plan, plan.cells[0], ()).whole_ns == 8 * S + load_ns


def test_a_cell_takes_as_long_as_the_one_most_like_it() -> None:
    """The same entry at the same concurrency, else at the nearest, else another entry at the same."""
    plan = demo_plan()
    first, second = plan.entries[0].name, plan.entries[1].name
    at = {(each.entry, each.concurrency): each for each in plan.cells if each.replicate == 1}
    done = [cell_like(at[first, 1], 3, 1, plan), cell_like(at[first, 4], 9, 2, plan)]
    assert predicted(plan, at[first, 4], done).before_ns == 9 * S
    assert predicted(plan, at[first, 1], done).before_ns == 3 * S
    assert predicted(plan, at[first, 2], done).before_ns == 6 * S  # as near to the one as to the other
    assert predicted(plan, at[second, 4], done).before_ns == 9 * S
    failure = CellFailure("ready", "EngineError", "No.")
    failed = replace(cell_like(at[second, 1], 5, 0, plan), status="failed", failure=failure, duration_ns=5 * S)
    assert predicted(plan, at[second, 4], [*done, failed]).whole_ns == 5 * S


def test_a_runtime_that_starts_slowly_is_expected_to_until_it_was_seen() -> None:
    """One cell of llama.cpp says nothing of how long vLLM takes; one of vLLM does, whatever its entry."""
    plan, cells = recorded("smol-2cpu")
    first, second = plan.cells[:2]
    assert (first.entry, second.entry) == ("llamacpp", "vllm")
    assert predicted(plan, second, [cells[first.id]]).before_ns > 60 * S
    quick = replace(cell_like(second, 5, 1, plan), runtime="vllm", entry="vllm-other")
    assert predicted(plan, second, [cells[first.id], quick]).before_ns == 5 * S
    assert predicted(plan, first, [cells[first.id], quick]).before_ns < 5 * S


@pytest.mark.parametrize(
    ("phase", "phase_s", "cell_s", "left_s"),
    [
        ("start", 1, 1, 10),
        ("correct", 50, 50, 8),
        ("warm-up", 0.5, 3.5, 7.5),
        ("window", 2, 6, 5),
        ("stop", 0.5, 11, 1.5),
    ],
)
def test_the_rest_of_a_cell_is_told_by_its_phase(phase: str, phase_s: float, cell_s: float, left_s: float) -> None:
    """3 s before the load, 6 s of load, 2 s after it; a start that takes long takes nothing from the rest."""
    plan = demo_plan()
    plan = replace(plan, workload=replace(plan.workload, warmup_ns=1 * S, window_ns=5 * S))
    planned = plan.cells[0]
    done = {"x": replace(cell_like(planned, 3, 2, plan), id="x")}
    underway = Underway(planned.id, phase, round(phase_s * S), round(cell_s * S))
    assert left_ns(plan, [planned], done, underway) == pytest.approx(left_s * S)
    assert left_ns(plan, [planned], done) == 11 * S
