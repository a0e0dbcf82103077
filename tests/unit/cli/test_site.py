"""`kit site`: from a folder of results to the files of a board, and what it never does to other files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.cli import run
from kit.cli._shared import site
from kit.collection.index import index_bytes, make_index
from tests.support.boards import SPOTS, make_results

# Three machines, two signers, and one run that nobody signed.
FEW = (SPOTS[0], SPOTS[6], SPOTS[8])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results, one of them no bundle, and the site made of it."""
    folder = tmp_path_factory.mktemp("board")
    make_results(folder / "results", FEW)
    (folder / "results" / "bad.tar.gz").write_bytes(b"no bundle")
    assert run(["site", str(folder / "results"), "-o", str(folder / "site"), "--published"]) == 0
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "board"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def site_of(folder: Path, *more: str) -> int:
    return run(["site", str(folder / "results"), "-o", str(folder / "site"), "--published", *more])


def test_a_site_has_board_feed_index_and_a_page_and_archive_for_each_bundle(made: Path) -> None:
    """The archive as it came, with its signature, and the index as `kit results index` makes it."""
    found = files_of(made / "site")
    index = make_index(made / "results")
    assert found["index.json"] == index_bytes(index)
    assert len(index.bundles) == len(FEW)
    expected = {"index.html", "feed.xml", "index.json"}
    for each in index.bundles:
        home = f"bundles/{each.identity[:16]}"
        archive = f"{home}/demo-{each.identity[:12]}.tar.gz"
        expected |= {f"{home}/index.html", archive} | ({f"{archive}.sig"} if each.signer else set())
        assert found[archive] == (made / "results" / each.path).read_bytes()
        assert f"kit verify results/{each.path}".encode() in found[f"{home}/index.html"]
        assert b'<a href="../../index.html">' in found[f"{home}/index.html"]
    assert found.keys() == expected
    assert {each.signer.name for each in index.bundles if each.signer} == {"ada@example.org", "linus@example.org"}
    assert b"signed by ada@example.org" in found["index.html"]


def test_what_is_rejected_is_listed_and_said(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the board and on standard error; it has no page, and the others are there."""
    assert site_of(copied, "--quiet") == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("Not shown: bad.tar.gz: ")
    assert printed.out == f"{copied / 'site' / 'index.html'}\n"
    board = (copied / "site" / "index.html").read_text(encoding="utf-8")
    assert "bad.tar.gz" in board


def test_the_same_results_are_the_same_bytes(copied: Path) -> None:
    """Over an older site and into a new folder."""
    before = files_of(copied / "site")
    assert site_of(copied) == 0
    assert files_of(copied / "site") == before
    assert run(["site", str(copied / "results"), "-o", str(copied / "other"), "--published"]) == 0
    assert files_of(copied / "other") == before


def test_many_processes_write_the_same_bytes_as_one(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are CPUs for them."""
    monkeypatch.setattr(site, "MIN_FOR_EACH", 1)
    monkeypatch.setattr(site, "usable_cpus", lambda: 2)
    assert run(["site", str(copied / "results"), "-o", str(copied / "other"), "--published"]) == 0
    assert files_of(copied / "other") == files_of(copied / "site")


def test_pages_of_bundles_that_are_gone_are_removed_and_other_files_kept(copied: Path) -> None:
    """What a board did not write, it does not remove."""
    mine = copied / "site" / "CNAME"
    mine.write_text("board.example\n", encoding="utf-8")
    foreign = copied / "site" / "bundles" / ("0" * 16)
    foreign.mkdir()
    (foreign / "index.html").write_text("<!doctype html>mine", encoding="utf-8")
    gone = make_index(copied / "results").bundles[0]
    (copied / "results" / gone.path).unlink()
    assert site_of(copied) == 0
    assert not (copied / "site" / "bundles" / gone.identity[:16]).exists()
    assert mine.read_text(encoding="utf-8") == "board.example\n"
    assert (foreign / "index.html").is_file()
    assert len(list((copied / "site" / "bundles").iterdir())) == len(FEW)


@pytest.mark.parametrize("name", ["index.html", "notes.txt"])
def test_a_folder_that_is_no_site_is_left_alone(
    copied: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever lies in it."""
    (copied / "other").mkdir()
    (copied / "other" / name).write_text("mine", encoding="utf-8")
    assert run(["site", str(copied / "results"), "-o", str(copied / "other")]) == 2
    assert "was not written by kit site" in capsys.readouterr().err
    assert files_of(copied / "other") == {name: b"mine"}


def test_the_results_themselves_are_no_place_for_the_site(copied: Path) -> None:
    """Their index would be overwritten."""
    before = files_of(copied / "results")
    assert run(["site", str(copied / "results"), "-o", str(copied / "results")]) == 2
    assert files_of(copied / "results") == before


def test_a_signature_that_does_not_fit_takes_a_bundle_off_the_board(copied: Path) -> None:
    """Another bundle's signature is no signature of this one."""
    signed = sorted((copied / "results").rglob("*.sig"))
    signed[0].write_bytes(signed[1].read_bytes())
    assert site_of(copied, "--no-archives") == 0
    index = make_index(copied / "results")
    assert len(index.bundles) == len(FEW) - 1
    board = (copied / "site" / "index.html").read_text(encoding="utf-8")
    assert "does not count" in board
    assert " download>" not in board


def test_named_signers_take_the_place_of_those_of_the_folder(copied: Path, tmp_path: Path) -> None:
    """A key that nobody knows is said to be one."""
    nobody = tmp_path / "nobody"
    nobody.write_text("", encoding="utf-8")
    assert site_of(copied, "--signers", str(nobody)) == 0
    board = (copied / "site" / "index.html").read_text(encoding="utf-8")
    assert "signed by ada" not in board
    assert "signed, unknown key" in board
