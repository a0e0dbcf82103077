"""Programs that take long to compile: kept after a build, and found again by the hash of what they are made of.

CACHE/builds/<hash>/PROGRAM has been compiled on this machine; the folder that KIT_BUILDS names is looked into
likewise, and for the ready-made programs of the catalogue (builds.yaml), each believed by its own hash only.
"""

from __future__ import annotations

import contextlib
import lzma
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from kit.assets import asset
from kit.catalogue.inputs import build_input, ready_made
from kit.engines.protocol import ImageStore
from kit.errors import SourceError, StorageError
from kit.supply.download import CACHE_VARIABLE, cache_folder, file_sha256
from kit.supply.images.recipes import ImageRecipe

BUILDS_VARIABLE = "KIT_BUILDS"
_BUILD_STAGE = re.compile(r"^FROM \S+ AS build$.*?(?=^FROM |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class KeptProgram:
    """A compiled program as a file, its sha256, and whether this kit's recipe made it or it came ready-made."""

    path: Path
    sha256: str
    origin: Literal["compiled", "ready-made"]


def build_sha256(recipe: ImageRecipe, machine: str) -> str:
    """The hash of what a recipe compiles: its build stage, its base, its pinned inputs, the kind of machine."""
    text = asset("images", *recipe.dockerfile.split("/")).read_text(encoding="utf-8")
    stage = _BUILD_STAGE.search(text)
    lines = (line for line in (stage[0] if stage else text).splitlines() if not line.startswith("#"))
    pins = [f"{name} {build_input(name).sha256}" for name in recipe.inputs]
    return sha256("\n".join([machine, recipe.base, *pins, *lines]).encode()).hexdigest()


def find(recipe: ImageRecipe, machine: str) -> KeptProgram | None:
    """The program of an earlier build, or a ready-made one; None where there is none or its hash is wrong."""
    if recipe.program is None:
        return None
    name = Path(recipe.program).name
    for folder in _folders():
        path = folder / build_sha256(recipe, machine) / name
        noted = path.with_name(f"{name}.sha256")
        if path.is_file() and noted.is_file():
            found = file_sha256(path)
            if noted.read_text(encoding="ascii", errors="replace").split()[:1] == [found]:
                return KeptProgram(path, found, "compiled")
    return _ready_made(recipe, machine, name)


def keep(store: ImageStore, recipe: ImageRecipe, image: str, machine: str) -> None:
    """Keep the program of an image that was just compiled."""
    if recipe.program is None:
        return
    folder = cache_folder() / "builds" / build_sha256(recipe, machine)
    path = folder / Path(recipe.program).name
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if store.take_file(image, recipe.program, path):
            noted = f"{file_sha256(path)}  {path.name}\n"
            path.with_name(f"{path.name}.sha256").write_text(noted, encoding="ascii")
            return
    raise SourceError(f"The image {recipe.tag} has no {recipe.program}.", "Build it again with --no-cache.")


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"A compiled program cannot be kept in {folder}: {error.strerror or error}.",
            f"Free some space, or choose another directory with {CACHE_VARIABLE}.",
        ) from None


def _folders() -> Iterator[Path]:
    yield cache_folder() / "builds"
    named = os.environ.get(BUILDS_VARIABLE)
    if named:
        yield Path(named)


def _ready_made(recipe: ImageRecipe, machine: str, name: str) -> KeptProgram | None:
    """A program of the catalogue, if KIT_BUILDS has it and it was made from the inputs that the recipe pins."""
    named = os.environ.get(BUILDS_VARIABLE)
    for entry in ready_made():
        fits = entry.program == name and entry.machine == machine and entry.input in recipe.inputs
        if not named or not fits or build_input(entry.input).sha256 != entry.input_sha256:
            continue
        kept = cache_folder() / "builds" / "ready-made" / entry.sha256 / name
        packed = Path(named) / entry.file
        if not kept.is_file() and packed.is_file():
            _unpack(packed, kept)
        if kept.is_file() and file_sha256(kept) == entry.sha256:
            return KeptProgram(kept, entry.sha256, "ready-made")
    return None


def _unpack(packed: Path, target: Path) -> None:
    partial = target.with_name(f"{target.name}.partial")
    try:
        with _disk_errors(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            with lzma.open(packed) as data, partial.open("wb") as out:
                shutil.copyfileobj(data, out, 1 << 20)
            partial.replace(target)
    except (lzma.LZMAError, EOFError) as error:
        raise SourceError(
            f"{packed} cannot be unpacked: {error}.", f"Replace it, or unset {BUILDS_VARIABLE}."
        ) from None
