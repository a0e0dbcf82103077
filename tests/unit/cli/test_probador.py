"""kit import probador and kit export probador: what they write, print and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit import cli
from kit.cli._shared.opening import open_study
from kit.judge.probador import reading
from tests.support.documents_probador import PROBADOR

FILES = Path(__file__).parents[2] / "support" / "probador"
DEMO = Path(__file__).parents[3] / "results" / "demo-2cpu.tar.gz"
OLD, DEAD = str(FILES / "old-load.json"), str(FILES / "dead-load.json")
Caught = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


# --- import ---------------------------------------------------------------------------------------------


def test_import_writes_a_study_that_judgement_opens(capsys: Caught) -> None:
    """And prints a table, the note and where it is."""
    assert cli.run(["import", "probador", OLD, DEAD, "-o", "deep/a.json", "--name", "jetson"]) == 0
    study = open_study(Path("deep/a.json")).study
    assert (study.name, study.origin, len(study.subjects)) == ("jetson", "imported", 2)
    out = capsys.readouterr().out
    assert "| realizr-jetson " in out
    assert "not verifiable" in out
    assert "Written: deep/a.json" in out
    assert "kit score deep/a.json --contract probador-2.0" in out


def test_what_was_imported_is_scored_as_probador_scores_it(capsys: Caught) -> None:
    """By hand: absent and dead figures are 0.0 to it, so that a dead server gets 60 points.

    old: decode 0 -> 0 + 5 (a tie, and it is earlier), TTFT 75 + 25 * 30 / 38 = 95, ITL, TTFT p99 and errors 100:
    1.5 + 28.5 + 15 + 15 + 10 = 70. dead: TTFT, ITL, TTFT p99 100, errors 75 * 0.01 = 1: 30 + 15 + 15 + 0.1 = 60.
    """
    assert cli.run(["import", "probador", OLD, DEAD, "-o", "a.json"]) == 0
    capsys.readouterr()
    assert cli.run(["score", "a.json", "--contract", "probador-2.0", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)["cards"]
    found = {card["entry"]: (card["composite"], card["grade"]) for card in cards}
    assert found == {"realizr-jetson": (70, "B"), "realizr-jetson-cpu": (60, "C+")}


def test_import_without_a_name_for_the_file_takes_that_of_the_study(capsys: Caught) -> None:
    """And never writes over what is there unless it is named."""
    assert cli.run(["import", "probador", OLD]) == 0
    assert Path("imported.study.json").is_file()
    assert cli.run(["import", "probador", DEAD]) == 2
    assert "imported.study.json exists" in capsys.readouterr().err
    assert cli.run(["import", "probador", DEAD, "-o", "imported.study.json"]) == 0


def test_import_as_json_prints_the_study_alone(capsys: Caught) -> None:
    """And writes it only where -o says so."""
    assert cli.run(["import", "probador", OLD, "--json"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["origin"] == "imported"
    assert not list(Path().iterdir())
    assert cli.run(["import", "probador", OLD, "--json", "-o", "a.json"]) == 0
    assert capsys.readouterr().out == printed == Path("a.json").read_text(encoding="utf-8")


def test_import_never_writes_over_its_input(capsys: Caught) -> None:
    """By whatever path."""
    data = (FILES / "old-load.json").read_bytes()
    Path("a.json").write_bytes(data)
    assert cli.run(["import", "probador", "a.json", "-o", "./a.json"]) == 2
    assert "is one of the files to import" in capsys.readouterr().err
    assert Path("a.json").read_bytes() == data


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument"),
        (["none.json"], "none.json cannot be read"),
        (["."], ". cannot be read"),
        (["bad.json"], 'bad.json: missing field "successful"'),
        (["bad.json", "none.json"], 'bad.json: missing field "successful"'),
        ([OLD, "--name", "No Name"], '"No Name" cannot be the name of a study'),
    ],
)
def test_import_refuses_bad_input_with_exit_code_2(arguments: list[str], words: str, capsys: Caught) -> None:
    """One line that names the file and what is wrong; nothing is written."""
    Path("bad.json").write_text('{"total_requests": 1}', encoding="utf-8")
    assert cli.run(["import", "probador", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["bad.json"]


# Results of loads lie beside notes, reports of other commands and what is no JSON at all.
OTHERS = {
    "a-note.json": (b'{"date": "2026-03-08", "note": "decode", "tok_s": 120}', "missing field"),
    "correctness.json": (b'{"results": [], "model": "m"}', "a report of `probador llm test`"),
    "damaged.json": (b'{"total_requests": -1}', "damaged.json"),
    "list.json": (b"[1, 2]", "expected an object"),
    "profile.json": (b"not JSON", "not JSON"),
    "empty.json": (b"", "not JSON"),
    "windows.json": ("{}".encode("utf-16"), "UTF-16"),
    "twice.json": ((FILES / "old-load.json").read_bytes() + b"\n", "contains the same result as"),
}


def test_what_is_no_result_is_named_and_stops_nothing(capsys: Caught) -> None:
    """All at once, with what is wrong; the results are imported."""
    for name, (data, _) in OTHERS.items():
        Path(name).write_bytes(data)
    Path("folder.json").mkdir()
    assert cli.run(["import", "probador", OLD, "none.json", "folder.json", *OTHERS, DEAD, "-o", "a.json"]) == 0
    out, err = capsys.readouterr()
    assert "2 of 12 files are results" in out
    for name, (_, words) in OTHERS.items():
        assert any(name in line and words in line for line in err.splitlines()), (name, err)
    assert all(f"Not imported: {name} cannot be read" in err for name in ("none.json", "folder.json"))
    assert cli.run(["import", "probador", OLD, DEAD, "-o", "b.json"]) == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


def test_files_of_which_none_is_a_result_are_all_named(capsys: Caught) -> None:
    """With exit code 2, and nothing is written."""
    for name, (data, _) in OTHERS.items():
        Path(name).write_bytes(data)
    names = [name for name in OTHERS if name != "twice.json"]
    assert cli.run(["import", "probador", *names, "-o", "a.json"]) == 2
    err = capsys.readouterr().err
    assert f"None of the {len(names)} files is a result" in err
    assert all(name in err for name in names)
    assert not Path("a.json").exists()


def test_import_does_not_read_files_without_end(monkeypatch: pytest.MonkeyPatch, capsys: Caught) -> None:
    """It stops behind the limit."""
    monkeypatch.setattr("kit.judge.probador.MAX_FILE_BYTES", 1 << 20)
    assert cli.run(["import", "probador", "/dev/zero"]) == 2
    assert "/dev/zero is larger than 1 MiB" in capsys.readouterr().err
    assert reading.MAX_FILE_BYTES == 64 << 20


def test_hostile_names_reach_the_terminal_harmless(capsys: Caught) -> None:
    """Without control characters."""
    value = {**PROBADOR["probador-load"], "runtime_name": "\x1b[31mx|y\n<b>"}
    Path("e\x1bvil.json").write_text(json.dumps(value), encoding="utf-8")
    assert cli.run(["import", "probador", "e\x1bvil.json"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "| 31mx-y--b- " in out


# --- export ---------------------------------------------------------------------------------------------


def test_export_writes_a_result_a_cell_and_a_report_a_row(capsys: Caught) -> None:
    """Names with "load", by which `probador llm report` finds them, and those of bench reports without."""
    assert cli.run(["export", "probador", str(DEMO), "-o", "out"]) == 0
    names = sorted(path.name for path in Path("out").iterdir())
    assert len([name for name in names if "load" in name]) == 12
    assert len([name for name in names if "bench" in name]) == 6
    assert "Written: out/llamacpp-serial-load-c1-r1.json" in capsys.readouterr().out
    value = json.loads(Path("out/llamacpp-serial-load-c4-r2.json").read_text(encoding="utf-8"))
    assert (value["runtime_name"], value["concurrency"]) == ("llamacpp-serial", 4)


def test_export_as_json_lists_what_it_wrote(capsys: Caught) -> None:
    """One document."""
    assert cli.run(["export", "probador", str(DEMO), "-o", "out", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert sorted(report["files"]) == sorted(path.name for path in Path("out").iterdir())
    assert report["left_out"] == {}


def test_export_writes_over_nothing_unless_forced(capsys: Caught) -> None:
    """Not even some of the files."""
    there = Path("out/llamacpp-batched-bench-c4.json")
    there.parent.mkdir()
    there.write_text("mine", encoding="utf-8")
    assert cli.run(["export", "probador", str(DEMO), "-o", "out"]) == 2
    assert "llamacpp-batched-bench-c4.json exists" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == [there.name]
    assert there.read_text(encoding="utf-8") == "mine"
    assert cli.run(["export", "probador", str(DEMO), "-o", "out", "--force"]) == 0
    assert there.read_text(encoding="utf-8") != "mine"


def test_imported_results_cannot_be_exported(capsys: Caught) -> None:
    """They have no records."""
    assert cli.run(["import", "probador", OLD, "-o", "a.json"]) == 0
    assert cli.run(["export", "probador", "a.json", "-o", "out"]) == 2
    assert "a.json is an imported result" in capsys.readouterr().err


def test_an_export_can_be_imported_again(capsys: Caught) -> None:
    """The bench reports as trials; results that are in them are named and left out."""
    assert cli.run(["export", "probador", str(DEMO), "-o", "out"]) == 0
    reports = sorted(str(path) for path in Path("out").glob("*bench*"))
    assert cli.run(["import", "probador", *reports, "-o", "a.json"]) == 0
    study = open_study(Path("a.json")).study
    assert [len(subject.trials) for subject in study.subjects] == [2] * 6
    everything = sorted(str(path) for path in Path("out").iterdir())
    assert cli.run(["import", "probador", *everything, "-o", "b.json"]) == 0
    assert capsys.readouterr().err.count("contains the same result as") == 12
    assert open_study(Path("b.json")).study.subjects == study.subjects
