"""kit score and kit gate on the published bundles: tables, documents, exit codes, what bad input is told."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from kit import cli
from kit.documents import Cell
from kit.metrics.results import make_result
from kit.strict import plain, typed, write_json
from kit.strict.schema import check
from tests.support.documents_judged import CONTRACT
from tests.support.good_bundle import good_plan, run_files
from tests.support.studies import study, subject

RESULTS = Path(__file__).parents[3] / "results"
SMOL = str(RESULTS / "smol-2cpu.tar.gz")
DEMO = str(RESULTS / "demo-2cpu.tar.gz")


@pytest.fixture
def imported(tmp_path: Path) -> str:
    """Imported results of an unknown machine."""
    figures = {"decode_tok_s": 100.0, "ttft_ms__p50": 20.0, "ttft_ms__p99": 40.0, "itl_ms__p50": 10.0}
    cards = {"decode_us_per_layer": 250.0, "pass_rate": 1.0, "cold_start_ms": 400.0, "prompt_tokens_mean": 20.0}
    cards["tpot_ms__by_output__short"] = 9.0
    one = replace(subject("a", 1, error_rate=0.0, itl_ms__p99=11.0, **figures, **cards), weights_bytes=None)
    many = replace(subject("a", 4, throughput_tok_s=300.0), weights_bytes=None)
    theirs = replace(study(one, many, hardware=None), origin="imported", label=None)
    path = tmp_path / "theirs.json"
    path.write_bytes(write_json(plain(theirs)))
    return str(path)


@pytest.fixture
def doubted(tmp_path: Path) -> str:
    """A run that was planned without a calibration: all of it is suspect."""
    plan = replace(good_plan(), calibrate=False)
    files = {name: data for name, data in run_files({}).items() if not name.startswith("calibration.")}
    files["plan.json"] = write_json(plain(plan))
    cells = {one.id: typed(Cell, json.loads(files[f"cells/{one.id}/cell.json"]), one.id) for one in plan.cells}
    made = make_result(plan, sha256(files["plan.json"]).hexdigest(), cells, None)
    files["result.json"] = write_json(plain(made))
    for path, data in files.items():
        place = tmp_path / "doubted" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return str(tmp_path / "doubted")


def test_score_prints_a_table_with_the_contract_in_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the run in the README."""
    assert cli.run(["score", SMOL]) == 0
    out = capsys.readouterr().out
    assert "(contract kit-2 2.0.0)" in out
    assert "A+" in out
    assert "probador" not in out


