"""kit table --format and --into: rows for other programs, and blocks in somebody's Markdown."""

from __future__ import annotations

import csv
import io
import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit import cli
from kit.documents import CellFailure
from kit.report.rows import figure_columns
from tests.support.forge import BATCHED, CELL_NAMES, changed, in_cell, in_result
from tests.support.good_bundle import good_bundle, good_files

END = "<!-- kit:end -->"


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


# --- rows ---------------------------------------------------------------------------------------------------


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


# --- blocks in Markdown -------------------------------------------------------------------------------------


def page_with(path: Path, *lines: str) -> Path:
    path.write_bytes("\n".join(lines).encode())
    return path


def test_a_block_is_filled_and_the_rest_is_left_alone(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the metrics of its first line; a second time changes nothing."""
    page = page_with(
        tmp_path / "README.md",
        "# Mine", "", f"<!-- kit:table {good} --metric ttft_ms.p50 -->", "old", "words", END, "", "The end ",
    )  # fmt: skip
    page.chmod(0o640)
    code, out, _ = run(capsys, "table", good, "--into", page)
    text = page.read_text()
    assert (code, out) == (0, f"Refreshed: {page}\n")
    assert text.startswith(f"# Mine\n\n<!-- kit:table {good} --metric ttft_ms.p50 -->\n**TTFT")
    assert text.endswith(
        f"Label: consistent (as self-reported, with agreeing evidence from outside the load)\n{END}\n\nThe end "
    )
    assert "old" not in text
    assert "**Throughput" not in text
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    before = page.stat().st_mtime_ns
    assert run(capsys, "table", good, "--into", page)[:2] == (0, f"Unchanged: {page}\n")
    assert page.stat().st_mtime_ns == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["README.md", "good.tar.gz"]


@pytest.mark.usefixtures("good")
def test_a_run_is_named_from_the_page_or_from_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And blocks of other runs stay as they are."""
    (tmp_path / "docs").mkdir()
    page = page_with(
        tmp_path / "docs" / "page.md",
        "<!-- kit:table ../good.tar.gz -->", END, "<!-- kit:table other.tar.gz -->", "theirs", END,
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "table", "good.tar.gz", "--into", "docs/page.md")[0] == 0
    text = page.read_text()
    assert "**Throughput" in text
    assert text.endswith(f"<!-- kit:table other.tar.gz -->\ntheirs\n{END}")


def test_line_ends_of_windows_stay(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "README.md"
    page.write_bytes(f"a\r\n<!-- kit:table {good} -->\r\n{END}\r\nb\r\n".encode())
    assert run(capsys, "table", good, "--into", page)[0] == 0
    data = page.read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") > 10
    assert data.endswith(f"{END}\r\nb\r\n".encode())


def test_a_link_stays_a_link(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "real").mkdir()
    page_with(tmp_path / "real" / "README.md", f"<!-- kit:table {good} -->", END)
    link = tmp_path / "README.md"
    link.symlink_to("real/README.md")
    assert run(capsys, "table", good, "--into", link)[0] == 0
    assert link.is_symlink()
    assert "**Throughput" in link.read_text()


def test_without_a_block_the_lines_to_add_are_told(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written; a block in a fence is an example, not a block."""
    page = page_with(tmp_path / "README.md", "```", f"<!-- kit:table {good} -->", END, "```", "")
    before = page.read_bytes()
    code, _, err = run(capsys, "table", good, "--into", page, "--metric", "throughput_tok_s")
    assert code == 2
    assert f"{page} has no block of {good}." in err
    assert f"<!-- kit:table {good} --metric throughput_tok_s -->\n  {END}\nTry: Add these two lines" in err
    assert page.read_bytes() == before


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["<!-- kit:table {run} -->", "text"], "line 1: the block has no end"),
        (["<!-- kit:table {run} -->", "<!-- kit:table {run} -->", END], "line 1: the block has no end before"),
        (["", "<!-- kit:table {run} --metrics x -->", END], "line 2: the block is not of the form"),
        (["<!-- kit:table {run} --metric -->", END], "line 1: the block is not of the form"),
        (["<!-- kit:table '{run} -->", END], "line 1: the block has a quotation mark too many"),
        (["<!-- kit:table {run} --metric luck -->", END], "No table of 'luck'"),
    ],
)
def test_a_broken_block_changes_nothing(
    lines: list[str], words: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_with(tmp_path / "README.md", *(line.replace("{run}", str(good)) for line in lines))
    before = page.read_bytes()
    code, _, err = run(capsys, "table", good, "--into", page)
    assert code == 2
    assert words in err
    assert page.read_bytes() == before


def test_a_rejected_run_comes_into_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures that prove nothing."""
    file = tmp_path / "refused.tar.gz"
    file.write_bytes(changed(in_result(lambda result: replace(result, kit_version="9.9.9"))))
    page = page_with(tmp_path / "README.md", f"<!-- kit:table {file} -->", END)
    before = page.read_bytes()
    code, _, err = run(capsys, "table", file, "--into", page)
    assert code == 1
    assert "Rejected by verification" in err
    assert page.read_bytes() == before


def test_what_is_no_text_is_refused(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "README.md"
    page.write_bytes(b"\xff\xfe")
    assert "is not UTF-8" in run(capsys, "table", good, "--into", page)[2]
    assert page.read_bytes() == b"\xff\xfe"
