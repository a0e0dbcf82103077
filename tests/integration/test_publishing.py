"""A bundle on its way: signed, published to a real registry and a git branch, fetched elsewhere, verified."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.publish.artifact import digest_of
from tests.support.good_bundle import good_bundle
from tests.support.not_tested import not_tested

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = "docker-registry"  # Debian's package has the program under this name
READY_S = 20.0


@dataclass(frozen=True)
class Served:
    """A registry behind a port of this machine, and the folder of its storage."""

    host: str
    storage: Path


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    program = shutil.which(REGISTRY)
    if program is None:
        not_tested(request, "publishing to a registry: install Debian's docker-registry.")
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nhttp: {{addr: '{host}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder}/storage'}}}}\n"
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        until = time.monotonic() + READY_S
        while True:
            with suppress(OSError), socket.create_connection(tuple_of(host), timeout=1):
                break
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)
        yield Served(host, folder / "storage")
    finally:
        server.terminate()
        server.wait()


def tuple_of(host: str) -> tuple[str, int]:
    name, _, port = host.partition(":")
    return name, int(port)


@dataclass(frozen=True)
class Signed:
    """A bundle with its signature beside it, the file of allowed signers, and its report made at home."""

    bundle: Path
    signers: Path
    report: Path

    @property
    def signature(self) -> bytes:
        return Path(f"{self.bundle}.sig").read_bytes()


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("home")
    bundle = folder / "demo.tar.gz"
    bundle.write_bytes(good_bundle())
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", str(key)], check=True)
    signers = folder / "signers"
    public = key.with_suffix(".pub").read_text()
    signers.write_text(f'ann@example.com namespaces="kit-bundle-v1" {public}')
    kit(folder, "sign", str(bundle), "--key", str(key))
    kit(folder, "report", str(bundle), "-o", "report")
    return Signed(bundle, signers, folder / "report" / "REPORT.md")


def environment(home: Path) -> dict[str, str]:
    """What a new machine has: programs, an empty home, this kit."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.com",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "ann@example.com",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def kit(home: Path, *arguments: str, code: int = 0) -> str:
    """The standard output of a command that ends with this code, run in an empty home."""
    done = subprocess.run(
        [sys.executable, "-m", "kit", *arguments],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def empty(tmp_path: Path) -> Path:
    home = tmp_path / "elsewhere"
    home.mkdir()
    return home


def test_from_a_registry_the_same_bundle_comes_back(registry: Served, signed: Signed, tmp_path: Path) -> None:
    """On a machine with nothing but the kit: same bytes, same signature, same report. Debian's registry knows no
    referrers API, so the signature is found by the tag that stands for it."""
    said = kit(tmp_path, "publish", str(signed.bundle), f"oci://{registry.host}/a/results:demo", "--plain-http")
    reference = said.splitlines()[0].removeprefix("Published: ")
    assert reference.startswith(f"oci://{registry.host}/a/results@sha256:")
    for source in (reference, f"oci://{registry.host}/a/results:demo"):
        home = tmp_path / source[-4:].strip(":")
        home.mkdir()
        came_back(signed, home, source, "--plain-http")


def test_from_a_branch_the_same_bundle_comes_back(signed: Signed, tmp_path: Path) -> None:
    """The branch has the results folder with index and report as well."""
    bare = tmp_path / "it.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(bare)], check=True)
    said = kit(tmp_path, "publish", str(signed.bundle), f"git+file://{bare}#main")
    assert f"Published: git+file://{bare}#main:results/" in said
    came_back(signed, empty(tmp_path), f"git+file://{bare}#main")
    listed = subprocess.run(
        ["git", "--git-dir", str(bare), "ls-tree", "-r", "--name-only", "main"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "results/index.json" in listed
    names = {Path(path).name for path in listed}
    assert names >= {"bundle.tar.gz", "bundle.tar.gz.sig", "REPORT.md", "report.html", "view.json"}


def test_a_folder_has_it_once(signed: Signed, tmp_path: Path) -> None:
    """As `kit results add` puts it there; a second time there is nothing to do."""
    said = kit(tmp_path, "publish", str(signed.bundle), "results").splitlines()[0]
    bundle = tmp_path / said.removeprefix("Published: ")
    assert bundle.read_bytes() == signed.bundle.read_bytes()
    assert Path(f"{bundle}.sig").read_bytes() == signed.signature
    assert len(json.loads((tmp_path / "results" / "index.json").read_bytes())["bundles"]) == 1
    again = kit(tmp_path, "publish", str(signed.bundle), "results")
    assert again.startswith(f"Already there: {bundle.relative_to(tmp_path)}\n")


def came_back(signed: Signed, home: Path, *words: str) -> None:
    """Fetch there, verify there, make the report there: everything is what it was at home."""
    said = kit(home, "fetch", *words, "-o", "in", "--signers", str(signed.signers))
    (bundle,) = (home / "in").glob("*.tar.gz")
    assert bundle.read_bytes() == signed.bundle.read_bytes()
    assert Path(f"{bundle}.sig").read_bytes() == signed.signature
    assert "signed by ann@example.com" in said
    verified = kit(home, "verify", str(bundle), "--signers", str(signed.signers), "--quiet")
    assert verified.strip().endswith("signed by ann@example.com")
    said = kit(home, "report", str(bundle), "-o", "report", "--quiet")
    assert said == "report/report.html\n"
    assert (home / "report" / "REPORT.md").read_bytes() == signed.report.read_bytes()


def test_what_was_changed_in_the_registrys_storage_is_refused(
    registry: Served, signed: Signed, tmp_path: Path
) -> None:
    """One byte of the archive, of the signature or of the manifest: exit code 4, and no file is written."""
    where = f"oci://{registry.host}/b/results:demo"
    kit(tmp_path, "publish", str(signed.bundle), where, "--plain-http")
    home = empty(tmp_path)
    for data in (signed.bundle.read_bytes(), signed.signature):
        name = digest_of(data).removeprefix("sha256:")
        blob = registry.storage / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"
        assert blob.read_bytes() == data
        blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        said = kit(home, "fetch", where, "--plain-http", code=4)
        assert "has the digest" in said
        blob.write_bytes(data)
    assert list(home.iterdir()) == []
    kit(home, "fetch", where, "--plain-http")


def test_a_rejected_bundle_is_not_published(registry: Served, signed: Signed, tmp_path: Path) -> None:
    """And nothing of it is sent."""
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(signed.bundle.read_bytes()[:-1] + b"!")
    for where in (f"oci://{registry.host}/c/results:demo", str(tmp_path / "results")):
        done = subprocess.run(
            [sys.executable, "-m", "kit", "publish", str(bad), where, "--plain-http"],
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (1, 2), done.stderr
    assert not (registry.storage / "docker/registry/v2/repositories/c").exists()
    assert not (tmp_path / "results").exists()
