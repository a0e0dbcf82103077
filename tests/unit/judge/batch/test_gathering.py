"""kit.judge.batch.gathering: what paths stand for, each once, under names that hold no path of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.errors import InputError
from kit.judge.batch.gathering import gathered, is_collection


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def names_of(*paths: Path) -> list[str]:
    return [item.name for item in gathered(paths).items]


def test_a_folder_stands_for_all_bundles_in_it_and_below_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Other files, and what editors and version control keep, are none."""
    made(
        tmp_path,
        "b.tar.gz",
        "a/z.tar.gz",
        "a/b/c.tar.gz",
        "a/notes.txt",
        "index.json",
        "._x.tar.gz",
        ".git/g.tar.gz",
    )
    assert names_of(tmp_path) == ["a/b/c.tar.gz", "a/z.tar.gz", "b.tar.gz"]


def test_names_are_below_what_all_have_in_common(tmp_path: Path) -> None:
    """Files, folders and a mixture; what is given twice is judged once."""
    made(tmp_path, "one/x.tar.gz", "two/x.tar.gz", "two/y.tar.gz")
    one, two = tmp_path / "one", tmp_path / "two"
    assert names_of(one / "x.tar.gz") == ["x.tar.gz"]
    assert names_of(two / "y.tar.gz", one / "x.tar.gz") == ["one/x.tar.gz", "two/y.tar.gz"]
    assert names_of(two, one / "x.tar.gz", two / "x.tar.gz", two) == [
        "one/x.tar.gz",
        "two/x.tar.gz",
        "two/y.tar.gz",
    ]


def test_names_do_not_depend_on_where_the_folder_lies_nor_on_how_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So two machines speak of the same bundles."""
    made(tmp_path / "here/deep", "x.tar.gz")
    made(tmp_path / "there", "x.tar.gz")
    monkeypatch.chdir(tmp_path / "here")
    ways = (tmp_path / "here/deep", Path("deep"), Path("../here/./deep"), tmp_path / "there")
    assert [names_of(way) for way in ways] == [["x.tar.gz"]] * 4


def test_links_are_passed_over_and_named(tmp_path: Path) -> None:
    """To bundles and to folders; a link that somebody typed is what he meant."""
    made(tmp_path / "set", "a.tar.gz")
    made(tmp_path / "other", "b.tar.gz")
    (tmp_path / "set/linked.tar.gz").symlink_to(tmp_path / "other/b.tar.gz")
    (tmp_path / "set/folder").symlink_to(tmp_path / "other")
    (tmp_path / "set/gone.tar.gz").symlink_to(tmp_path / "nothing")

    found = gathered([tmp_path / "set"])

    assert [item.name for item in found.items] == ["a.tar.gz"]
    assert found.passed_over == ("folder", "gone.tar.gz", "linked.tar.gz")
    assert gathered([tmp_path / "set/linked.tar.gz"]).passed_over == ()
    assert names_of(tmp_path / "set/linked.tar.gz") == ["linked.tar.gz"]


@pytest.mark.parametrize(
    "trace", ["plan.json", "host.json", "result.json", "calibration.json", "cells/x/cell.json"]
)
def test_a_folder_with_anything_of_a_run_is_a_run_whatever_else_lies_in_it(tmp_path: Path, trace: str) -> None:
    """A run that lacks its plan is refused for that, and not taken for a folder of bundles."""
    made(tmp_path / "run", "fine.tar.gz", trace)
    assert not is_collection(tmp_path / "run")
    assert names_of(tmp_path / "run") == ["run"]


def test_a_folder_without_bundles_is_none_of_them(tmp_path: Path) -> None:
    """It is judged as a run, as ever, and so is refused; a file is a file."""
    made(tmp_path, "notes.txt", "x.tar.gz")
    (tmp_path / "empty").mkdir()
    assert not is_collection(tmp_path / "empty")
    assert not is_collection(tmp_path / "x.tar.gz")
    assert is_collection(tmp_path)


def test_a_name_that_is_no_text_stays_distinct_and_printable(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are written as such."""
    if os.sys.platform == "darwin":  # type: ignore[attr-defined]
        pytest.skip("macOS has no such names")
    for raw in (b"\xff.tar.gz", b"\xfe.tar.gz"):
        (tmp_path / os.fsdecode(raw)).write_bytes(b"x")
    assert names_of(tmp_path) == ["\\xfe.tar.gz", "\\xff.tar.gz"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_an_error_and_no_smaller_set(tmp_path: Path) -> None:
    """Half of a set must not pass for the whole."""
    made(tmp_path, "a.tar.gz", "closed/b.tar.gz")
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.raises(InputError, match="closed"):
            gathered([tmp_path])
    finally:
        (tmp_path / "closed").chmod(0o700)
