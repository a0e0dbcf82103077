"""Files are read within a bound, and written whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.errors import InputError
from kit.storage.names import is_litter
from kit.storage.whole import read_bounded, replace_file, scratch, write_new, write_whole

ROOM = 4096
WRITERS: tuple[Callable[[Path, bytes], object], ...] = (replace_file, write_new, write_whole)


@contextmanager
def little_room() -> Iterator[None]:
    """No file may become larger than a page, as on a disk that is full by then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("size", "read"), [(0, 0), (9, 9), (10, 10), (11, 11), (1000, 11)])
def test_no_more_is_read_than_shows_that_it_is_too_much(tmp_path: Path, size: int, read: int) -> None:
    """One byte beyond the bound: whoever asked sees that, and holds no more."""
    (tmp_path / "x").write_bytes(bytes(size))
    assert len(read_bounded(tmp_path / "x", 10, "")) == read


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read: ") as refused:
        read_bounded(tmp_path / name, 10, "Look elsewhere.")
    assert refused.value.remedy == "Look elsewhere."


@pytest.mark.parametrize("write", WRITERS)
def test_a_new_file_has_all_bytes_and_nothing_lies_beside_it(
    tmp_path: Path, write: Callable[[Path, bytes], object]
) -> None:
    write(tmp_path / "x", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"new"}


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("old", [None, b"old"])
def test_without_room_everything_is_as_it_was(
    tmp_path: Path, write: Callable[[Path, bytes], object], old: bytes | None
) -> None:
    """The old file whole, or none; no part of the new one."""
    path = tmp_path / "x"
    if old is not None:
        path.write_bytes(old)
    if write is write_new and old is not None:
        assert not write_new(path, bytes(2 * ROOM))
    else:
        with little_room(), pytest.raises(OSError) as full:
            write(path, bytes(2 * ROOM))
        assert full.value.errno == errno.EFBIG
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == ({} if old is None else {"x": old})


def test_a_file_that_is_there_stays_a_link_too(tmp_path: Path) -> None:
    """Whatever has the name: a file, a link, a link to nothing."""
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("nowhere")
    assert not write_new(tmp_path / "file", b"new")
    assert not write_new(tmp_path / "link", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert not (tmp_path / "nowhere").exists()


def test_what_is_replaced_keeps_its_rights_and_backups_of_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o640)
    (tmp_path / "x~").write_bytes(b"of an editor")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "x~").read_bytes() == b"of an editor"


def test_links_and_pipes_are_written_to_and_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"to a reader")
    assert os.read(reading, 100) == b"to a reader"
    os.close(reading)
    assert (tmp_path / "pipe").is_fifo()


def test_what_a_killed_process_leaves_is_litter(tmp_path: Path) -> None:
    """It never passes for a file of a run, and is gone with the next write of that process."""
    left = tmp_path / f".kit-{os.getpid()}~"
    left.write_bytes(b"half")
    assert is_litter(left.name)
    write_whole(tmp_path / "x", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_scratch_is_gone_after_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However that ends."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fails(folder: Path) -> None:
        (folder / "x").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), scratch("kit-") as folder:
        fails(folder)
    assert list(tmp_path.iterdir()) == []


def test_scratch_is_gone_after_a_ctrl_c_in_its_removal(tmp_path: Path) -> None:
    """Sent while thousands of files are removed, it is obeyed, and they are gone all the same."""
    program = (
        "import os, signal, threading\nfrom pathlib import Path\nfrom kit.storage.whole import scratch\n"
        "try:\n with scratch('kit-') as folder:\n"
        "  for at in range(4000): (folder / str(at)).touch()\n"
        "  def watch():\n"
        "   while len(os.listdir(folder)) > 3900: pass\n"
        "   os.kill(os.getpid(), signal.SIGINT)\n"
        "  threading.Thread(target=watch).start()\n"
        "except (KeyboardInterrupt, FileNotFoundError):\n print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "interrupted\n", done.stderr
    assert list(tmp_path.iterdir()) == []
