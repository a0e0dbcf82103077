"""Writes requirements.txt again: the gateways of these tests, with a hash for each wheel that Linux may install.

    pip install uv && python tests/integration/servers/pin.py

LiteLLM asks for clients of clouds and databases that its proxy does not load without settings of theirs; left out,
they save half of the bytes. `pip install --no-deps --require-hashes -r requirements.txt` installs the rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

WANTED = ("litellm[proxy]==1.108.7", "redis==8.1.0", "sglang-router==0.3.2")
LEFT_OUT = (
    "azure-identity",
    "azure-storage-blob",
    "boto3",
    "granian",
    "hf-xet",
    "hiredis",
    "inquirerpy",
    "polars",
    "psycopg",
    "psycopg-binary",
    "pyroscope-io",
    "restrictedpython",
    "rq",
    "tomlkit",
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
GLIBC = ("2_17", "2_24", "2_27", "2_28", "2_31", "2_34")
HERE = Path(__file__).resolve().parent
HEADER = "# Gateways that tests start: made by pin.py, which says what was left out; installed with --no-deps.\n"


def versions(folder: Path) -> str:
    """The wanted packages and what they need, each with its version, one a line."""
    wanted, left_out = folder / "wanted.txt", folder / "left-out.txt"
    wanted.write_text("\n".join(WANTED))
    left_out.write_text("\n".join(LEFT_OUT))
    options = ("--python-platform", "linux", "--python-version", PYTHONS[0], "--excludes", str(left_out))
    command = ["uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header", *options, str(wanted)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def hashes(folder: Path, pinned: str, python: str, machine: str) -> dict[str, str]:
    """For each package `name==version` the sha256 of the wheel that pip takes here."""
    pins = folder / "pins.txt"
    pins.write_text(pinned)
    platforms = [part for glibc in GLIBC for part in ("--platform", f"manylinux_{glibc}_{machine}")]
    options = [
        "--only-binary",
        ":all:",
        "--no-deps",
        "--ignore-requires-python",
        "--python-version",
        python,
        *platforms,
    ]
    report = folder / "report.json"
    target = ["--target", str(folder / "nothing"), "--dry-run", "--report", str(report)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--ignore-installed", *options, *target]
    subprocess.run([*command, "-r", str(pins)], check=True)
    found = json.loads(report.read_text())["install"]
    return {
        f"{each['metadata']['name'].lower()}=={each['metadata']['version']}": each["download_info"][
            "archive_info"
        ]["hashes"]["sha256"]
        for each in found
    }


def main() -> None:
    pins: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        pinned = versions(Path(name))
        for python in PYTHONS:
            for machine in MACHINES:
                for package, sha256 in hashes(Path(name), pinned, python, machine).items():
                    pins.setdefault(package, set()).add(sha256)
    lines = [
        " \\\n".join((package, *(f"    --hash=sha256:{sha256}" for sha256 in sorted(found)))) + "\n"
        for package, found in sorted(pins.items())
    ]
    (HERE / "requirements.txt").write_text(HEADER + "".join(lines))


if __name__ == "__main__":
    main()
