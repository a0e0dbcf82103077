"""kit compare, kit recommend and kit claims on the command line: exit codes, JSON, and what wrong use is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kit import cli
from kit.documents.study import Study
from kit.strict import plain, write_json
from kit.strict.schema import check
from tests.support.studies import CONDITIONS, replicated, study

ROOT = Path(__file__).resolve().parents[3]
T, G = "throughput_tok_s", "goodput_share"
FAST, SLOW = [80.0, 81.0, 82.0], [60.0, 61.0, 62.0]


def imported(**figures: list[float]) -> Study:
    """Imported results at 4 users: files of a study, quickly read, need no run."""
    made = study(*(replicated(entry, 4, {T: values, G: [1.0] * 3}) for entry, values in figures.items()))
    silent = replace(CONDITIONS, method="probador")
    return replace(made, origin="imported", label=None, published=None, conditions=silent)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A, and B in which x is slower; both hold y."""
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a.write_bytes(write_json(plain(imported(x=FAST, y=SLOW))))
    b.write_bytes(write_json(plain(replace(imported(x=SLOW, y=SLOW), identity="d" * 64))))
    return str(a), str(b)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_two_files_are_compared(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    """A verdict for every entry, for people and in Markdown."""
    code, out, _ = run(capsys, "compare", *files, "--metric", T)
    assert code == 0
    assert "1 faster, 1 undecided." in out
    assert "(1) not told apart, 0.94 x to 1.06 x; 2 more replicates would probably tell" in out
    assert "| x " in run(capsys, "compare", *files, "--metric", T, "--markdown")[1]


def test_json_is_one_document_of_its_schema(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    """What a program reads is what the schema says."""
    for options in ((files[1],), ("--against", "published:yoga")):
        code, out, _ = run(capsys, "compare", files[0], *options, "--json")
        assert code == 0
        check(json.loads(out), "comparison", "stdout")


def test_two_entries_of_one_run(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    """By RUN:ENTRY on both sides, or by --entry; one name stands for both sides."""
    path = files[0]
    for words in ((f"{path}:x", f"{path}:y"), (path, path, "--entry", "x=y")):
        code, out, _ = run(capsys, "compare", *words, "--metric", T, "--json")
        assert code == 0
        assert [(line["entry_a"], line["row_b"]) for line in json.loads(out)["lines"]] == [("x", "y")]
    _, out, _ = run(capsys, "compare", f"{path}:x", files[1], "--metric", T, "--json")
    assert [(line["entry_a"], line["row_b"]) for line in json.loads(out)["lines"]] == [("x", "x")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("{a}",), "two entries of one run RUN:ENTRY RUN:OTHER"),
        (("{a}", "{a}"), "A and B are the same run"),
        (("{a}", "{b}", "--entry", "x"), "--entry 'x' is not a pair"),
        (("{a}", "{b}", "--entry", "x=q"), "has no entry 'q'"),
        (("{a}", "{b}", "--metric", "speed"), "Unknown metric 'speed'"),
        (("{a}", "{b}", "--tolerance", "5%"), "--tolerance needs --against published"),
        (("{a}", "{b}", "--against", "published"), "--against excludes B"),
        (("{a}", "--against", "published", "-c", "4"), "--against excludes"),
        (("{a}", "--against", "rumours"), "Unknown value for --against: 'rumours'"),
        (("{a}", "--against", "published"), "No published figures for yoga"),
        (("{a}", "--against", "published:yogi"), "Did you mean 'yoga'"),
        (("{a}", "--against", "published:yoga", "--tolerance", "x"), "neither a percentage like 10%"),
        (("{a}", "--against", "published:yoga", "--tolerance", "200%"), "more than 100%"),
        (("{a}", "--against", "published", "--within", "10%"), "--against excludes"),
        (("{a}", "{b}", "--within", "0.5%"), "--within 0.5% is less than two runs of one thing differ"),
        (("{a}", "{b}", "--within", "much"), "neither a percentage like 10%"),
        (("{a}", "nowhere"), "nowhere cannot be read"),
    ],
)
def test_wrong_use_of_compare_is_told(
    capsys: pytest.CaptureFixture[str], files: tuple[str, str], words: tuple[str, ...], told: str
) -> None:
    """Exit code 2, one line what is wrong, one what to do."""
    code, out, err = run(capsys, "compare", *(word.format(a=files[0], b=files[1]) for word in words))
    assert (code, out) == (2, "")
    assert told in err


def test_the_demo_of_the_repository_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """A real bundle, verified first; two replicates decide nothing."""
    demo = str(ROOT / "results" / "demo-2cpu.tar.gz")
    code, out, _ = run(capsys, "compare", f"{demo}:llamacpp-batched", f"{demo}:llamacpp-serial", "-c", "4")
    assert code == 0
    assert "4 undecided." in out
    assert "2 replicates each, so no interval" in out


# --- recommend --------------------------------------------------------------------------------------------


def test_a_recommendation_has_three_lines(capsys: pytest.CaptureFixture[str], files: tuple[str, str]) -> None:
    """And in JSON the same lines with everything behind them."""
    code, out, _ = run(capsys, "recommend", files[0], "--users", "3")
    assert code == 0
    lines = out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Choose x for 3 users.", "Why", "How sure"]
    document = json.loads(run(capsys, "recommend", files[0], "--users", "3", "--json")[1])
    assert document["lines"] == lines
    assert document["recommendation"]["leader"]["entry"] == "x"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("{a}", "--users", "5"), 8, "the highest measured level is 4"),
        (("{a}", "{b}", "--users", "4"), 2, "was given twice"),
        (("{a}", "--users", "4", "--share", "90%"), 2, "Give the limits with --slo"),
        (("{a}", "--users", "4", "--slo", "ttft=3"), 2, "unit ms or s"),
        (("{a}", "--users", "0"), 2, "--users"),
        (("{a}",), 2, "Give --users N, the limits with --slo, or both"),
        (("--users", "4"), 2, "Missing argument"),
    ],
)
def test_wrong_use_of_recommend_is_told(
    capsys: pytest.CaptureFixture[str], files: tuple[str, str], words: tuple[str, ...], code: int, told: str
) -> None:
    """Nothing is extrapolated, and no run counts twice."""
    found, out, err = run(capsys, "recommend", *(word.format(a=files[0], b=files[1]) for word in words))
    assert (found, out) == (code, "")
    assert told in err