def test_what_is_suspect_has_no_grade(doubted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is withheld, and no gate lets it pass."""
    assert cli.run(["score", doubted]) == 0
    assert "withheld" in capsys.readouterr().out
    assert cli.run(["gate", doubted, "--min", "F", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {each["grade"] for each in document["failures"]} == {None}


def test_score_as_json_is_a_scorecard(capsys: pytest.CaptureFixture[str]) -> None:
    """One document that keeps its schema, the same by --json and --format json."""
    assert cli.run(["score", SMOL, DEMO, "--contract", "probador-2.0", "--json"]) == 0
    first = capsys.readouterr().out
    assert cli.run(["score", SMOL, DEMO, "--contract", "probador-2.0", "--format", "json"]) == 0
    assert capsys.readouterr().out == first
    document = json.loads(first)
    check(document, "scorecard", "out")
    assert document["contract"]["name"] == "probador-2.0"
    assert len(document["cards"]) == 12


def test_score_writes_markdown_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing to the screen."""
    path = tmp_path / "deep" / "SCORE.md"
    assert cli.run(["score", DEMO, "-c", "1", "--format", "markdown", "-o", str(path)]) == 0
    assert capsys.readouterr().out == ""
    assert path.read_text(encoding="utf-8").startswith("## Scorecard of the kit, single user")


@pytest.mark.parametrize("by", ["layer", "profile", "correctness", "output-length", "cold-start", "scaling"])
def test_score_by_shows_a_card_beside_the_composite(
    by: str, imported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where its data exists."""
    assert cli.run(["score", imported, "--by", by, "--contract", "probador-2.0", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["by"] == by
    assert any(row["score"] is not None for row in document["rows"])


@pytest.mark.parametrize("by", ["memory", "power"])
def test_score_by_says_what_is_missing(by: str, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no telemetry yet."""
    assert cli.run(["score", DEMO, "--by", by, "-c", "1"]) == 0
    assert "no telemetry in this run" in capsys.readouterr().out


def test_a_contract_of_ones_own_is_a_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a wrong one is refused with its line."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(plain(CONTRACT)), encoding="utf-8")
    assert cli.run(["score", SMOL, "-c", "1", "--contract", str(path)]) == 0
    out = capsys.readouterr().out
    assert "What matters to me, single user (contract mine 1.0.0)" in out
    assert "no class for this machine" in out
    path.write_text("schema: kit/contract/1\nnaem: mine\n", encoding="utf-8")
    assert cli.run(["score", SMOL, "--contract", str(path)]) == 2
    assert f'{path}: line 2: naem: unknown key "naem"; did you mean "name"?' in capsys.readouterr().err
    assert cli.run(["score", SMOL, "--contract", str(tmp_path / "none.yaml")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_imported_results_are_scored_in_a_class_that_is_named(
    imported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without one they have no grade, and the note says what to do."""
    assert cli.run(["score", imported]) == 0
    assert "no grade (--class names one)" in capsys.readouterr().out
    assert cli.run(["score", imported, "-c", "1", "--class", "gpu-laptop-2gb", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)["cards"]
    assert (card["platform_class"], card["grade"]) == ("gpu-laptop-2gb", "A")


THEIRS = "THEIRS"
SAD = [
    (["score", THEIRS, "-c", "9"], "nothing to score at these concurrencies"),
    (["score", THEIRS, THEIRS], "given twice"),
    (["score", THEIRS, "--contract", "kit-3"], "Did you mean 'kit-2'"),
    (["score", DEMO, "--class", "cpu-2gb"], "applies only to imported results"),
    (["score", THEIRS, "--class", "cpu-2g"], "Did you mean 'cpu-2gb'"),
    (["score", THEIRS, "--by", "power", "--class", "cpu-2gb"], "--class does not apply to --by power"),
    (["score", THEIRS, "--by", "weather"], "'weather' is not one of"),
    (["score", THEIRS, "--json", "--format", "markdown"], "Give either --json or"),
    (["gate", THEIRS, "--min", "Z"], "Its grades, best first: A+, A, A-, B+, B, C+, C, D, D-, F."),
    (["gate", SMOL, "--min", "C", "-c", "9"], "nothing to score"),
    (["gate", THEIRS], "Missing option '--min'"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), SAD, ids=[" ".join(words).replace(DEMO, "RUN") for words, _ in SAD]
)
def test_wrong_use_is_told_so(
    arguments: list[str], words: str, imported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one sentence."""
    assert cli.run([imported if word == THEIRS else word for word in arguments]) == 2
    assert words in capsys.readouterr().err


def test_the_gate_passes_or_fails_by_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """0 where all reach the grade, 1 where one is below or has none; the document says the same."""
    assert cli.run(["gate", DEMO, "--min", "c", "-c", "1"]) == 0
    assert capsys.readouterr().out == "Passed: 2 cards of at least C by the contract kit-2 2.0.0.\n"
    assert cli.run(["gate", DEMO, "--min", "B", "-c", "1,4"]) == 1
    assert "- demo: llamacpp-serial at 4: C (53.0): throughput costs" in capsys.readouterr().out
    assert cli.run(["gate", SMOL, "--min", "A", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["passed"], document["min"], document["cards"]) == (False, "A", 6)
    assert [each["grade"] for each in document["failures"]] == ["B", "B", "A-"]


def test_what_verification_refuses_is_not_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A negative answer, exit code 1; a document that says it is a run of ours is wrong input."""
    files = run_files({})
    name = next(name for name in files if name.endswith("texts.jsonl"))
    for path, data in {**files, name: b""}.items():
        place = tmp_path / "run" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    for command in (["score"], ["gate", "--min", "F"]):
        assert cli.run([*command, str(tmp_path / "run")]) == 1
        assert "was rejected by verification" in capsys.readouterr().err
    forged = tmp_path / "forged.json"
    forged.write_bytes(write_json(plain(study(subject("a", 1, decode_tok_s=1e6)))))
    assert cli.run(["score", str(forged)]) == 2
    assert "claims to be a run of the kit" in capsys.readouterr().err
