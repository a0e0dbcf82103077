"""Sources and wheels for a build, fetched on the host with pip and with the settings that pip has there.

pip refuses a file whose hash is not the pinned one before it looks into it. In a closed network KIT_WHEELHOUSE
names a folder with the files beside, or instead of, an index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from kit.debuglog import logged
from kit.errors import InputError, SourceError
from kit.text import plain_text

WHEELHOUSE_VARIABLE = "KIT_WHEELHOUSE"
LAST_LINES = 8
# The newest glibc of a base image (Debian 12: 2.36) down to the oldest for which wheels are made.
_GLIBC_MINORS = range(36, 4, -1)


def download_sdist(package: str, version: str, sha256: str, folder: Path) -> None:
    """Fetch one source archive into `folder`; `SourceError` if it cannot be had or has another hash.

    pip asks the archive's own build backend for its name, so a short build step runs here, after the hash check.
    """
    requirement = f"{package}=={version} --hash=sha256:{sha256}\n"
    _download(requirement, ["--no-binary", package], folder)


def download_wheels(requirements: str, python: str, machine: str, folder: Path) -> None:
    """Fetch every wheel of a requirements text, for CPython `python` on Linux `machine` ("x86_64"), into `folder`.

    The text names everything, so nothing is resolved. `SourceError` if one is missing or has another hash.
    """
    tags = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS]
    tags += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]
    options = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
    _download(requirements, [*options, *(word for tag in tags for word in ("--platform", tag))], folder)


@logged("download")
def _download(requirements: str, options: list[str], folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        listed = Path(beside) / "requirements.txt"
        listed.write_text(requirements, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--dest", str(folder), *options, *_wheelhouse(), "-r", str(listed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = tuple(plain_text(line, 200) for line in done.stderr.strip().splitlines()[-LAST_LINES:])
        first = plain_text(requirements.strip().splitlines()[-1].split(" --hash")[0], 100)
        several = len(requirements.strip().splitlines()) > 1
        raise SourceError(
            f"pip could not fetch {'the wheels of a build' if several else first} with the pinned hash.",
            "pip's last lines are above. The network and pip's settings decide what it finds; "
            f"{WHEELHOUSE_VARIABLE} can name a folder with the files. A file with another hash must not be used.",
            lines,
        )


def _wheelhouse() -> list[str]:
    named = os.environ.get(WHEELHOUSE_VARIABLE)
    if not named:
        return []
    if not Path(named).is_dir():
        raise InputError(
            f"{WHEELHOUSE_VARIABLE} names {plain_text(named, 200)}, which is not a folder.", "Correct it."
        )
    return ["--find-links", named]
