"""Searches for the largest number of users: against endpoints of known capacity, in sweeps and in runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.documents import Calibration, Plan, SearchRule, Sweep
from kit.errors import InputError
from kit.metrics.goodput import parse_slo
from kit.metrics.search import kept_levels, sweep_faults
from kit.metrics.users import RULE, Bracket, bracket, levels_between
from kit.plan.extension import deciding, extended, is_extension, searching
from kit.plan.plan import cell_order
from kit.plan.schedule import u64
from kit.run.reproduce import Outcome, reproduce
from kit.run.status import status_of
from kit.storage.names import SWEEP
from kit.strict import read_json, typed
from kit.strict.schema import problems
from kit.supply.supply import process_supply
from tests.support.calibrations import good_calibration
from tests.support.fakes import SUITE, FakeEngine, FakeRunning, Silent, TinyServer, demo_plan
from tests.support.sweeping import Serving, dead, searched, virtual

MOST, SEEDS = 64, 20


def rule(slo: str = "ttft=60ms", most: int = MOST) -> SearchRule:
    return SearchRule(RULE, parse_slo(slo), 950, 1, most)


# --- a sweep ------------------------------------------------------------------------------------------------


def test_the_known_capacity_is_found_within_one_level_for_every_seed(tmp_path: Path) -> None:
    """20 of 20 endpoints of 1 to 64 places, each in at most log2(range) + 3 loads."""
    levels = levels_between(1, MOST)
    for seed in range(SEEDS):
        slots = 1 + u64(2026, "capacity", "slots", seed) % MOST
        sweep = searched(tmp_path / str(seed), rule(), Serving(virtual(slots, seed)))
        found = bracket(kept_levels(sweep.levels, 950)).kept
        truth = max(level for level in levels if level <= slots)
        assert found is not None
        assert abs(levels.index(found) - levels.index(truth)) <= 1, (seed, slots, found)
        assert len(sweep.levels) <= math.log2(MOST) + 3
        assert list(sweep_faults(sweep)) == []


def test_a_searched_sweep_is_a_document_whose_choices_can_be_replayed(tmp_path: Path) -> None:
    """Levels stand in the order of measurement; another order, a level too many or too few are found."""
    sweep = searched(tmp_path / "s", rule(most=16), Serving(virtual(5, 1)))
    document = read_json((tmp_path / "s" / SWEEP).read_bytes(), SWEEP)
    assert problems(document, "sweep") == []
    assert typed(Sweep, document, SWEEP) == sweep
    assert [level.concurrency for level in sweep.levels] == [1, 4, 10, 7, 5, 6]
    assert (sweep.ended, sweep.slo) == ("complete", parse_slo("ttft=60ms"))
    swapped = replace(sweep, levels=(*sweep.levels[:2], sweep.levels[3], sweep.levels[2], *sweep.levels[4:]))
    assert list(sweep_faults(swapped)) == ["c7 was measured where the search called for 10"]
    assert list(sweep_faults(replace(sweep, levels=sweep.levels[:-1]))) == ["it ended before its search did"]
    longer = replace(sweep, levels=(*sweep.levels, sweep.levels[0]))
    assert list(sweep_faults(longer)) == ["c1 was measured where the search called for no level"]
    kinder = replace(sweep, search=replace(rule(most=16), share_milli=1))
    assert list(sweep_faults(kinder)) == ["c7 was measured where the search called for 13"]


def test_a_level_without_answers_is_one_that_is_not_kept(tmp_path: Path) -> None:
    """The search goes on below it."""
    sweep = searched(tmp_path / "s", rule("e2e=1s", most=8), Serving(dead))
    assert bracket(kept_levels(sweep.levels, 950)) == Bracket(2, 3)


# --- a run --------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibration is good and takes no time, and nobody waits for a quiet machine: this is about other things."""

    def calibration(levels: tuple[int, ...], *_: object, **__: object) -> Calibration:
        return good_calibration(levels)

    monkeypatch.setattr("kit.run.reproduce.calibrate", calibration)
    monkeypatch.setattr("kit.run.around.quiet.Quiet.wait", lambda _: None)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def plan(weights: Path) -> Plan:
    """Two entries, up to three users."""
    whole, levels = demo_plan(), levels_between(1, 3)
    names = ("llamacpp-serial", "other")
    return replace(
        whole,
        model=replace(whole.model, sha256=sha256(weights.read_bytes()).hexdigest()),
        workload=replace(whole.workload, concurrencies=levels, replicates=1),
        entries=(whole.entries[0], replace(whole.entries[0], name="other")),
        cells=cell_order(names, levels, 1),
        method=3,
        quiet_wait_ns=0,
        attempts=1,
        search=rule("ttft=1s", most=3),
    )


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with TinyServer() as server:
        yield FakeEngine(server.url)


def measured(plan: Plan, run: Path, engine: FakeEngine, weights: Path) -> Outcome:
    engine.running = FakeRunning(engine.running.url)
    return reproduce(plan, run, engine, process_supply(plan, weights), SUITE, Silent())


def test_a_run_measures_the_levels_that_its_search_calls_for(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """The scripted server never gets slower, but two requests are too few users in flight for more than two."""
    outcome = measured(plan, tmp_path / "run", engine, weights)
    statuses = {line.id: line.status for line in outcome.result.cells}
    assert outcome.result.complete
    assert statuses["r1-c1-other"] == statuses["r1-c2-other"] == "measured"
    assert sum(status == "measured" for status in statuses.values()) < len(plan.cells)
    assert outcome.notes[0].startswith("llamacpp-serial: ")
    assert "kit-search-1" in outcome.notes[2]
    assert {cell.metrics.goodput_share for cell in outcome.result.cells if cell.metrics} == {1.0}
    found = status_of(tmp_path / "run")
    assert (found.state, found.left_ns, found.at_most_ns) == ("complete", 0, 0)


def test_limits_that_nobody_keeps_end_a_run_after_its_first_level(
    plan: Plan, engine: FakeEngine, weights: Path, tmp_path: Path
) -> None:
    """And it says so."""
    outcome = measured(replace(plan, search=rule("ttft=0.001ms", most=3)), tmp_path / "run", engine, weights)
    assert [line.status for line in outcome.result.cells] == ["measured"] * 2 + ["not needed"] * 4
    assert outcome.notes[1] == "other: not 1 user within the limits; 1 not (0.0 %)."


def test_a_search_stands_alone(plan: Plan) -> None:
    """No second rule, no more replicates, no load generator that nobody calibrated; a budget it may have."""
    with pytest.raises(InputError, match="either looks for"):
        deciding(plan, None)
    with pytest.raises(InputError, match="gets no more"):
        extended(plan, 5)
    assert not is_extension(plan, plan)
    with pytest.raises(InputError, match="uncalibrated"):
        searching(replace(plan, calibrate=False), None)
    assert searching(plan, 7).search == replace(rule("ttft=1s", most=3), budget_ns=7)
    assert searching(replace(plan, search=None), 7) == replace(plan, search=None)
