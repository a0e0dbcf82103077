"""kit table --into: blocks in somebody's Markdown."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from kit import cli
from tests.support.forge import changed, in_result
from tests.support.good_bundle import good_bundle

END = "<!-- kit:end -->"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.tar.gz"
    path.write_bytes(good_bundle())
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.run([str(each) for each in arguments])
    return code, *capsys.readouterr()


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
