"""Publishing and fetching that end early: Ctrl-C and kill -9 at random moments, and a disk without room.

Nothing half-written is left, and nothing passes for a bundle that is not all there.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit.collection.index import make_index, read_index
from kit.publish.branch import bundles_of_branch
from kit.publish.oci import pull
from kit.publish.places import GitPlace, OciPlace
from kit.signing import sign
from kit.storage.archive import unpack
from kit.storage.names import MANIFEST
from tests.integration.test_publishing import environment
from tests.support.disks import small_disk_at
from tests.support.good_bundle import good_bundle
from tests.support.keys import key_pair
from tests.support.oci_registry import Scripted, serving

pytestmark = pytest.mark.integration

SEED = 15
INTERRUPTED = 130
ROOM_BYTES = 64 << 10
STOPS = (signal.SIGINT, signal.SIGINT, signal.SIGINT, signal.SIGKILL)


@dataclass
class Bench:
    """A place to publish from: an empty home, the bundle with its signature, scratch space that is looked into."""

    home: Path
    bundle: Path
    archive: bytes
    signature: bytes
    temporary: Path
    moments: random.Random = field(default_factory=lambda: random.Random(SEED))

    def start(self, *arguments: str, temporary: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "kit", *arguments],
            cwd=self.home,
            env=environment(self.home) | {"TMPDIR": str(temporary or self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, temporary: Path | None = None) -> tuple[int, str]:
        process = self.start(*arguments, temporary=temporary)
        _, stderr = process.communicate(timeout=120)
        return process.returncode, stderr

    def stopped(self, how: signal.Signals, whole_s: float, *arguments: str) -> None:
        """Run it and stop it somewhere in the part that does something; after a Ctrl-C no scratch is left."""
        process = self.start(*arguments)
        time.sleep(whole_s * self.moments.uniform(0.3, 1.0))
        process.send_signal(how)
        _, stderr = process.communicate(timeout=60)
        # The program may have ended before, and Python has not begun ours yet where it ends by the signal itself.
        assert process.returncode in (0, INTERRUPTED, -how), stderr
        if process.returncode == INTERRUPTED:
            assert stderr.splitlines()[-1] == "Interrupted."
            assert list(self.temporary.iterdir()) == []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    archive = good_bundle()
    signature = sign(unpack(archive)[MANIFEST], key_pair(tmp_path))
    bundle = home / "good.tar.gz"
    bundle.write_bytes(archive)
    Path(f"{bundle}.sig").write_bytes(signature)
    return Bench(home, bundle, archive, signature, temporary)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with serving(Scripted()) as registry:
        yield registry


def tried(bench: Bench, clean: Callable[[], object], look: Callable[[bool], object], *arguments: str) -> None:
    """Stop a command at several moments, each on clean ground; at last it runs on what was left."""
    began = time.monotonic()
    code, stderr = bench.run(*arguments)
    whole_s = time.monotonic() - began
    assert code == 0, stderr
    look(True)
    for how in STOPS:
        clean()
        bench.stopped(how, whole_s, *arguments)
        look(False)
    code, stderr = bench.run(*arguments)
    assert code == 0, stderr
    look(True)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cleared(folder: Path) -> None:
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_folder_of_results_has_the_bundle_whole_or_not_at_all(bench: Bench) -> None:
    """Archive, signature, view, report and its line in the index; after kill -9 the index may lack it."""
    folder = bench.home / "results"

    def look(done: bool) -> None:
        found = [path.parent for path in folder.rglob("bundle.tar.gz") if not path.parent.name.startswith(".")]
        assert not done or found
        for home in found:
            assert (home / "bundle.tar.gz").read_bytes() == bench.archive
            assert (home / "bundle.tar.gz.sig").read_bytes() == bench.signature
            assert (home / "report.html").read_text().rstrip().endswith("</html>")
            assert (home / "view.json").is_file()
        if (folder / "index.json").exists():
            assert read_index(folder) == make_index(folder)

    tried(bench, lambda: cleared(folder), look, "publish", str(bench.bundle), "results")
    assert not list(folder.rglob(".part-*"))


def test_a_fetch_leaves_whole_files_or_none(bench: Bench, scripted: Scripted) -> None:
    """And no archive without the signature that came with it."""
    place = f"oci://{scripted.host}/a/results:good"
    code, stderr = bench.run("publish", str(bench.bundle), place, "--plain-http")
    assert code == 0, stderr
    folder = bench.home / "in"

    def look(done: bool) -> None:
        found = {name: data for name, data in files_of(folder).items() if not name.endswith("~")}
        archives = [data for name, data in found.items() if name.endswith(".tar.gz")]
        signatures = [data for name, data in found.items() if name.endswith(".sig")]
        assert len(archives) + len(signatures) == len(found)
        assert archives in ([], [bench.archive])
        assert signatures in ([], [bench.signature])
        assert len(signatures) >= len(archives) >= done

    tried(bench, lambda: cleared(folder), look, "fetch", place, "--plain-http", "-o", "in")


def test_a_tag_of_a_registry_names_the_bundle_with_its_signature_or_nothing(
    bench: Bench, scripted: Scripted
) -> None:
    """Whoever pulls meanwhile, or afterwards, never gets it unsigned."""

    def clear() -> None:
        scripted.blobs.clear()
        scripted.manifests.clear()

    def look(done: bool) -> None:
        assert not done or "good" in scripted.manifests
        if "good" in scripted.manifests:
            pulled = pull(OciPlace(scripted.host, "a/results", "good", plain_http=True))
            assert (pulled.archive, pulled.signatures) == (bench.archive, (bench.signature,))

    where = f"oci://{scripted.host}/a/results:good"
    tried(bench, clear, look, "publish", str(bench.bundle), where, "--plain-http")


def test_a_branch_has_the_commit_or_not(bench: Bench, tmp_path: Path) -> None:
    """Git and whatever it has started end with us, so its scratch is gone."""
    bare = tmp_path / "it.git"

    def clear() -> None:
        cleared(bare)
        subprocess.run(["git", "init", "--quiet", "--bare", str(bare)], check=True)

    def look(done: bool) -> None:
        heads = subprocess.run(
            ["git", "--git-dir", str(bare), "for-each-ref", "--format=%(refname)"], capture_output=True, check=True
        ).stdout.split()
        assert not done or heads
        if heads:
            (found,) = bundles_of_branch(GitPlace(f"file://{bare}", "file", "main"))
            assert found[1:] == (bench.archive, bench.signature)

    clear()
    tried(bench, clear, look, "publish", str(bench.bundle), f"git+file://{bare}#main")


@pytest.fixture
def little_room(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 64 KiB of its own."""
    with small_disk_at(tmp_path / "disk", ROOM_BYTES, request) as place:
        yield place


