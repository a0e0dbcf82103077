"""The demo for real: llama.cpp, a real model, real records, a bundle that verifies, and attempts to cheat."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import pytest

from kit.storage.cell_folder import read_records
from tests.support.running import AT_ONCE, kit

pytestmark = [pytest.mark.integration, pytest.mark.alone]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One short run of the demo: two entries at concurrency 1 and 4."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    options = ("--window", "6", "--warmup", "1", "--replicates", "1", "--concurrency", "1,4", "--yes")
    done = kit("reproduce", "demo", *AT_ONCE, *options, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def printed(run: Path) -> str:
    text = (run / "stdout.txt").read_text()
    (run / "stdout.txt").unlink()
    return text


@pytest.fixture(scope="module")
def bundle(run: Path, printed: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert printed
    path = tmp_path_factory.mktemp("bundle") / "demo.tar.gz"
    done = kit("bundle", str(run), "-o", str(path))
    assert done.returncode == 0, done.stderr
    return path


def most_at_once(run: Path, entry: str, concurrency: int) -> int:
    """How many answers of a cell were being written at the same time, by the stamps of their text."""
    folder = run / "cells" / f"r1-c{concurrency}-{entry}"
    marks: list[tuple[int, int]] = []
    for record in read_records(folder / "records.jsonl"):
        if len(record.chunks) > 1:
            marks += [(record.chunks[0][0], 1), (record.chunks[-1][0], -1)]
    return max(accumulate(step for _, step in sorted(marks)))


def test_the_run_prints_a_table_for_each_metric(printed: str, run: Path) -> None:
    """Seven tables with the method below, where the run lies and what to type next."""
    for title in ("Throughput", "Decode", "TTFT p50", "TTFT p99", "ITL p50", "ITL p99", "Error rate"):
        assert f"**{title}" in printed
    assert "TTFT = first text - send" in printed
    assert str(run) in printed
    assert "kit bundle" in printed
    assert (run / "report.html").read_text().startswith("<!doctype html>")


def test_batching_shows(run: Path, printed: str) -> None:
    """At concurrency 4 four slots write four answers at once, and one slot one after the other.

    Not told by speed: that depends on what else this machine does.
    """
    assert printed
    assert most_at_once(run, "llamacpp-batched", 4) == 4
    assert most_at_once(run, "llamacpp-serial", 4) == 1


def without_label(shown: str) -> str:
    """What `kit table` prints, but for the label below it."""
    tables, label, _ = shown.rpartition("\nLabel: ")
    assert label
    return tables.strip()


def test_the_report_holds_the_same_tables(run: Path, printed: str) -> None:
    """REPORT.md and `kit table` show what was printed."""
    tables = printed[: printed.index("Verdict\n")].strip()
    assert tables in (run / "REPORT.md").read_text()
    again = kit("table", str(run))
    assert without_label(again.stdout) == tables


def test_the_bundle_verifies_and_gives_the_same_tables(bundle: Path, printed: str) -> None:
    """A label, exit code 0, and the tables from the bundle alone."""
    done = kit("verify", str(bundle), "--json")
    verdict = json.loads(done.stdout)
    quiet = "disturbed" not in printed and "SUSPECT" not in printed
    assert done.returncode == 0, verdict["findings"]
    assert verdict["label"] == ("consistent" if quiet else "self-reported"), verdict["findings"]
    assert verdict["checked"]["metrics.recomputed"] > 0
    assert without_label(kit("table", str(bundle)).stdout) == printed[: printed.index("Verdict\n")].strip()


def test_the_run_folder_itself_verifies(run: Path, printed: str) -> None:
    """The same rules on the folder."""
    assert printed
    done = kit("verify", str(run))
    assert done.returncode == 0, done.stdout


def test_packing_again_gives_the_same_identity(run: Path, bundle: Path, tmp_path: Path) -> None:
    """Deterministic, byte for byte on one machine."""
    kit("bundle", str(run), "-o", str(tmp_path / "again.tar.gz"))
    assert (tmp_path / "again.tar.gz").read_bytes() == bundle.read_bytes()


def repack(bundle: Path, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The bundle with changed members, in the canonical form but with the old manifest."""
    from kit.storage.archive import pack, unpack

    files = dict(unpack(bundle.read_bytes()))
    change(files)
    return pack(files)


