"""Where runtimes from outside are: folders that KIT_RUNTIME_PATH names, and entry points of installed packages.

A folder is read, and nothing in it is run here. An entry point of the group `kit.runtimes` names a Python module
that somebody installed on purpose; it is imported when its runtime is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from kit.documents import Entry
from kit.documents.pins import RuntimePin
from kit.errors import InputError
from kit.runtimes import OWN
from kit.runtimes.outside.declaration import FILE
from kit.runtimes.outside.folder import Outside, pin_of, read_files, read_folder
from kit.runtimes.protocol import Runtime
from kit.text import plain_text

VARIABLE, GROUP = "KIT_RUNTIME_PATH", "kit.runtimes"
_NEEDED = tuple(name for name in (*Runtime.__annotations__, *vars(Runtime)) if not name.startswith("_"))


def found() -> Mapping[str, Outside]:
    """Every runtime from outside by its name; `InputError` if one cannot be read or has another's name."""
    return _found(os.environ.get(VARIABLE, ""))


def pins_of(entries: tuple[Entry, ...]) -> tuple[RuntimePin, ...]:
    """What a plan says of the runtimes of its entries that are none of the kit's, by name."""
    names = sorted({entry.runtime for entry in entries if entry.url is None} - OWN.keys())
    known = found() if names else {}
    return tuple(known[name].pin for name in names if name in known)


@lru_cache(maxsize=8)
def _found(path: str) -> dict[str, Outside]:
    known: dict[str, Outside] = {}
    for each in (*_of_folders(path), *_of_packages()):
        name = each.runtime.NAME
        if name in OWN:
            raise InputError(
                f"The runtime in {each.where} has the name {name} of one of the kit's.", "Give it another name."
            )
        if name in known and known[name].pin != each.pin:
            raise InputError(
                f"Two runtimes have the name {name}: {known[name].where} and {each.where}.", "Rename one."
            )
        known.setdefault(name, each)
    return known


def _of_folders(path: str) -> Iterator[Outside]:
    for part in filter(None, path.split(os.pathsep)):
        place = Path(part)
        if not place.is_dir():
            raise InputError(
                f"{plain_text(part, 200)} is no folder, so no runtime is in it.",
                f"Correct --runtime-path or {VARIABLE}.",
            )
        inside = [place] if (place / FILE).is_file() else sorted(each.parent for each in place.glob(f"*/{FILE}"))
        if not inside:
            raise InputError(
                f"{plain_text(part, 200)} has no {FILE}, nor has a folder in it.",
                f"Correct --runtime-path or {VARIABLE}; see docs/adding-a-runtime.md.",
            )
        yield from map(read_folder, inside)


def _of_packages() -> Iterator[Outside]:
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield _of_package(point)


def _of_package(point: EntryPoint) -> Outside:
    """A module with the names of `Runtime`, or a package whose folder has a runtime.yaml."""
    where = f"the entry point {point.name} = {point.value}"
    try:
        module = point.load()
    except Exception as error:  # whatever somebody's module raises
        raise InputError(
            f"{where} cannot be imported: {type(error).__name__}: {plain_text(str(error), 200)}.",
            "Repair or uninstall that package.",
        ) from None
    file = Path(str(getattr(module, "__file__", "")))
    if (file.parent / FILE).is_file():
        return replace(read_folder(file.parent), where=where)
    lacking = [name for name in _NEEDED if not hasattr(module, name)]
    if lacking:
        raise InputError(
            f"{where} is no runtime: it has no {', '.join(lacking[:5])}.", "See docs/adding-a-runtime.md."
        )
    runtime = cast(Runtime, module)
    whole = file.name == "__init__.py"
    files = read_files(file.parent) if whole else {file.name: file.read_bytes()}
    can = [runtime.capabilities(variant) for variant in runtime.VARIANTS]
    pin = pin_of(runtime.NAME, files, compose=runtime.COMPOSE)
    return Outside(
        runtime,
        replace(
            pin,
            ignore_eos=all(each.ignore_eos for each in can),
            system_message=all(each.system_message for each in can),
        ),
        where,
    )
