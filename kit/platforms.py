"""Platform files: found by name under compose/platforms or by path, read strictly, made into a `Platform`."""

from __future__ import annotations

from pathlib import Path

from kit.assets import asset
from kit.errors import InputError
from kit.model import Entry, Platform
from kit.runtimes import RUNTIMES
from kit.schema import check
from kit.strict import read_yaml
from kit.text import nearest
from kit.typed import typed
from kit.yamlstrict import Located


def platform_names() -> list[str]:
    """The names of the platforms that come with the kit."""
    return sorted(path.stem for path in asset("compose", "platforms").glob("*.yaml"))


def load_platform(name: str) -> Platform:
    """The platform called `name`, or the file at that path if it ends in .yaml or .yml."""
    path = _path_of(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The platform file {path} cannot be read: {error.strerror}.",
            "Check the path, or give a platform's name.",
        ) from None
    where = path.name if name in platform_names() else str(path)
    document = read_yaml(data, where)
    check(document.value, "platform", where, document.line)
    platform = typed(Platform, document.value, where)
    _check_meaning(platform, where, document)
    return platform


def _path_of(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    names = platform_names()
    if name not in names:
        like = nearest(name, names)
        raise InputError(
            f"There is no platform {name!r}.",
            f"Did you mean {like!r}? " * bool(like)
            + f"Known platforms: {', '.join(names)}; or give a .yaml file.",
        )
    return asset("compose", "platforms", f"{name}.yaml")


def _check_meaning(platform: Platform, where: str, document: Located) -> None:
    """What no schema can say: names are distinct, ranges are not empty, runtimes and settings exist."""
    names = [entry.name for entry in platform.entries]
    for index, entry in enumerate(platform.entries):
        if entry.name in names[:index]:
            _refuse(
                where,
                document,
                ("entries", index, "name"),
                f"two entries are called {entry.name!r}",
                "Rename one.",
            )
        _check_entry(entry, index, where, document)
    output = platform.workload.output_tokens
    if output.min > output.max:
        place = ("workload", "output_tokens")
        _refuse(where, document, place, f"min {output.min} is above max {output.max}", "Exchange them.")
    levels = platform.workload.concurrencies
    if len(set(levels)) != len(levels):
        place_levels = ("workload", "concurrencies")
        _refuse(where, document, place_levels, "a concurrency stands there twice", "Take one out.")


def _check_entry(entry: Entry, index: int, where: str, document: Located) -> None:
    runtime = RUNTIMES.get(entry.runtime)
    if runtime is None:
        _unknown(where, document, ("entries", index, "runtime"), "runtime", entry.runtime, list(RUNTIMES))
        return
    if entry.variant not in runtime.VARIANTS:
        _unknown(where, document, ("entries", index, "variant"), "variant", entry.variant, list(runtime.VARIANTS))
    for key, value in entry.settings.items():
        place = ("entries", index, "settings", key)
        rule = runtime.SETTINGS.get(key)
        if rule is None:
            _unknown(where, document, place, "setting", key, list(runtime.SETTINGS))
        elif type(value) is not int or not rule.low <= value <= rule.high:
            _refuse(
                where,
                document,
                place,
                f"{key} is {value!r}",
                f"It must be a whole number from {rule.low} to {rule.high} ({rule.meaning}).",
            )


def _unknown(
    where: str, document: Located, place: tuple[str | int, ...], what: str, word: str, known: list[str]
) -> None:
    like = nearest(word, known)
    hint = f"did you mean {like!r}? " if like else ""
    _refuse(where, document, place, f"unknown {what} {word!r}", f"{hint}Known: {', '.join(known)}.".capitalize())


def _refuse(where: str, document: Located, place: tuple[str | int, ...], what: str, remedy: str) -> None:
    raise InputError(f"{where}, line {document.line(place)}: {what}.", remedy)
