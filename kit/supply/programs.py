"""Programs of this machine that can be servers: found on the PATH, hashed, and asked for their version."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kit.debuglog import logged
from kit.documents import Entry
from kit.documents.pins import ProgramPin
from kit.errors import EngineError, InputError
from kit.runtimes.programs import program_of
from kit.storage.marks import mark_of
from kit.supply.download import file_sha256
from kit.text import plain_text

VERSION_S = 60.0  # vLLM imports all of PyTorch to say its version
MAX_VERSION_CHARS = 80
LAST_LINES = 5
# "version: 11549 (abc1234)", "ollama version is 0.18.3", "apr 0.72.3 (9c34b9a91)", "0.33.0+cpu"
_NUMBER = re.compile(r"(?<![\w.])v?([0-9][0-9A-Za-z.+-]{0,40}(?: \([0-9a-f]{4,40}\))?)")


@dataclass(frozen=True, slots=True)
class FoundProgram:
    """A program on the PATH: where it lies, what a plan says of it, and the mark of its file."""

    path: Path
    pin: ProgramPin
    mark: str


def find_program(name: str) -> FoundProgram | None:
    """The program of this name on the PATH; None if there is none. `EngineError` if it does not run."""
    place = shutil.which(name)
    if place is None:
        return None
    path = Path(place).absolute()
    if not (path.parent.parent / "pyvenv.cfg").is_file():  # whose Python finds its modules by where its link lies
        path = path.resolve()
    try:
        return _looked_at(name, path, mark_of(path))
    except OSError as error:
        raise EngineError(f"The program {name} on the PATH cannot be read: {error.strerror or error}.") from None


def programs_of(entries: Iterable[Entry]) -> dict[str, FoundProgram]:
    """The programs that these entries run, by name; `InputError` if one is not on the PATH."""
    found: dict[str, FoundProgram] = {}
    for entry in entries:
        name = program_of(entry.runtime, entry.variant)
        if name is None or name in found:
            continue
        program = find_program(name)
        if program is None:
            raise InputError(
                f"The entry {entry.name} needs the program {name}, which is not on the PATH.",
                f"Install it, put its folder on the PATH, or take another variant of {entry.runtime}.",
            )
        found[name] = program
    return found


def pins_of(found: Mapping[str, FoundProgram]) -> tuple[ProgramPin, ...]:
    """What a plan says of them."""
    return tuple(found[name].pin for name in sorted(found))


@lru_cache(maxsize=16)
def _looked_at(name: str, path: Path, mark: str) -> FoundProgram:
    """Once for each state of the file: a version may take seconds."""
    version = _version(name, path)
    return FoundProgram(path, ProgramPin(name, file_sha256(path), path.stat().st_size, version), mark)


@logged("program")
def _version(name: str, path: Path) -> str | None:
    """What `--version` prints; `EngineError` with its last lines if the program does not run."""
    try:
        done = subprocess.run(
            [str(path), "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=VERSION_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"{name} --version gave no answer in {VERSION_S:g} s.") from None
    except OSError as error:
        raise EngineError(f"The program {name} on the PATH does not start: {error.strerror or error}.") from None
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        lines = tuple(plain_text(line, 200) for line in text.splitlines()[-LAST_LINES:])
        raise EngineError(
            f"The program {name} on the PATH does not run: --version ended with exit code {done.returncode}.",
            f"Repair it, or take it off the PATH: {name} --version",
            lines,
        )
    return version_in(text)


def version_in(text: str) -> str | None:
    """The version that `--version` prints: of the last line that speaks of it, else of the first with a digit."""
    lines = [line for line in text.splitlines() if line.strip()]
    spoken = [line for line in lines if "version" in line.lower()]
    for line in (*reversed(spoken), *lines):
        found = _NUMBER.search(line)
        if found:
            return plain_text(found[1], MAX_VERSION_CHARS)
    return None
