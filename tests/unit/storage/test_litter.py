"""What desktops and editors leave in a run folder is nobody's evidence; in an archive it is a stray file."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from kit import cli
from kit.cli._shared.opening import inside
from kit.storage.archive import pack
from kit.storage.bundle import make_manifest, pack_run
from kit.storage.names import CELL_FILES, MANIFEST, PLAN, RESULT, is_litter
from kit.storage.run_folder import create, read_folder
from kit.strict import plain, write_json
from kit.verify import verify_bundle, verify_run
from tests.support.good_bundle import run_files

LITTER = [
    ".DS_Store", "._plan.json", "._.DS_Store", ".localized", "Icon\r", "Thumbs.db", "thumbs.db", "ehthumbs.db",
    "desktop.ini", "Desktop.ini", ".directory", "plan.json~", "#plan.json#", ".#plan.json", ".plan.json.swp",
    ".plan.json.swo", ".plan.json.kate-swp", "~$plan.json", ".~lock.plan.json#", ".nfs000000000a1b2c3d",
]  # fmt: skip
FOLDERS = ["__MACOSX", ".Trashes", ".fseventsd", "@eaDir", "$RECYCLE.BIN", ".AppleDouble"]
OURS = [
    *CELL_FILES,
    PLAN,
    RESULT,
    "host.json",
    "calibration.json",
    "server.log",
    "REPORT.md",
    "cells",
    "r1-c4-vllm",
]
# Not ours either, but nobody can say that no person put them there.
STRANGE = [
    "notes.txt",
    "cell.json.bak",
    "cell2.json",
    ".hidden",
    "plan.json.swp",
    ".git",
    "Cell.json",
    "~",
    "#",
    ".swp",
]


@pytest.mark.parametrize("name", [*LITTER, *FOLDERS])
def test_litter_is_known_by_its_name(name: str) -> None:
    assert is_litter(name)


@pytest.mark.parametrize("name", [*OURS, *STRANGE])
def test_everything_else_is_evidence_or_a_stray_file(name: str) -> None:
    assert not is_litter(name)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder."""
    folder = tmp_path / "run"
    for name, data in run_files({}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def litter(folder: Path) -> None:
    """In the folder itself, among the cells and in each of them; a lock is a broken link."""
    for place in (folder, folder / "cells", *(folder / "cells").iterdir()):
        for name in LITTER:
            if name != ".#plan.json":
                (place / name).write_bytes(b"\0not JSON")
        (place / ".#plan.json").symlink_to("somebody@host.1234")
        for name in FOLDERS:
            (place / name).mkdir()
            (place / name / "plan.json").write_bytes(b"{}")


def test_a_run_that_somebody_looked_into_is_judged_as_before(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Same files, same verdict, same bundle, byte for byte."""
    before, verdict, packed = read_folder(run), verify_run(read_folder(run)), pack_run(run)
    litter(run)
    assert read_folder(run) == before
    assert verify_run(read_folder(run)) == verdict
    assert pack_run(run).data == packed.data
    assert cli.run(["score", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cards"]
    with tarfile.open(fileobj=io.BytesIO(packed.data)) as archive:
        assert not any(is_litter(part) for name in archive.getnames() for part in name.split("/"))


@pytest.mark.parametrize("name", ["notes.txt", "cells/.hidden", "cell.json.bak"])
def test_a_stray_file_still_is_refused(name: str, run: Path) -> None:
    (run / name).write_bytes(b"x")
    verdict = verify_run(read_folder(run))
    assert verdict.label == "rejected"
    assert {finding.rule for finding in verdict.findings if finding.level == "reject"} == {"files.expected"}


@pytest.mark.parametrize("name", ["desktop.ini", "cells/thumbs.db"])
def test_in_an_archive_litter_is_a_stray_file(name: str) -> None:
    """The kit packs none, so somebody put it there."""
    files = {**run_files({}), name: b"x"}
    files[MANIFEST] = write_json(plain(make_manifest(files)))
    verdict = verify_bundle(pack(files))
    assert verdict.label == "rejected"
    assert "files.expected" in {finding.rule for finding in verdict.findings}


def test_a_folder_with_nothing_but_litter_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"x")
    create(tmp_path)
    assert (tmp_path / "cells").is_dir()


def test_litter_in_a_folder_of_bundles_is_no_bundle(tmp_path: Path) -> None:
    """A Mac makes a file ._NAME for each on a foreign disk."""
    for name in ("a.tar.gz", "._a.tar.gz", "b.json", "._b.json"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in inside(tmp_path)] == ["a.tar.gz", "b.json"]
