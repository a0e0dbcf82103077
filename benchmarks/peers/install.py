"""Each tool in a venv of its own, in the kit's cache folder: nothing of them comes near the kit's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.children import BenchmarkError
from benchmarks.peers.tool import Tool
from kit.supply.download import cache_folder

PIP_LIMIT_S = 1800


def _run(command: list[str], what: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{what} took more than {PIP_LIMIT_S} s") from None
    if done.returncode:
        raise BenchmarkError(f"{what} failed: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout


def _pip(python: Path, *words: str) -> str:
    return _run([str(python), "-m", "pip", *words], f"pip {words[0]}")


def _name_as(python: Path, name: str, version: str) -> None:
    """A distribution of another name, for tools that look for their own."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(_run([str(python), "-c", where], "python").strip())
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").touch()


def installed(tool: Tool) -> Path:
    """The Python of the tool's venv, made if need be; `BenchmarkError` with pip's words if it cannot."""
    folder = cache_folder() / "peers" / tool.name
    python = folder / "bin" / "python"
    done = folder / ".installed"
    if done.exists() and done.read_text() == repr(tool.requirements):
        return python
    sys.stderr.write(f"{tool.name}: installing {' '.join(tool.requirements)} ...\n")
    _run([sys.executable, "-m", "venv", str(folder)], "venv")
    _pip(python, "install", "--quiet", *tool.requirements)
    if tool.unwanted:
        _pip(python, "uninstall", "--quiet", "--yes", *tool.unwanted)
    for name, version in tool.also_named.items():
        _name_as(python, name, version)
    done.write_text(repr(tool.requirements))
    return python


def version_of(python: Path, tool: Tool) -> str:
    """The installed version of the tool's package."""
    code = f"from importlib.metadata import version; print(version({tool.package!r}))"
    return _run([str(python), "-c", code], "python").strip()
