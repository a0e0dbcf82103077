"""What paths on a command line stand for: bundles, run folders, and folders with bundles in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.errors import InputError
from kit.storage.names import CALIBRATION, CELLS, HOST, PLAN, RESULT, is_litter

ARCHIVE_SUFFIX = ".tar.gz"
# One of these makes a folder a run, whatever else lies in it: what a run lacks is for the rules to say.
_OF_A_RUN = (PLAN, HOST, RESULT, CALIBRATION, CELLS)
_NOT_ENTERED = frozenset({".git"})


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be judged; `name` is its path below the folder that all have in common, with `/`."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found, by name; `passed_over` names the symbolic links, which are not followed."""

    items: tuple[Item, ...]
    passed_over: tuple[str, ...] = ()


def is_collection(path: Path) -> bool:
    """Whether a path is a folder with bundles in it, and no run."""
    if not path.is_dir() or any(os.path.lexists(path / name) for name in _OF_A_RUN):
        return False
    return any(True for _ in _found(path))


def as_named(path: Path) -> Path:
    """The whole path, not resolved: what people call a bundle is what they typed, links in it or not."""
    return Path(os.path.normpath(path.absolute()))


def gathered(paths: Sequence[Path]) -> Gathered:
    """Everything that the paths stand for, each once, sorted by name. Names hold no path of this machine.

    `InputError` for a folder that cannot be read: half of a set must not pass for the whole.
    """
    given = [as_named(path) for path in paths]
    collections = {path for path in given if is_collection(path)}
    root = Path(os.path.commonpath([path if path in collections else path.parent for path in given]))
    found: dict[Path, None] = {}
    links: dict[Path, None] = {}
    for path in given:
        if path not in collections:
            found[path] = None
            continue
        for each in _found(path):
            (links if each.is_symlink() else found)[each] = None
    items = sorted((Item(_name(path, root), path) for path in found), key=lambda item: (item.name, str(item.path)))
    return Gathered(tuple(items), tuple(sorted(_name(path, root) for path in links if path not in found)))


def _found(folder: Path) -> Iterator[Path]:
    """Archives in a folder and below it, and links that are called so or lead to folders."""
    for here, folders, files in os.walk(folder, followlinks=False, onerror=_unreadable):
        entered = [name for name in sorted(folders) if name not in _NOT_ENTERED and not is_litter(name)]
        folders[:] = entered
        yield from (link for name in entered if (link := Path(here, name)).is_symlink())
        yield from (
            Path(here, name) for name in sorted(files) if name.endswith(ARCHIVE_SUFFIX) and not is_litter(name)
        )


def _unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be read: {error.strerror}.", "Give a folder that can be read.")


def _name(path: Path, root: Path) -> str:
    below = os.fsencode(os.path.relpath(path, root)).decode("utf-8", "backslashreplace")
    return below.replace(os.sep, "/")
