"""What goes into a build: its context, and inputs with known hashes."""

from __future__ import annotations

import io
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

import kit.supply.images.fetching as fetching
from kit.catalogue.inputs import BuildInput
from kit.errors import InputError, SourceError
from kit.supply.images import recipe, recipe_sha256
from kit.supply.images.context import extra_certificates, proxy_arguments, write_context
from kit.supply.pip import download_wheels
from tests.support.scripted_engine import cache_of_its_own, error_of, silent

# --- context --------------------------------------------------------------------------------------------

own_cache = cache_of_its_own
pytestmark = pytest.mark.usefixtures("own_cache")

LOADGEN = recipe("loadgen", "cpu", "source")


def test_the_same_files_give_the_same_context(tmp_path: Path) -> None:
    """Whatever their time, owner and order: otherwise no build would ever come from the cache."""
    first, second = tmp_path / "a", tmp_path / "b"
    for name in (first, second):
        name.write_bytes(b"x")
    made = []
    for files in ({"wheels/a": first, "wheels/b": second}, {"wheels/b": first, "wheels/a": second}):
        out = io.BytesIO()
        write_context(out, b"FROM scratch", files, None)
        made.append(out.getvalue())
        first.touch()
    assert made[0] == made[1]
    with tarfile.open(fileobj=io.BytesIO(made[0])) as tar:
        modes = {info.name: (info.mtime, info.uid, info.mode) for info in tar}
    assert modes.pop("kept/README") == (0, 0, 0o755)  # a program would be there: it must be one that runs
    assert set(modes.values()) == {(0, 0, 0o644)}


def test_extra_certificates_are_those_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None without the variable; a file without a certificate, or none at all, is refused."""
    assert extra_certificates() is None
    file = tmp_path / "ca.pem"
    monkeypatch.setenv("KIT_CA_BUNDLE", str(file))
    assert "cannot be read" in error_of(extra_certificates, InputError).what
    file.write_bytes(b"secret")
    assert "no PEM certificate" in error_of(extra_certificates, InputError).what
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    assert extra_certificates() == file.read_bytes()
    out = io.BytesIO()
    write_context(out, b"", {}, extra_certificates())
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        assert "extra-ca/extra.crt" in tar.getnames()


def test_proxies_of_the_environment_are_passed_on_in_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs disagree on which one they read."""
    assert proxy_arguments() == {}
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert proxy_arguments() == {"https_proxy": "http://proxy:3128", "HTTPS_PROXY": "http://proxy:3128"}


# --- inputs ---------------------------------------------------------------------------------------------


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one wheel, and pip with nothing else."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("KIT_WHEELHOUSE", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder / "tiny-1.0-py3-none-any.whl"


def tiny_input(monkeypatch: pytest.MonkeyPatch, folder: Path, sha256_hex: str) -> None:
    """The recipe of the load generator asks for the tiny wheel, pinned by a hash."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"tiny==1.0 --hash=sha256:{sha256_hex}\n")
    entry = BuildInput("tiny", "wheels", "Tiny", "MIT", "requirements.txt", python="3.11")
    monkeypatch.setattr(fetching, "build_input", lambda _: entry)
    monkeypatch.setattr(fetching, "asset", lambda *_: requirements)
    monkeypatch.setattr(fetching, "OWN_CODE", "nothing")


def test_wheels_come_from_the_wheelhouse_and_then_from_the_cache(
    wheelhouse: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept under their hash; what is damaged there is fetched again."""
    pinned = sha256(wheelhouse.read_bytes()).hexdigest()
    tiny_input(monkeypatch, tmp_path, pinned)
    wanted = recipe("vllm", "cpu", "source")
    fetched = fetching.fetch_inputs(wanted, "x86_64", silent)
    kept = own_cache / "inputs" / pinned / wheelhouse.name
    assert fetched.sha256s == {wheelhouse.name: pinned}
    assert fetched.files[f"wheels/{wheelhouse.name}"] == kept
    assert "wheels/requirements.txt" in fetched.files
    monkeypatch.setattr(fetching, "download_wheels", lambda *_: pytest.fail("fetched again"))
    assert fetching.fetch_inputs(wanted, "x86_64", silent) == fetched
    monkeypatch.setattr(fetching, "download_wheels", download_wheels)
    kept.write_bytes(b"damaged")
    assert fetching.fetch_inputs(wanted, "x86_64", silent) == fetched


def test_a_wheel_with_another_hash_is_an_error_and_is_not_kept(
    wheelhouse: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip's own words are the evidence."""
    tiny_input(monkeypatch, tmp_path, "0" * 64)
    error = error_of(lambda: fetching.fetch_inputs(recipe("vllm", "cpu", "source"), "x86_64", silent), SourceError)
    assert any(sha256(wheelhouse.read_bytes()).hexdigest() in line for line in error.detail)
    assert list((own_cache / "inputs").rglob("*.whl")) == []


def test_a_wheelhouse_that_is_no_folder_is_refused(
    wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before pip is asked."""
    monkeypatch.setenv("KIT_WHEELHOUSE", str(wheelhouse))
    (tmp_path / "files").mkdir()
    with pytest.raises(InputError, match="not a folder"):
        download_wheels("tiny==1.0\n", "3.11", "x86_64", tmp_path / "files")


def test_the_kits_own_code_goes_in_without_anything_else() -> None:
    """Code, schemas and prompts; the hash follows the contents."""
    files = fetching.own_code()
    assert "kit/loadgen/__main__.py" in files
    assert "schemas/load.v1.json" in files
    assert not [path for path in files if "__pycache__" in path or path.startswith(("tests", "images"))]
    some = dict(list(files.items())[:3])
    assert fetching.tree_sha256(some) == fetching.tree_sha256(dict(reversed(some.items())))
    assert fetching.tree_sha256(some) != fetching.tree_sha256(files)
    assert recipe_sha256(LOADGEN) == recipe_sha256(LOADGEN)
