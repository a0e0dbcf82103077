"""The night: every platform to its end, one exit code, and only what passed is accepted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kit.documents import CellFailure, Result
from kit.documents.nightly import Nightly, NightlyPlatform
from kit.errors import EngineError
from kit.judge.score import load_contract
from kit.run.accepted import accepted_platforms, last_accepted
from kit.run.nightly import STEPS, NightOptions, NightPlatform, exit_code, nightly
from kit.storage.run_folder import read_document
from kit.strict import plain
from kit.strict.schema import problems
from tests.support.forge import BATCHED, Change, changed_files, derive, in_cell
from tests.support.good_bundle import good_files, run_files

FAILED_ANSWERS = CellFailure("correct", "WrongAnswersError", "2 of 7 answers are wrong.")


def written(folder: Path, *changes: Change) -> Result:
    """The good run as if it had just been measured."""
    return written_files(folder, changed_files(*changes) if changes else good_files())


def written_files(folder: Path, files: Mapping[str, bytes]) -> Result:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return read_document(files["result.json"], Result, "result", "result.json")


@dataclass
class Night:
    """Platforms whose runs are made by code, and where they go."""

    place: Path
    measures: dict[str, Callable[[Path], Result]] = field(default_factory=dict)
    reported: list[Path] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    def report(self, run: Path, folder: Path) -> None:
        assert (run / "result.json").is_file()
        self.reported.append(folder)

    def night(self, *, accept: bool = False, grade: str = "F") -> Nightly:
        platforms = [NightPlatform(name, measure, self.report) for name, measure in self.measures.items()]
        options = NightOptions(self.place / "out", self.place / "accepted", accept, load_contract("kit-1"), grade)
        found = nightly(platforms, options, lambda name, step: self.told.append((name, step)))
        assert problems(plain(found), "nightly") == []
        return found

    def one(self, *, accept: bool = False, grade: str = "F") -> NightlyPlatform:
        return self.night(accept=accept, grade=grade).platforms[0]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path, {"demo": written})


def outcomes(found: NightlyPlatform) -> dict[str, str]:
    return {stage.name: stage.outcome for stage in found.stages}


def words(found: NightlyPlatform, name: str) -> str:
    return next(stage.words for stage in found.stages if stage.name == name)


def test_a_first_run_passes_every_step_and_is_accepted_if_asked(night: Night) -> None:
    """In the order of the steps; the log beside the run has each of them."""
    found = night.one(accept=True)
    assert [name for _, name in night.told] == [*STEPS, "accept"]
    assert (found.passed, found.measured, found.verdict) == (True, True, "first")
    assert set(outcomes(found).values()) == {"passed"}
    run = Path(found.run)
    assert found.accepted == str(night.place / "accepted" / f"{run.name}.tar.gz")
    assert last_accepted(night.place / "accepted", "demo") == Path(found.accepted)
    assert night.reported == [run.with_name(f"{run.name}-report")]
    log = run.with_name(f"{run.name}.log").read_text()
    assert all(f" {name} passed: " in log for name in (*STEPS, "accept"))


def test_nothing_is_accepted_unless_asked(night: Night) -> None:
    """And there is no step for it."""
    found = night.one()
    assert found.accepted is None
    assert set(outcomes(found)) == set(STEPS)
    assert not (night.place / "accepted").exists()


def test_one_replicate_against_an_accepted_run_decides_nothing_and_does_not_pass(night: Night) -> None:
    """A gate that cannot tell must not say yes; and what did not pass is not accepted."""
    night.one(accept=True)
    found = night.one(accept=True)
    assert (found.passed, found.verdict) == (False, "undecided")
    assert "no interval" in words(found, "comparison") or "same run" in words(found, "comparison")
    assert (outcomes(found)["accept"], found.accepted) == ("not run", None)


def test_a_platform_that_cannot_be_measured_stops_no_other(night: Night) -> None:
    """Whether the kit knows the error or not; the second one's traceback is in its log."""

    def refused(_: Path) -> Result:
        raise EngineError("The engine is gone.", "Start it.", ("its last words",))

    def broken(_: Path) -> Result:
        raise ZeroDivisionError("a bug")

    night.measures = {"first": refused, "second": broken, "demo": written}
    found = night.night()
    assert found.exit_code == 8
    first, second, third = found.platforms
    assert [(each.measured, each.passed) for each in found.platforms] == [
        (False, False), (False, False), (True, True),
    ]  # fmt: skip
    assert "The engine is gone. Start it." in words(first, "run")
    assert "internal error in the kit: ZeroDivisionError" in words(second, "run")
    assert set(outcomes(first).values()) == {"failed", "not run"}
    logs = [Path(each.run).with_name(f"{Path(each.run).name}.log").read_text() for each in (first, second)]
    assert "its last words" in logs[0]
    assert "Traceback" in logs[1]
    assert third.verdict == "first"


