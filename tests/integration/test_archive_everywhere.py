"""One run, one archive: under every Python here, in any time zone, locale, umask and order of a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from kit.storage.bundle import pack_files
from tests.support.good_bundle import good_files

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PACK = """
import sys, zlib
from hashlib import sha256
from pathlib import Path
from kit.storage.bundle import pack_run
bundle = pack_run(Path(sys.argv[1]))
print(bundle.identity, sha256(bundle.data).hexdigest(), hasattr(zlib, "ZLIBNG_VERSION"))
"""
NEEDED = ("click", "jsonschema", "referencing")  # of what the kit depends on, what packing imports


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    for name, data in sorted(good_files().items(), reverse=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def packed(python: Path, folder: Path, changed: Mapping[str, str] = {}, umask: str = "022") -> list[str]:
    """Identity, sha256 of the archive, and whether this Python compresses with zlib-ng."""
    command = ["/bin/sh", "-c", 'umask "$1"; shift; exec "$@"', "sh", umask, str(python), "-c", PACK, str(folder)]
    surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **changed}
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("changed", "umask"),
    [
        ({"TZ": "Pacific/Kiritimati"}, "022"),
        ({"TZ": "America/St_Johns", "PYTHONHASHSEED": "7"}, "077"),
        ({"LC_ALL": "C", "LANG": "C"}, "000"),
        ({"LC_ALL": "tr_TR.UTF-8", "LANG": "de_DE.UTF-8", "PYTHONUTF8": "0"}, "777"),
        ({"SOURCE_DATE_EPOCH": "1", "PYTHONIOENCODING": "ascii"}, "022"),
    ],
)
def test_the_archive_is_the_same_whatever_surrounds_it(
    run_folder: Path, changed: Mapping[str, str], umask: str
) -> None:
    wanted = pack_files(good_files())
    assert packed(Path(sys.executable), run_folder, changed, umask)[:2] == [
        wanted.identity,
        sha256(wanted.data).hexdigest(),
    ]


def test_the_times_of_files_do_not_matter(run_folder: Path) -> None:
    before = packed(Path(sys.executable), run_folder)
    for path in run_folder.rglob("*"):
        os.utime(path, (1, 1))
    assert packed(Path(sys.executable), run_folder) == before


def other_pythons() -> list[str]:
    """One of each newer minor version that is here and starts."""
    found = {}
    for minor in range(12, 20):
        own = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"))
        for path in (*map(str, own), shutil.which(f"python3.{minor}")):
            if path and minor not in found and starts(path):
                found[minor] = path
    return [found[minor] for minor in sorted(found)]


def starts(path: str) -> bool:
    return not subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    "other", other_pythons()[-1:] or [pytest.param("", marks=pytest.mark.skip("this machine has one Python"))]
)
def test_the_archive_is_the_same_under_the_newest_python(
    other: str, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The identity is the same with any compressor; the archive with any zlib, but not with zlib-ng."""
    subprocess.run([other, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *NEEDED]
    subprocess.run(install, check=True)
    wanted = pack_files(good_files())
    identity, archive, is_zlib_ng = packed(python, run_folder)
    with capsys.disabled():
        print(f"\npacked by {other}{' with zlib-ng' if is_zlib_ng == 'True' else ''}")
    assert identity == wanted.identity
    assert is_zlib_ng == "True" or archive == sha256(wanted.data).hexdigest()
