"""A bundle comes into a folder of results whole, or nothing changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.collection.index import index_bytes, make_index, read_index
from kit.collection.intake import Accepted, Offered, add, complete, locked
from kit.collection.layout import ARCHIVE, SIGNATURE
from kit.collection.signers import trusted_in
from kit.errors import InputError, KitError
from kit.judge.open import RefusedError
from kit.signing import sign
from kit.storage.archive import unpack
from kit.storage.names import MANIFEST
from tests.support.forge import SERIAL, archive_of, changed, changed_files, drop, in_records, path
from tests.support.keys import allowed, key_pair, public
from tests.support.variants import jittered, nudged, on_host, variant


def report(archive: Path, out: Path) -> None:
    """Stands for the report, which has tests of its own: the archive lies there before it is made."""
    (out / "report.html").write_bytes(b"of %d bytes" % archive.stat().st_size)


def taken(folder: Path, archive: bytes, signature: bytes | None = None) -> Accepted:
    return add(folder, Offered(archive, signature, "new.tar.gz"), trusted_in(folder), report)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        found.relative_to(folder).as_posix(): found.read_bytes()
        for found in sorted(folder.rglob("*"))
        if found.is_file()
    }


def manifest_of(archive: bytes) -> bytes:
    return unpack(archive)[MANIFEST]


def test_a_bundle_lies_in_its_place_as_it_came_and_the_index_has_it(tmp_path: Path) -> None:
    """Archive byte for byte, report and view beside it; the folder is made if there is none."""
    folder = tmp_path / "results"
    found = taken(folder, variant(1))

    home = folder / found.home
    assert str(found.home) == f"demo-short/amd-epyc-7763-2cpu/{found.entry.identity[:16]}"
    assert sorted(each.name for each in home.iterdir()) == ["bundle.tar.gz", "report.html", "view.json"]
    assert (home / ARCHIVE).read_bytes() == variant(1)
    assert json.loads((home / "view.json").read_bytes())["identity"] == found.entry.identity
    assert read_index(folder) == found.index == make_index(folder)


def test_two_runs_of_one_plan_on_one_machine_come_in(tmp_path: Path) -> None:
    """Whoever measures again is no copyist."""
    taken(tmp_path, variant(1))
    found = taken(tmp_path, variant(2))

    assert len(found.index.bundles) == 2


def test_a_signed_bundle_keeps_its_signature(tmp_path: Path) -> None:
    """And has its signer in the index."""
    key = key_pair(tmp_path)
    folder = tmp_path / "results"
    folder.mkdir()
    allowed(folder, f"ada@example.org {public(key)}")
    signature = sign(manifest_of(variant(1)), key)

    found = taken(folder, variant(1), signature)

    assert (folder / found.home / SIGNATURE).read_bytes() == signature
    assert found.entry.signer is not None
    assert found.entry.signer.name == "ada@example.org"
    assert found.index == make_index(folder)


def _mixed() -> bytes:
    """Another run with one cell of the first, whose file is another one."""
    records = changed_files(jittered(1))[path(SERIAL, "records.jsonl")]

    def apply(files: dict[str, bytes]) -> None:
        files[path(SERIAL, "records.jsonl")] = records
        in_records(lambda found: [nudged(found[0]), *found[1:]], SERIAL)(files)

    return archive_of(changed_files(jittered(2), apply))


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (lambda: variant(1), "is in the results already"),
        (lambda: variant(1, on_host(cpu_model="Another CPU")), "4 identical files of records"),
        (_mixed, "requests with the same times between their chunks"),
        (lambda: changed(drop("result.json")), "was rejected by verification"),
        (lambda: variant(1)[:-20], "was rejected by verification"),
        (lambda: b"", "was rejected by verification"),
    ],
    ids=["the same again", "re-badged", "a cell of another", "rejected", "cut off", "empty"],
)
def test_what_is_refused_changes_nothing(tmp_path: Path, archive: Callable[[], bytes], words: str) -> None:
    """Exit code 1, with the identity of the other bundle where there is one."""
    identity = taken(tmp_path, variant(1)).entry.identity
    before = files_of(tmp_path)

    with pytest.raises(RefusedError) as refused:
        taken(tmp_path, archive())

    assert words in refused.value.what
    assert ("verification" in words) or (identity in refused.value.what)
    assert files_of(tmp_path) == before


def test_a_signature_of_another_bundle_is_refused(tmp_path: Path) -> None:
    """Unsigned it would have come in: a wrong signature is worse than none."""
    key = key_pair(tmp_path)
    folder = tmp_path / "results"

    with pytest.raises(RefusedError, match="does not count"):
        taken(folder, variant(1), sign(manifest_of(variant(2)), key))

    assert files_of(folder) == {}


def test_a_revoked_key_is_refused(tmp_path: Path) -> None:
    """The list lies in the folder, as `revoked_keys`."""
    key = key_pair(tmp_path)
    folder = tmp_path / "results"
    folder.mkdir()
    allowed(folder, f"ada@example.org {public(key)}")
    (folder / "revoked_keys").write_text(public(key) + "\n", encoding="utf-8")

    with pytest.raises(RefusedError, match="revoked"):
        taken(folder, variant(1), sign(manifest_of(variant(1)), key))


def test_a_report_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Not the archive, not a folder, and the index as it was."""
    taken(tmp_path, variant(1))
    before, folders = files_of(tmp_path), sorted(tmp_path.rglob("*"))

    def fails(archive: Path, out: Path) -> None:
        report(archive, out)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        add(tmp_path, Offered(variant(2, on_host(cpu_model="B")), None, "b"), trusted_in(tmp_path), fails)

    assert files_of(tmp_path) == before
    assert sorted(tmp_path.rglob("*")) == folders


