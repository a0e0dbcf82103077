"""kit publish and kit fetch as commands: files, addresses, registries; what is refused, with which exit code."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from kit import cli
from kit.publish.artifact import BUNDLE_TYPE, IDENTITY, bundle_manifest
from kit.publish.oci import artifact_of
from kit.publish.parcel import Parcel, make_parcel
from kit.publish.places import OciPlace
from kit.signing import sign
from kit.storage.archive import unpack
from kit.storage.names import MANIFEST
from tests.support.good_bundle import good_bundle
from tests.support.oci_registry import Scripted, serving

BUNDLE = good_bundle()
REJECTED = BUNDLE[:-1] + b"!"
SHORT = sha256(unpack(BUNDLE)[MANIFEST]).hexdigest()[:16]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with serving(Scripted()) as registry:
        yield registry


@pytest.fixture(scope="module")
def signature(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of the good bundle."""
    key = tmp_path_factory.mktemp("keys") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return sign(unpack(BUNDLE)[MANIFEST], key)


@cache
def parcel() -> Parcel:
    return make_parcel(BUNDLE, "good.tar.gz", None)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def put(data: bytes, name: str = "good.tar.gz") -> str:
    Path(name).write_bytes(data)
    return name


# --- fetch --------------------------------------------------------------------------------------------------


def test_a_file_is_copied_verified_and_named_by_its_identity(
    capsys: pytest.CaptureFixture[str], signature: bytes
) -> None:
    put(signature, "good.tar.gz.sig")
    code, out, _ = run(capsys, "fetch", put(BUNDLE), "-o", "in")
    assert code == 0
    assert sorted(path.name for path in Path("in").iterdir()) == [f"{SHORT}.tar.gz", f"{SHORT}.tar.gz.sig"]
    assert Path(f"in/{SHORT}.tar.gz").read_bytes() == BUNDLE
    assert Path(f"in/{SHORT}.tar.gz.sig").read_bytes() == signature
    assert "label     self-reported" in out or "label     consistent" in out


