"""kit runs and kit badge: what is there, and one figure of it as a picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kit import cli
from kit.judge.best import best_figure
from kit.report.badge import COLOURS, Badge, badge_of, badge_svg
from kit.strict.schema import problems
from tests.support.forge import CELL_NAMES, changed, in_result
from tests.support.good_bundle import good_bundle, good_files
from tests.support.good_searching import CALLED, searched_bundle
from tests.support.studies import replicated, study
from tests.support.terminal import EVIL

SVG = "{http://www.w3.org/2000/svg}"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.run([str(each) for each in arguments])
    return code, *capsys.readouterr()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with a whole run, one that stopped, a bundle, what is no archive, and what is no run."""
    folder = tmp_path / "runs"
    for name, files in (("whole", good_files()), ("stopped", stopped())):
        for file, data in files.items():
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / file).write_bytes(data)
    (folder / "demo.tar.gz").write_bytes(good_bundle())
    (folder / "odd.tar.gz").write_bytes(b"<html>")
    (folder / "notes.txt").write_text("mine")
    (folder / "empty").mkdir()
    return folder


def stopped() -> dict[str, bytes]:
    return {
        name: data
        for name, data in good_files().items()
        if name != "result.json" and CELL_NAMES[-1] not in name and CELL_NAMES[-2] not in name
    }


def test_every_run_and_bundle_is_listed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With platform, machine, start, state, cells and size; what cannot be read says why."""
    code, out, err = run(capsys, "runs", runs, "--json")
    found = json.loads(out)
    assert (code, err, problems(found, "runs")) == (0, "", [])
    lines = {line["name"]: line for line in found["runs"]}
    assert lines.keys() == {"whole", "stopped", "demo.tar.gz", "odd.tar.gz"}
    for name, kind in (("whole", "run"), ("demo.tar.gz", "bundle")):
        line = lines[name]
        assert (line["kind"], line["state"], line["done"], line["planned"]) == (kind, "complete", 4, 4)
        assert (line["platform"], line["machine"]) == ("demo-short", "AMD EPYC 7763, 2 CPUs")
        assert line["started_utc"].startswith("2026-")
        assert line["label"] is None
    assert (lines["stopped"]["state"], lines["stopped"]["done"], lines["stopped"]["planned"]) == ("stopped", 2, 4)
    assert "rejected" in lines["odd.tar.gz"]["problem"]
    assert lines["whole"]["size_bytes"] == sum(map(len, good_files().values()))
    assert lines["demo.tar.gz"]["size_bytes"] == len(good_bundle())


def test_a_bundle_that_looked_for_users_is_complete_without_the_levels_it_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were not needed, so nothing stopped it."""
    (tmp_path / "users.tar.gz").write_bytes(searched_bundle())
    (line,) = json.loads(run(capsys, "runs", tmp_path, "--json")[1])["runs"]
    assert (line["state"], line["done"], line["planned"]) == ("complete", len(CALLED), len(CALLED))


def test_a_list_for_people(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row a run; below it what cannot be read."""
    code, out, _ = run(capsys, "runs", runs)
    head, *rows = out.splitlines()
    assert code == 0
    assert head.split() == ["run", "platform", "machine", "started", "(UTC)", "state", "cells", "size"]
    assert len(rows) == 4
    assert rows[-1].startswith("odd.tar.gz: The archive is rejected")


def test_labels_are_those_of_verification(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where they are asked for."""
    (runs / "edited.tar.gz").write_bytes(changed(in_result(lambda result: replace(result, kit_version="9.9.9"))))
    _, out, _ = run(capsys, "runs", runs, "--labels", "--json")
    labels = {line["name"]: line["label"] for line in json.loads(out)["runs"]}
    assert labels["whole"] == labels["demo.tar.gz"] == "consistent"
    assert labels["edited.tar.gz"] == labels["stopped"] == "rejected"
    assert labels["odd.tar.gz"] is None


def test_where_nothing_is_nothing_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder it is runs/, which need not be there; a folder that is named must be."""
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "runs") == (0, "No runs in runs.\n", "")
    code, _, err = run(capsys, "runs", tmp_path / "nowhere")
    assert code == 2
    assert "is not a folder" in err


# --- badges -------------------------------------------------------------------------------------------------


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_badge_has_the_best_figure_and_the_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As kit table has it; the colour is that of the label."""
    bundle, out = tmp_path / "demo.tar.gz", tmp_path / "badges" / "badge.svg"
    bundle.write_bytes(good_bundle())
    assert run(capsys, "badge", bundle, "-o", out)[:2] == (0, f"Written: {out}\n")
    svg = out.read_text()
    left, right = texts(svg)
    rows = json.loads(good_files()["result.json"])["rows"]
    best = max(rows, key=lambda row: row["spreads"]["throughput_tok_s"]["median"])
    assert left == "kit demo-short"
    assert right.startswith(f"{best['spreads']['throughput_tok_s']['median']:.1f} tok/s, ")
    assert best["entry"] in right
    assert right.endswith(", consistent")
    assert COLOURS["consistent"] in svg
    assert run(capsys, "badge", bundle) == (0, svg, "")


def test_other_figures_and_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The smallest where less is better; users that were not measured are told."""
    bundle = tmp_path / "demo.tar.gz"
    bundle.write_bytes(good_bundle())
    _, out, _ = run(capsys, "badge", bundle, "--metric", "ttft_ms.p50", "--users", "1")
    assert "TTFT" in texts(out)[1]
    assert "1 user " in texts(out)[1]
    code, _, err = run(capsys, "badge", bundle, "--users", "64")
    assert code == 2
    assert "Nothing was measured at 64 users" in err
    assert "There is: 1, 2." in err


def test_a_rejected_run_has_no_badge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor a file."""
    bundle, out = tmp_path / "x.tar.gz", tmp_path / "badge.svg"
    bundle.write_bytes(changed(in_result(lambda result: replace(result, kit_version="9.9.9"))))
    code, _, err = run(capsys, "badge", bundle, "-o", out)
    assert code == 1
    assert "rejected by verification" in err
    assert not out.exists()


@pytest.mark.parametrize("words", [EVIL, '"><script>alert(1)</script>', "a" * 500, "&lt;", "日本語"])
def test_no_text_is_markup(words: str) -> None:
    """The picture is well-formed, whatever a run is called, and has text alone in its texts."""
    found = replace(
        study(replicated(words, 4, {"throughput_tok_s": [10.0, 11.0]})), name=words, label="consistent"
    )
    svg = badge_svg(badge_of(found, best_figure(found, "throughput_tok_s")))
    root = ElementTree.fromstring(svg)
    assert {each.tag for each in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "clipPath", "rect", "g", "text")
    }
    assert root.attrib["role"] == "img"
    assert int(root.attrib["width"]) < 1500


def test_an_unknown_label_is_grey() -> None:
    """Imported results have none."""
    assert "#5f6368" in badge_svg(Badge("a", "b", "imported", "c"))