def test_an_index_that_cannot_be_written_takes_the_bundle_back(tmp_path: Path) -> None:
    """A folder in its place: what was moved in goes again."""
    (tmp_path / "index.json").mkdir()

    with pytest.raises(OSError):
        taken(tmp_path, variant(1))

    assert [name for name in files_of(tmp_path) if name.endswith(".tar.gz")] == []


def test_what_a_killed_intake_left_is_no_result_and_goes(tmp_path: Path) -> None:
    """It is hidden from the index, and the next intake sweeps it."""
    part = tmp_path / "demo-short" / "amd-epyc-7763-2cpu" / ".part-0123456789abcdef"
    part.mkdir(parents=True)
    (part / ARCHIVE).write_bytes(variant(1))
    assert make_index(tmp_path).bundles == ()

    taken(tmp_path, variant(1))

    assert not part.exists()


def test_one_intake_at_a_time(tmp_path: Path) -> None:
    """The second is told so; when the first has ended, it may come in."""
    with locked(tmp_path), pytest.raises(InputError, match="Another intake"):
        taken(tmp_path, variant(1))

    assert len(taken(tmp_path, variant(1)).index.bundles) == 1


def test_a_folder_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    """Whatever lies there is somebody's."""
    home = tmp_path / taken(tmp_path, variant(1)).home
    (home / ARCHIVE).unlink()
    (home / "notes.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(KitError, match="exists and is no bundle"):
        taken(tmp_path, variant(1))

    assert (home / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_the_index_of_an_intake_is_the_one_of_the_folder(tmp_path: Path) -> None:
    """Byte for byte, also with a bundle at the top and one that is refused."""
    (tmp_path / "old.tar.gz").write_bytes(variant(3))
    (tmp_path / "wrong.tar.gz").write_bytes(b"no archive")
    taken(tmp_path, variant(1))

    assert (tmp_path / "index.json").read_bytes() == index_bytes(make_index(tmp_path))
    assert len(read_index(tmp_path).bundles) == 2
    assert len(read_index(tmp_path).refused) == 1


def test_reports_that_are_missing_are_made_and_no_others(tmp_path: Path) -> None:
    """Of bundles in their places: after a merge there are only archives and signatures."""
    home = tmp_path / taken(tmp_path, variant(1)).home
    before = files_of(tmp_path)
    (tmp_path / "flat.tar.gz").write_bytes(variant(2))
    index = make_index(tmp_path)
    assert complete(tmp_path, index, report) == ()

    (home / "view.json").unlink()
    (home / "report.html").unlink()
    assert [str(each) for each in complete(tmp_path, index, report)] == [home.relative_to(tmp_path).as_posix()]

    (tmp_path / "flat.tar.gz").unlink()
    assert files_of(tmp_path) == before
