"""A sweep: when it ends, and what lies on disk afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.documents import Load, Loop, Record, Sweep
from kit.engines.protocol import OnLine
from kit.errors import EngineError, InputError
from kit.metrics.saturation import reason_to_stop
from kit.run.sweep import level_id
from kit.storage.names import FACTS, SWEEP
from kit.strict import read_json, typed, write_json
from kit.strict.schema import problems
from tests.support.sweeping import Serving, dead, of_slots, swept, users


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
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [
        "c1", "c2", "host.json", "plan.json", "result.json", "sweep.json",
    ]  # fmt: skip
    assert (tmp_path / "s" / "c2" / "cell.json").is_file()


def test_levels_after_saturation_were_not_needed(tmp_path: Path) -> None:
    """The sweep is a run whose result says so; one that was cut lacks what it did not measure."""

    def statuses(name: str) -> list[str]:
        return [cell["status"] for cell in json.loads((tmp_path / name / "result.json").read_text())["cells"]]

    swept(tmp_path / "s", users(1, 2, 4, 8, 16, 32), Serving())
    assert statuses("s") == ["measured"] * 5 + ["not needed"]

    def cut(load: Load) -> list[Record]:
        if load.loop.concurrency == 2:
            raise EngineError("x")
        return of_slots(load)

    with pytest.raises(EngineError):
        swept(tmp_path / "cut", users(1, 2, 4), Serving(cut))
    assert statuses("cut") == ["measured", "missing", "missing"]


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
