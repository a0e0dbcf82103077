"""kit report: what it writes, what it refuses to replace, what it says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from kit.cli import run
from kit.storage.bundle import pack_files
from kit.strict import plain, write_json
from tests.support.good_bundle import good_bundle, good_files, good_plan
from tests.support.studies import study, subject

PLOTS = {"throughput", "pareto", "ttft", "itl", "timeline-1", "timeline-2"}


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "demo.tar.gz"
    path.write_bytes(good_bundle())
    return path


def test_a_report_is_a_page_its_markdown_and_plots(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder named after the run, and what was written is printed; a second one replaces the first."""
    for _ in range(2):
        assert run(["report", str(bundle)]) == 0
    folder = bundle.parent / "report-demo-short"
    assert {path.name for path in (folder / "plots").iterdir()} == {f"demo-short-{name}.svg" for name in PLOTS}
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["report-demo-short/report.html", "report-demo-short/REPORT.md"]
    assert good_plan().title in (folder / "report.html").read_text(encoding="utf-8")


def test_files_of_others_are_never_replaced(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as the REPORT.md of a run, and then nothing at all is written."""
    (bundle.parent / "out").mkdir()
    mine = bundle.parent / "out" / "REPORT.md"
    mine.write_text("mine\n", encoding="utf-8")
    assert run(["report", str(bundle), "-o", "out"]) == 2
    assert "was not written by kit report" in capsys.readouterr().err
    assert mine.read_text(encoding="utf-8") == "mine\n"
    assert not (bundle.parent / "out" / "report.html").exists()


def test_title_and_timeline_are_as_asked(bundle: Path) -> None:
    """One cell instead of those that would be chosen."""
    cell = good_plan().cells[0].id
    assert run(["report", str(bundle), "--title", "Mine & yours", "--timeline", cell, "-o", "out"]) == 0
    text = (bundle.parent / "out" / "report.html").read_text(encoding="utf-8")
    assert "<title>Mine &amp; yours</title>" in text
    assert f"Cell {cell}: " in text
    assert not (bundle.parent / "out" / "plots" / "demo-short-timeline-2.svg").exists()


@pytest.mark.parametrize("count", [1, 2])
def test_a_cell_that_is_not_there_is_an_error(
    bundle: Path, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the name that was probably meant."""
    assert run(["report", *[str(bundle)] * count, "--timeline", good_plan().cells[0].id + "x"]) == 2
    assert "with records" in capsys.readouterr().err


def test_what_does_not_hold_gets_no_report(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Verification comes first."""
    files = dict(good_files())
    files["result.json"] = re.sub(rb'("throughput_tok_s": ?)[0-9.]+', rb"\g<1>7.5", files["result.json"], count=1)
    bundle.write_bytes(pack_files(files).data)
    assert run(["report", str(bundle)]) == 1
    assert "was rejected by verification" in capsys.readouterr().err
    assert not (bundle.parent / "report-demo-short").exists()


def test_imported_results_have_a_page_too(bundle: Path) -> None:
    """Marked as what they are, beside the run."""
    theirs = study(subject("vllm", 1, throughput_tok_s=20.0, ttft_ms__p50=9.0))
    document = plain(replace(theirs, origin="imported", label=None, name="theirs", note="from a file"))
    path = bundle.parent / "theirs.json"
    path.write_bytes(write_json(document))
    assert run(["report", str(bundle), str(path), "-o", "out"]) == 0
    text = (bundle.parent / "out" / "report.html").read_text(encoding="utf-8")
    assert "imported, unverifiable" in text
    assert "from a file" in text
    assert "kit verify theirs.json" not in text
