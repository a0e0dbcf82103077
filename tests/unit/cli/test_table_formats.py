"""kit table --format: rows for other programs."""

from __future__ import annotations

import csv
import io
import json
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit import cli
from kit.documents import CellFailure
from kit.report.rows import figure_columns
from tests.support.forge import BATCHED, CELL_NAMES, changed, in_cell, in_result
from tests.support.good_bundle import good_bundle, good_files
from tests.support.good_sessions import session_bundle
from tests.support.good_shapes import bundle_of, grid_files, open_files


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.tar.gz"
    path.write_bytes(good_bundle())
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.run([str(each) for each in arguments])
    return code, *capsys.readouterr()


def rows_in(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_a_cell_has_every_figure_of_the_result(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the names that --metric knows, in the order of the plan; what kit verify says stands beside it."""
    code, out, err = run(capsys, "table", good, "--format", "csv")
    rows = rows_in(out)
    assert code == 0
    assert err.startswith("Label: consistent")
    assert [row["cell"] for row in rows] == [
        line["id"] for line in json.loads(good_files()["result.json"])["cells"]
    ]
    for row, line in zip(rows, json.loads(good_files()["result.json"])["cells"], strict=True):
        metrics = line["metrics"]
        assert float(row["throughput_tok_s"]) == metrics["throughput_tok_s"]
        assert float(row["ttft_ms.p50"]) == metrics["ttft_ms"]["p50"]
        assert row["ttft_ms.p99"] == ("" if metrics["ttft_ms"]["p99"] is None else str(metrics["ttft_ms"]["p99"]))
        assert (row["runtime"], row["variant"], row["label"]) == ("llamacpp", "embedded", "consistent")
        assert int(row["requests.ok"]) == metrics["requests"]["ok"]


def test_a_row_a_request_has_every_record(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its times by the definitions of the tables, and whether it was sent in the window."""
    code, out, _ = run(capsys, "table", good, "--format", "csv", "--rows", "requests")
    rows = rows_in(out)
    records = {name: good_files()[f"cells/{name}/records.jsonl"].count(b"\n") for name in CELL_NAMES}
    assert code == 0
    assert len(rows) == sum(records.values())
    first = next(row for row in rows if row["outcome"] == "ok" and row["in_window"] == "true")
    sent, text = int(first["sent_ns"]), int(first["first_text_ns"])
    assert float(first["ttft_ms"]) == (text - sent) / 1e6
    cells = {row["cell"]: 0 for row in rows}
    for row in rows:
        cells[row["cell"]] += 1
    assert cells == records
    cut = [row for row in rows if row["outcome"] == "unfinished"]
    assert cut
    assert all(row["ttft_ms"] == row["e2e_ms"] == "" for row in cut)


def test_a_row_says_which_kind_of_request_it_is_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a grid the lengths, of an open loop the rate; of one kind of request its answers' lengths alone."""
    shaped = {"grid": (grid_files(), "i256-o8", "256", "8", ""), "open": (open_files(), "q5", "", "16", "5.0")}
    for name, (files, shape, tokens, most, rate) in shaped.items():
        file = tmp_path / f"{name}.tar.gz"
        file.write_bytes(bundle_of(files))
        for of in ("cells", "requests"):
            code, out, _ = run(capsys, "table", file, "--format", "csv", "--rows", of)
            assert code == 0
            mine = [row for row in rows_in(out) if row["shape"] == shape]
            assert mine
            for row in mine:
                assert (row["input_tokens"], row["output_tokens_max"], row["rate_per_s"]) == (tokens, most, rate)
                assert row["cell"].startswith(f"r1-{shape}-")


def test_a_row_of_a_session_says_its_turn_and_what_came_from_a_cache(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows of other runs have the columns too, empty."""
    file = tmp_path / "sessions.tar.gz"
    file.write_bytes(session_bundle())
    _, out, _ = run(capsys, "table", file, "--format", "csv", "--rows", "requests")
    rows = rows_in(out)
    turns: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        turns.setdefault((row["cell"], row["session"]), []).append(int(row["turn"]))
    assert all(found == list(range(len(found))) for found in turns.values())
    assert any(int(row["cached_tokens"]) > 0 for row in rows if row["turn"] != "0" and row["outcome"] == "ok")
    _, out, _ = run(capsys, "table", file, "--format", "csv")
    for row in rows_in(out):
        assert int(row["tokens.cached"]) > 0
        assert float(row["sessions.hit_rate"]) > 0
    other = tmp_path / "good.tar.gz"
    other.write_bytes(good_bundle())
    _, out, _ = run(capsys, "table", other, "--format", "csv", "--rows", "requests")
    assert {(row["session"], row["turn"], row["shape"]) for row in rows_in(out)} == {("", "", "")}


def test_parquet_holds_the_rows_of_csv_with_their_types(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers are numbers, and what is missing is null."""
    from pyarrow import parquet

    for of in ("cells", "requests"):
        file = tmp_path / f"{of}.parquet"
        code, out, err = run(capsys, "table", good, "--format", "parquet", "--rows", of, "-o", file)
        assert (code, out) == (0, "")
        assert f"Written: {file}" in err
        table: Any = parquet.read_table(file)
        _, text, _ = run(capsys, "table", good, "--format", "csv", "--rows", of)
        expected = rows_in(text)
        assert table.column_names == list(expected[0])
        for found, wanted in zip(table.to_pylist(), expected, strict=True):
            for name, value in found.items():
                shown = "" if value is None else {True: "true", False: "false"}.get(value, str(value))
                assert (str(value) if type(value) in (int, float) else shown) == wanted[name], name
    assert str(table.schema.field("ttft_ms").type) == "double"
    assert str(table.schema.field("sent_ns").type) == "int64"


def test_without_pyarrow_it_is_said_how_to_get_it(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is written."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = run(capsys, "table", good, "--format", "parquet", "-o", tmp_path / "x.parquet")
    assert code == 2
    assert "Parquet needs pyarrow" in err
    assert "llm-repro-kit[parquet]" in err
    assert not (tmp_path / "x.parquet").exists()


def test_what_a_server_said_is_no_formula(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spreadsheet would run it."""
    failure = CellFailure("ready", "RuntimeNotReadyError", '=HYPERLINK("http://evil")')
    failed = in_cell(lambda cell: replace(cell, status="failed", failure=failure, metrics=None))
    file = tmp_path / "failed.tar.gz"
    file.write_bytes(changed(failed))
    _, out, _ = run(capsys, "table", file, "--format", "csv")
    row = next(row for row in rows_in(out) if row["cell"] == BATCHED)
    assert row["failure"].startswith("'=HYPERLINK")
    assert row["status"] == "failed"
    assert all(row[name] == "" for name in figure_columns())
    _, out, _ = run(capsys, "table", file, "--json")
    with tarfile.open(file) as archive:
        stored = archive.extractfile("result.json")
        assert stored is not None
        assert json.loads(out) == json.load(stored)


def test_a_cell_whose_server_died_has_no_figures_in_its_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its result has those of the window all the same; nobody is to average them with the others."""
    failure = CellFailure("window", "ServerDied", "The server ended with exit code 1 during the load.")
    died = in_cell(lambda cell: replace(cell, status="failed", failure=failure))
    file = tmp_path / "died.tar.gz"
    file.write_bytes(changed(died))
    _, out, _ = run(capsys, "table", file, "--format", "csv")
    row = next(row for row in rows_in(out) if row["cell"] == BATCHED)
    assert all(row[name] == "" for name in figure_columns())


def test_a_rejected_run_is_marked_in_every_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And has the exit code of one."""
    file = tmp_path / "refused.tar.gz"
    file.write_bytes(changed(in_result(lambda result: replace(result, kit_version="9.9.9"))))
    code, out, err = run(capsys, "table", file, "--format", "csv")
    assert code == 1
    assert err.startswith("Rejected by verification")
    assert {row["label"] for row in rows_in(out)} == {"rejected"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rows", "cells"], "--rows comes with --format"),
        (["-o", "x.csv"], "--out comes with --format"),
        (["--format", "csv", "--json"], "--format has every figure"),
        (["--format", "csv", "--metric", "throughput_tok_s"], "--format has every figure"),
        (["--format", "parquet"], "--format parquet needs a file"),
        (["--format", "xlsx"], "is not one of 'csv', 'parquet'"),
    ],
)
def test_options_that_do_not_go_together(
    options: list[str], words: str, good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "table", good, *options)
    assert (code, out) == (2, "")
    assert words in err