def filled(place: Path, left_bytes: int) -> None:
    (place / "ballast").write_bytes(bytes(ROOM_BYTES - left_bytes))


@pytest.mark.parametrize(
    ("what", "left_bytes"),
    [("publish", 48 << 10), ("add", 48 << 10), ("fetch", 8 << 10), ("report", 8 << 10), ("sign", 0)],
)
def test_without_room_nothing_is_written(bench: Bench, little_room: Path, what: str, left_bytes: int) -> None:
    """Exit code 10 and what to do; not half a file, not a folder that passes for a bundle."""
    filled(little_room, left_bytes)
    out = little_room / "out"
    key = key_pair(bench.home)
    commands = {
        "publish": ["publish", str(bench.bundle), str(out)],
        "add": ["results", "add", str(bench.bundle), "--to", str(out)],
        "fetch": ["fetch", str(bench.bundle), "-o", str(out)],
        "report": ["report", str(bench.bundle), "-o", str(out)],
        "sign": ["sign", str(bench.bundle), "--key", str(key), "-o", str(little_room / "a.sig")],
    }
    code, stderr = bench.run(*commands[what])
    assert code == 10, stderr
    assert "No space left on device" in stderr
    assert list(files_of(little_room)) == ["ballast"]


def test_git_without_room_says_where(bench: Bench, little_room: Path, tmp_path: Path) -> None:
    """Its scratch is in TMPDIR, which has room for one file and not for a repository; no fault of the branch."""
    bare = tmp_path / "it.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(bare)], check=True)
    filled(little_room, 8 << 10)
    code, stderr = bench.run("publish", str(bench.bundle), f"git+file://{bare}#main", temporary=little_room)
    assert code == 10, stderr
    assert f"git has no space left to work in {os.fspath(little_room)}" in stderr