def test_wrong_answers_are_named_as_that(night: Night) -> None:
    """The run has a result, so the exit code is 1."""

    def wrong(folder: Path) -> Result:
        result = written(folder)
        cells = tuple(
            replace(cell, status="failed", failure=FAILED_ANSWERS) if cell.id == BATCHED else cell
            for cell in result.cells
        )
        return replace(result, cells=cells)

    night.measures["demo"] = wrong
    found = night.night()
    assert found.exit_code == 1
    assert outcomes(found.platforms[0])["correctness"] == "failed"
    assert "1 cells had wrong answers: 2 of 7 answers are wrong." in words(found.platforms[0], "correctness")
    assert f"3 of 4 cells measured; {BATCHED}: correct: 2 of 7" in words(found.platforms[0], "run")


def test_a_run_that_verification_refuses_ends_there(night: Night) -> None:
    """Nothing is reported, graded or compared."""
    night.measures["demo"] = lambda folder: written(
        folder, in_cell(lambda cell: replace(cell, duration_ns=cell.duration_ns * 2)), derive
    )
    found = night.one(accept=True)
    assert outcomes(found) == {
        "run": "passed", "correctness": "passed", "verify": "failed", "report": "not run", "gate": "not run",
        "comparison": "not run", "accept": "not run",
    }  # fmt: skip
    assert "time.clock" in words(found, "verify")
    assert exit_code([found]) == 1


def test_a_row_below_the_grade_fails_the_gate_and_the_rest_goes_on(night: Night) -> None:
    """Here most requests of every cell fail."""
    faulty = run_files(dict.fromkeys(range(2, 40), "http_status"))
    night.measures["demo"] = lambda folder: written_files(folder, faulty)
    found = night.one(grade="A+")
    assert outcomes(found)["gate"] == "failed"
    assert "of 4 cards below A+" in words(found, "gate")
    assert outcomes(found)["comparison"] == "passed"


def test_a_report_that_cannot_be_written_does_not_hide_the_comparison(night: Night) -> None:
    """One step, one outcome."""

    def refused(_: Path, folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    night.report = refused  # type: ignore[method-assign,assignment]
    found = night.one()
    assert (outcomes(found)["report"], outcomes(found)["comparison"]) == ("failed", "passed")


def test_an_accepted_run_that_is_damaged_is_told(night: Night) -> None:
    """It is not skipped for an older one."""
    night.one(accept=True)
    newest = night.place / "accepted" / "demo-29991231-000000.tar.gz"
    newest.write_bytes(b"damaged")
    found = night.one()
    assert found.verdict is None
    assert f"{newest}: the archive: It is not a kit bundle" in words(found, "comparison")


@pytest.mark.parametrize(
    ("names", "last"),
    [
        (("demo.tar.gz",), "demo.tar.gz"),
        (("demo.tar.gz", "demo-20260101-000000.tar.gz"), "demo-20260101-000000.tar.gz"),
        (("demo-20260102-000000", "demo-20260101-000000.tar.gz"), "demo-20260102-000000"),
        (("demo-20260101-000000.tar.gz", "demo-20260101-000000-2.tar.gz"), "demo-20260101-000000-2.tar.gz"),
        (("demo-two-20260101-000000.tar.gz", ".demo-20270101-000000.tar.gz.part"), None),
        ((), None),
    ],
)
def test_the_last_accepted_run_is_by_the_time_in_its_name(
    names: tuple[str, ...], last: str | None, tmp_path: Path
) -> None:
    """Of that platform and no other; a folder must be a run."""
    for name in names:
        if name.endswith((".gz", ".part")):
            (tmp_path / name).write_bytes(b"")
        else:
            (tmp_path / name).mkdir()
            (tmp_path / name / "plan.json").write_bytes(b"{}")
    (tmp_path / "demo-29990101-000000").mkdir()
    assert last_accepted(tmp_path, "demo") == (None if last is None else tmp_path / last)
    shutil.rmtree(tmp_path)
    assert last_accepted(tmp_path, "demo") is None


def test_without_names_those_are_measured_that_have_an_accepted_run(tmp_path: Path) -> None:
    """Each once."""
    for name in ("demo.tar.gz", "demo-20260101-000000.tar.gz", "cpu-four-20260101-000000.tar.gz", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "smol-20260101-000000").mkdir()
    assert sorted(accepted_platforms(tmp_path)) == ["cpu-four", "demo", "smol"]
    assert accepted_platforms(tmp_path / "nowhere") == ()