def test_limits_that_nobody_keeps_are_a_negative_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and the best share; by the records of a real bundle."""
    demo = str(ROOT / "results" / "demo-2cpu.tar.gz")
    code, out, _ = run(capsys, "recommend", demo, "--users", "4", "--slo", "tpot=1ms")
    assert code == 1
    assert out.startswith("No runtime for 4 users: none meets the limits.\nWhy: the best is ")


# --- claims -----------------------------------------------------------------------------------------------


def test_the_claims_of_the_repository_hold(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the bundles beside them, without a word more; none is falsified."""
    monkeypatch.chdir(ROOT)
    code, out, _ = run(capsys, "claims", "check", "--json")
    verdicts = [each["verdict"] for each in json.loads(out)["claims"]]
    assert code == 0
    assert "falsified" not in verdicts
    assert verdicts.count("confirmed") >= 10


def test_a_falsified_claim_is_a_negative_answer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 1, with the figure that did it; of a real bundle, for imported figures decide no claim."""
    figure = "{platform: demo, entry: %s, concurrency: 4, metric: throughput_tok_s}"
    claim = f"id: serial, statement: serial wins, where: a.md, left: {figure % 'llamacpp-serial'}"
    claim += f", relation: greater, needs_interval: false, right: {figure % 'llamacpp-batched'}"
    path = tmp_path / "claims.yaml"
    path.write_text(f"schema: kit/claims/1\nclaims:\n  - {{{claim}}}\n", encoding="utf-8")
    code, out, _ = run(capsys, "claims", "check", str(path), str(ROOT / "results" / "demo-2cpu.tar.gz"))
    assert code == 1
    assert "falsified  serial: serial wins" in out
    assert "0 confirmed, 1 falsified, 0 untested." in out
    code, out, _ = run(capsys, "claims", "check", str(path))
    assert code == 0
    assert "no run of demo given" in out


def test_wrong_use_of_claims_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, or two of them."""
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "claims", "check")
    assert (code, "cannot be read" in err) == (2, True)
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("schema: kit/claims/1\nclaims: []\n", encoding="utf-8")
    code, _, err = run(capsys, "claims", "check", "a.yaml", "b.yaml")
    assert (code, "More than one claims file" in err) == (2, True)