def test_a_rejected_bundle_is_fetched_and_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Its file is named by its own hash: it has no identity."""
    code, out, _ = run(capsys, "fetch", put(REJECTED), "-o", "in", "--json")
    (found,) = json.loads(out)["bundles"]
    assert (code, found["label"], found["identity"]) == (1, "rejected", None)
    assert found["file"] == f"in/sha256-{sha256(REJECTED).hexdigest()[:16]}.tar.gz"


def test_a_signature_of_something_else_refuses(capsys: pytest.CaptureFixture[str], signature: bytes) -> None:
    put(damaged(signature), "good.tar.gz.sig")
    code, out, _ = run(capsys, "fetch", put(BUNDLE), "-o", "in")
    assert code == 1
    assert "BAD" in out


def test_no_other_file_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    """The same bytes may be there; a link is never followed."""
    name = put(BUNDLE)
    assert run(capsys, "fetch", name, "-o", "in")[0] == 0
    assert run(capsys, "fetch", name, "-o", "in")[0] == 0
    target = Path(f"in/{SHORT}.tar.gz")
    target.write_bytes(b"mine")
    assert run(capsys, "fetch", name, "-o", "in")[0] == 2
    assert target.read_bytes() == b"mine"
    target.unlink()
    target.symlink_to(Path("good.tar.gz").resolve())
    assert run(capsys, "fetch", name, "-o", "in")[0] == 2


@pytest.mark.parametrize(
    ("sha", "code"), [(None, 0), (sha256(BUNDLE).hexdigest(), 0), ("0" * 64, 4), ("zz", 2), ("0" * 63, 2)]
)
def test_an_address_is_fetched_with_the_sha256_that_was_given(
    capsys: pytest.CaptureFixture[str], scripted: Scripted, sha: str | None, code: int
) -> None:
    scripted.answers["GET", "/x/demo.tar.gz"] = (200, {}, BUNDLE)
    words = ["--sha256", sha] if sha else []
    url = f"http://{scripted.host}/x/demo.tar.gz"
    assert run(capsys, "fetch", url, "--plain-http", "-o", "in", *words)[0] == code
    assert Path("in").exists() == (code == 0)


def test_the_signature_beside_an_address_comes_along(
    capsys: pytest.CaptureFixture[str], scripted: Scripted, signature: bytes
) -> None:
    """A page that says "not found" with status 200 is none."""
    url = f"http://{scripted.host}/x/demo.tar.gz?v=1"
    scripted.answers["GET", "/x/demo.tar.gz"] = (200, {}, BUNDLE)
    scripted.answers["GET", "/x/demo.tar.gz.sig"] = (200, {}, b"<html>nothing here")
    assert "signature none" in run(capsys, "fetch", url, "--plain-http", "-o", "a")[1]
    scripted.answers["GET", "/x/demo.tar.gz.sig"] = (200, {}, signature)
    assert "SHA256:" in run(capsys, "fetch", url, "--plain-http", "-o", "b")[1]
    assert Path(f"b/{SHORT}.tar.gz.sig").read_bytes() == signature


def test_a_missing_address_is_exit_code_4_and_http_needs_a_word(
    capsys: pytest.CaptureFixture[str], scripted: Scripted
) -> None:
    url = f"http://{scripted.host}/x"
    assert run(capsys, "fetch", url)[0] == 2
    assert run(capsys, "fetch", url, "--plain-http")[0] == 4


def test_an_artifact_that_calls_itself_another_bundle_is_refused(
    capsys: pytest.CaptureFixture[str], scripted: Scripted
) -> None:
    """Nothing is written."""
    manifest = bundle_manifest(BUNDLE, "x", {IDENTITY: "ab" * 32})
    scripted.answers["GET", "/v2/a/results/manifests/t"] = (200, {}, manifest)
    scripted.blobs[f"sha256:{sha256(BUNDLE).hexdigest()}"] = BUNDLE
    code, _, err = run(capsys, "fetch", f"oci://{scripted.host}/a/results:t", "--plain-http", "-o", "in")
    assert code == 4
    assert "calls itself" in err
    assert not Path("in").exists()


# --- publish ------------------------------------------------------------------------------------------------


def test_a_registry_is_published_to_and_fetched_from(
    capsys: pytest.CaptureFixture[str], scripted: Scripted
) -> None:
    code, out, _ = run(
        capsys, "publish", put(BUNDLE), f"oci://{scripted.host}/a/results", "--plain-http", "--json"
    )
    said = json.loads(out)
    assert (code, said["published"], said["tag"]) == (0, True, SHORT)
    assert run(capsys, "fetch", said["reference"], "--plain-http", "-o", "in")[0] == 0
    assert Path(f"in/{SHORT}.tar.gz").read_bytes() == BUNDLE


def test_a_dry_run_sends_nothing_and_shows_all(capsys: pytest.CaptureFixture[str], scripted: Scripted) -> None:
    """Every file of the archive, and the manifest to the byte."""
    where = f"oci://{scripted.host}/a/results:x"
    code, out, _ = run(capsys, "publish", put(BUNDLE), where, "--plain-http", "--dry-run", "--json")
    said = json.loads(out)
    assert (code, said["published"], scripted.seen) == (0, False, [])
    assert {each["path"]: each["bytes"] for each in said["contents"]} == {
        name: len(data) for name, data in unpack(BUNDLE).items()
    }
    made = artifact_of(parcel(), OciPlace(scripted.host, "a/results", "x"))
    assert said["manifests"] == [json.loads(made.manifest)]
    assert said["reference"].endswith(made.digest)
    assert BUNDLE_TYPE in run(capsys, "publish", "good.tar.gz", where, "--plain-http", "--dry-run")[1]


@pytest.mark.parametrize("where", ["results", "git+file:///nowhere/x#main", "oci://localhost:1/a/b"])
def test_a_dry_run_asks_nobody(capsys: pytest.CaptureFixture[str], where: str) -> None:
    """Not whether there is a folder, branch or registry."""
    code, out, _ = run(capsys, "publish", put(BUNDLE), where, "--dry-run")
    assert code == 0
    assert out.endswith("Nothing was sent.\n")
    assert not Path("results").exists()


def test_what_is_not_published(capsys: pytest.CaptureFixture[str], signature: bytes) -> None:
    """A rejected bundle, another's signature, a destination that is a file."""
    assert run(capsys, "publish", put(REJECTED, "bad.tar.gz"), "results")[0] in (1, 2)
    other = damaged(signature)
    put(other, "other.sig")
    code, _, err = run(capsys, "publish", put(BUNDLE), "results", "--signature", "other.sig")
    assert (code, "is not of good.tar.gz" in err) == (2, True)
    assert run(capsys, "publish", "good.tar.gz", "other.sig")[0] == 2
    assert not Path("results").exists()


def damaged(signature: bytes) -> bytes:
    """The same key's signature, damaged in the middle."""
    lines = signature.split(b"\n")
    lines[2] = lines[2][::-1]
    return b"\n".join(lines)


def test_nobody_at_the_registry_is_exit_code_12(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "publish", put(BUNDLE), "oci://127.0.0.1:1/a/b", "--plain-http")[0] == 12