def records_name(files: dict[str, bytes]) -> str:
    return next(name for name in files if name.endswith("records.jsonl"))


def drop_a_line(files: dict[str, bytes]) -> None:
    name = records_name(files)
    files[name] = b"".join(files[name].splitlines(keepends=True)[1:])


def edit_a_number(files: dict[str, bytes]) -> None:
    result = json.loads(files["result.json"])
    result["rows"][0]["spreads"]["throughput_tok_s"]["median"] += 1
    files["result.json"] = (json.dumps(result, sort_keys=True, indent=1) + "\n").encode()


def rename_a_file(files: dict[str, bytes]) -> None:
    files["cells/other/records.jsonl"] = files.pop(records_name(files))


@pytest.mark.parametrize(
    ("change", "place"),
    [(drop_a_line, "records.jsonl"), (edit_a_number, "result.json"), (rename_a_file, "records.jsonl")],
)
def test_a_changed_bundle_is_refused_with_the_place(
    change: Callable[[dict[str, bytes]], None], place: str, bundle: Path, tmp_path: Path
) -> None:
    """A deleted line, an edited number, a renamed file."""
    path = tmp_path / "bad.tar.gz"
    path.write_bytes(repack(bundle, change))
    done = kit("verify", str(path), "--json")
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["label"]) == (1, "rejected")
    assert any(place in finding["where"] for finding in verdict["findings"]), verdict["findings"]


def with_member(bundle: Path, member: tarfile.TarInfo) -> bytes:
    """The bundle's archive with one more member."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(gzip.decompress(bundle.read_bytes()))) as old,
        tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as new,
    ):
        for old_member in old:
            new.addfile(old_member, old.extractfile(old_member))
        new.addfile(member)
    return gzip.compress(out.getvalue(), mtime=0)


def link() -> tarfile.TarInfo:
    member = tarfile.TarInfo("zz-link")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


@pytest.mark.parametrize("member", [link(), tarfile.TarInfo("../evil")], ids=["symlink", "dot-dot"])
def test_a_dangerous_member_is_refused(member: tarfile.TarInfo, bundle: Path, tmp_path: Path) -> None:
    """A symlink and a way out of the folder."""
    path = tmp_path / "bad.tar.gz"
    path.write_bytes(with_member(bundle, member))
    done = kit("verify", str(path))
    assert done.returncode == 1
    assert "archive.canonical" in done.stdout


def test_appended_bytes_are_refused(bundle: Path, tmp_path: Path) -> None:
    """One byte after the end."""
    path = tmp_path / "bad.tar.gz"
    path.write_bytes(bundle.read_bytes() + b"!")
    done = kit("verify", str(path))
    assert done.returncode == 1
    assert "archive.canonical" in done.stdout


def test_a_deleted_line_in_the_run_folder_is_found(run: Path, printed: str, tmp_path: Path) -> None:
    """Not only bundles are checked."""
    import shutil

    assert printed
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    name = next(copy.rglob("records.jsonl"))
    name.write_bytes(b"".join(name.read_bytes().splitlines(keepends=True)[1:]))
    done = kit("verify", str(copy))
    assert done.returncode == 1
    assert "records.jsonl" in done.stdout


def test_a_link_in_the_run_folder_is_found(run: Path, printed: str, tmp_path: Path) -> None:
    """Not followed, but named."""
    import shutil

    assert printed
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "host.json").unlink()
    (copy / "host.json").symlink_to(run / "host.json")
    done = kit("verify", str(copy))
    assert done.returncode == 1
    assert "host.json" in done.stdout
    assert kit("bundle", str(copy), "-o", str(tmp_path / "x.tar.gz")).returncode == 2
