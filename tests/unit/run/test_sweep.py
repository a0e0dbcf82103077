"""A sweep: when it ends, what is on the frontier, where the knee is, and what lies on disk afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Load, Loop, Record, Sweep, SweepLevel, Window
from kit.engines.protocol import OnLine
from kit.errors import EngineError, InputError
from kit.metrics.aggregate import cell_metrics
from kit.metrics.saturation import Point, knee, pareto, point, reason_to_stop, saturated
from kit.run.sweep import level_id
from kit.storage.names import FACTS, SWEEP
from kit.strict import read_json, typed, write_json
from kit.strict.schema import problems
from tests.support.records import MS, make_record
from tests.support.sweeping import Serving, dead, of_slots, swept, users


def points(*rows: tuple[float | None, float | None]) -> list[Point]:
    """Levels 1, 2, 4, ... with throughput and latency; decode is the inverse of the latency."""
    return [
        Point(f"c{2**i}", 2.0**i, height, None if latency is None else 1000 / latency, latency)
        for i, (height, latency) in enumerate(rows)
    ]


# --- the rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "is_saturated"),
    [
        ([(100, 10), (104, 20), (108, 40)], True),
        ([(100, 10), (90, 20), (80, 40)], True),
        ([(50, 5), (100, 10), (104, 20), (108, 40)], True),
        ([(100, 10), (104, 20)], False),
        ([(100, 10), (200, 10), (204, 20)], False),
        ([(100, 10), (104, 20), (120, 40)], False),
        ([(100, 10), (104, 10.4), (108, 10.8)], False),
        ([(100, 10), (105, 20), (110.25, 40)], False),
        ([(100, 10), (None, None), (100, 40)], False),
        ([(100, 10), (104, None), (108, 40)], False),
    ],
)
def test_a_server_is_saturated_after_two_steps_that_brought_only_waiting(
    rows: list[tuple[float | None, float | None]], is_saturated: bool
) -> None:
    """Under 5 % more throughput and over 5 % more latency, twice in a row; no data is no evidence."""
    assert saturated(points(*rows)) is is_saturated


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([], ()),
        ([(100, 10)], ("c1",)),
        ([(100, 10), (190, 11), (180, 20), (200, 40)], ("c1", "c2", "c8")),
        ([(100, 10), (100, 10)], ("c1",)),
        ([(100, 10), (None, 10), (200, None)], ("c1",)),
        ([(100, 20), (200, 10)], ("c2",)),
        ([(100, 10), (100, 20)], ("c1",)),
        ([(165, 9.99), (329, 10), (659, 10), (660, 9.99), (660, 10)], ("c4",)),
        ([(100, 10), (102, 10.2)], ("c1",)),
        ([(100, 10), (103, 10.2)], ("c2",)),
        ([(100, 10), (103, 10.3)], ("c1", "c2")),
    ],
)
def test_the_frontier_holds_what_no_other_level_beats(
    rows: list[tuple[float | None, float | None]], best: tuple[str, ...]
) -> None:
    """Throughput of all against decode of each; within 2 % is equal, and of equal levels the lowest stays."""
    assert pareto(points(*rows)) == best


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=8))
def test_where_noise_plays_no_part_the_frontier_is_what_is_not_dominated(rows: list[tuple[int, int]]) -> None:
    """Whole numbers up to nine differ by more than it; of equal levels the first counts."""
    levels = points(*rows)
    numbers = [(level.throughput_tok_s or 0, level.decode_tok_s or 0) for level in levels]
    best = tuple(
        level.id
        for i, (level, mine) in enumerate(zip(levels, numbers, strict=True))
        if mine not in numbers[:i]
        and not any(other != mine and other[0] >= mine[0] and other[1] >= mine[1] for other in numbers)
    )
    assert pareto(levels) == best


@pytest.mark.parametrize(
    ("heights", "found"),
    [
        ((100, 195, 370, 600, 640, 650), "c8"),
        ((100, 200, 400, 400, 400), "c4"),
        ((100, 200, 400, 800), None),
        ((100, 205, 410, 790), None),
        ((100, 100, 100), None),
        ((100, 400), None),
        ((300, 200, 100), "c1"),
        ((100, None, 400, 410), "c4"),
        ((100, 400, 300, 200), "c2"),
        ((), None),
    ],
)
def test_the_knee_stands_highest_above_the_chord(heights: tuple[float | None, ...], found: str | None) -> None:
    """Proportional growth, noise and two levels have none; where it only falls, it is the first."""
    assert knee(points(*((height, None) for height in heights))) == found


@given(st.lists(st.integers(1, 1000), max_size=8), st.integers(1, 50))
def test_the_knee_does_not_depend_on_units(heights: list[int], factor: int) -> None:
    """Tokens or kilotokens."""
    plain_knee = knee(points(*((float(height), None) for height in heights)))
    assert plain_knee == knee(points(*((float(height * 2**factor), None) for height in heights)))


@pytest.mark.parametrize(("open_loop", "latency_ms"), [(False, 50.0), (True, 80.0)])
def test_where_arrivals_have_a_schedule_waiting_begins_with_it(open_loop: bool, latency_ms: float) -> None:
    """Intended at 0, sent at 30 ms, last text at 80: a client that is late must not look like a quick server."""
    numbers = cell_metrics([make_record(sent_ms=30, intended_ms=0)], Window(0, 1000 * MS), open_loop=open_loop)
    found = point(SweepLevel("r0.5", None, 500, "0" * 64, numbers))
    assert (found.load, found.latency_ms, found.throughput_tok_s) == (0.5, latency_ms, 4.0)
    assert point(SweepLevel("c2", 2, None, "0" * 64, None)) == Point("c2", 2, None, None, None)


@pytest.mark.parametrize(
    ("loop", "name"),
    [
        (Loop("closed", 8), "c8"),
        (Loop("open", None, "poisson", 2500), "r2.5"),
        (Loop("open", None, "poisson", 1), "r0.001"),
        (Loop("open", None, "constant", 1_234_567_010), "r1234567.01"),
        (Loop("open", None, "gamma", 10_000, 500), "r10"),
    ],
)
def test_a_level_has_an_exact_name(loop: Loop, name: str) -> None:
    """Also the name of its folder and lane."""
    assert level_id(loop) == name


# --- the course -----------------------------------------------------------------------------------------


def test_a_sweep_ends_at_saturation_and_says_where(tmp_path: Path) -> None:
    """Four slots: 8 and 16 users only wait, so 32 are not asked."""
    engine = Serving()
    sweep = swept(tmp_path / "s", users(1, 2, 4, 8, 16, 32), engine)
    assert [load.loop.concurrency for load in engine.loads] == [1, 2, 4, 8, 16]
    assert (sweep.ended, sweep.knee) == ("saturated", "c4")
    assert sweep.pareto == ("c4",)
    assert sweep.asked[-1] == "c32"
    assert [level.metrics and level.metrics.goodput_req_s for level in sweep.levels] == [5, 10, 20, 0, 0]


def test_a_sweep_that_must_not_stop_goes_to_the_end(tmp_path: Path) -> None:
    """--no-stop."""
    sweep = swept(tmp_path / "s", users(1, 2, 4, 8, 16, 32), Serving(), stop=False)
    assert (sweep.ended, len(sweep.levels)) == ("complete", 6)


def test_a_sweep_ends_where_nothing_is_answered(tmp_path: Path) -> None:
    """A dead server is not asked for more."""
    sweep = swept(tmp_path / "s", users(1, 2, 3, 4), Serving(dead))
    assert (sweep.ended, [level.id for level in sweep.levels]) == ("no_answers", ["c1", "c2", "c3"])
    assert reason_to_stop(sweep.levels[:2]) is None


def test_every_level_has_its_own_folder_and_salts(tmp_path: Path) -> None:
    """Or caches would answer the second level; the document is one of its schema."""
    engine = Serving()
    sweep = swept(tmp_path / "s", users(1, 2), engine)
    assert [load.lane for load in engine.loads] == ["sweep-c1", "sweep-c2"]
    document = read_json((tmp_path / "s" / SWEEP).read_bytes(), SWEEP)
    assert problems(document, "sweep") == []
    assert typed(Sweep, document, SWEEP) == sweep
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["c1", "c2", "sweep.json"]
    assert (tmp_path / "s" / "c2" / "cell.json").is_file()


def test_rates_are_swept_in_open_loops(tmp_path: Path) -> None:
    """The same rules, latency from the intended send."""
    loops = tuple(Loop("open", None, "poisson", rate * 1000) for rate in (1, 2, 4, 8, 16, 32))
    sweep = swept(tmp_path / "s", loops, Serving())
    assert (sweep.ended, sweep.knee, sweep.levels[-1].id) == ("saturated", "r4", "r16")
    assert sweep.levels[0].rate_milli_per_s == 1000


@pytest.mark.parametrize("loops", [(), users(2, 1), users(1, 1), users(*range(1, 102))])
def test_levels_must_rise(loops: tuple[Loop, ...], tmp_path: Path) -> None:
    """And be few enough to be meant."""
    with pytest.raises(InputError, match="must rise"):
        swept(tmp_path / "s", loops, Serving())


@pytest.mark.parametrize(("error", "ended"), [(KeyboardInterrupt(), "interrupted"), (EngineError("x"), "failed")])
def test_what_was_measured_before_an_end_is_kept(error: BaseException, ended: str, tmp_path: Path) -> None:
    """Level 1 is written, the error goes on."""

    def answer(load: Load) -> list[Record]:
        if load.loop.concurrency == 2:
            raise error
        return of_slots(load)

    with pytest.raises(type(error)):
        swept(tmp_path / "s", users(1, 2, 4), Serving(answer))
    document = json.loads((tmp_path / "s" / SWEEP).read_text())
    assert (document["ended"], [level["id"] for level in document["levels"]]) == (ended, ["c1"])


def test_a_level_that_was_cut_short_ends_the_sweep(tmp_path: Path) -> None:
    """The load generator was told to end: no window, no further level."""

    class Cut(Serving):
        def run_load(self, load: Path, out: Path, on_line: OnLine) -> int:
            code = super().run_load(load, out, on_line)
            facts = json.loads((out / FACTS).read_text())
            (out / FACTS).write_bytes(write_json({**facts, "interrupted": True, "window": None}))
            return code

    sweep = swept(tmp_path / "s", users(1, 2), Cut())
    assert (sweep.ended, [level.metrics for level in sweep.levels]) == ("interrupted", [None])


def test_a_folder_in_use_is_not_touched(tmp_path: Path) -> None:
    """Two sweeps are never mixed."""
    (tmp_path / "keep").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        swept(tmp_path, users(1), Serving())
    assert [path.name for path in tmp_path.iterdir()] == ["keep"]
