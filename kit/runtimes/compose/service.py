"""From a service of a checked compose file, and values for its variables, to a `ContainerSpec`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kit.documents.container import ContainerSpec
from kit.runtimes.compose.amounts import NS, duration_ns, size_bytes
from kit.runtimes.compose.grammar import EXTENSION
from kit.runtimes.compose.hardware import accelerator_of
from kit.runtimes.compose.interpolate import TemplateError, interpolate
from kit.runtimes.compose.limits import capabilities, cpus, open_files, port_of, security
from kit.runtimes.compose.place import Place
from kit.runtimes.compose.reader import ComposeFile
from kit.runtimes.compose.storage import mounts_of
from kit.runtimes.compose.words import split_words
from kit.text import did_you_mean, plain_text

# Labels of this family say what the kit did, so no file may claim them.
KIT_LABELS = "org.kit."
MAX_PIDS = 1 << 22
GRACE_S = 10.0

_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]{0,400}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,31}|[0-9]{1,10}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?")
_FOLDER = re.compile(r"/[^\0\n]*")


def container(file: ComposeFile, service: str, variables: Mapping[str, str]) -> ContainerSpec:
    """What the service asks of an engine, with `variables` filled in, and nothing from the kit's own environment.

    `InputError` with file, line, place and remedy for an unknown service, a variable without value, and every
    value that Compose would refuse or that the kit would not carry out exactly.
    """
    place = _without_extensions(file.service(service))
    has = _filled(place, variables).fields()
    if "image" not in has:
        place.refuse("no image", "Name the image to start.")
    declared = {name: _without_extensions(volume) for name, volume in file.part("volumes").items()}
    volumes = {name: _filled(volume, variables) for name, volume in declared.items()}
    mounts, tmpfs = mounts_of(has, volumes)
    _check_restart(has)
    _check_networks(file, has)
    return ContainerSpec(
        service=service,
        image=has["image"].form(_IMAGE, "the name of an image"),
        command=_words(has.get("command")) or (),
        port=port_of(place, has),
        entrypoint=_words(has.get("entrypoint")),
        environment=_pairs(has.get("environment"), _VARIABLE, "the name of a variable"),
        user=_text(has.get("user"), _USER, "a user or user:group"),
        working_dir=_text(has.get("working_dir"), _FOLDER, "an absolute path"),
        mounts=mounts,
        tmpfs=tmpfs,
        accelerator=accelerator_of(place, has),
        group_add=tuple(group.form(_GROUP, "a group") for group in _items(has.get("group_add"))),
        read_only=_flag(has.get("read_only")),
        cap_add=capabilities(has.get("cap_add"), adding=True),
        cap_drop=capabilities(has.get("cap_drop"), adding=False),
        security_opt=security(has.get("security_opt")),
        init=_flag(has.get("init")),
        memory_bytes=_size(has.get("mem_limit")),
        shm_bytes=_size(has.get("shm_size")),
        pids_limit=has["pids_limit"].whole(1, MAX_PIDS) if "pids_limit" in has else None,
        nofile=open_files(has.get("ulimits")),
        cpuset=cpus(has.get("cpuset")),
        stop_grace_s=_seconds(has.get("stop_grace_period")),
        labels=_labels(has.get("labels")),
    )


def _without_extensions(place: Place) -> Place:
    return place.holding(
        {key: item.value for key, item in place.fields().items() if not key.startswith(EXTENSION)}
    )


def _filled(place: Place, variables: Mapping[str, str]) -> Place:
    """The same tree with every string filled in; keys stay as they are."""
    if isinstance(place.value, dict):
        return place.holding({key: _filled(item, variables).value for key, item in place.fields().items()})
    if isinstance(place.value, list):
        return place.holding([_filled(item, variables).value for item in place.items()])
    if not isinstance(place.value, str):
        return place
    try:
        return place.holding(interpolate(place.value, variables))
    except TemplateError as error:
        place.refuse(error.what, error.remedy)


# --- single values; None where the file has nothing ---------------------------------------------------------


def _items(place: Place | None) -> list[Place]:
    return place.items() if place else []


def _flag(place: Place | None) -> bool:
    return place is not None and place.flag()


def _text(place: Place | None, pattern: re.Pattern[str], expected: str) -> str | None:
    return place.form(pattern, expected) if place else None


def _size(place: Place | None) -> int | None:
    return place.made(size_bytes, 'a size such as "512m" or "2g"') if place else None


def _seconds(place: Place | None) -> float:
    return place.made(duration_ns, 'a duration such as "10s" or "1m30s"') / NS["s"] if place else GRACE_S


def _words(place: Place | None) -> tuple[str, ...] | None:
    """The words of a command; None for the image's own."""
    if place is None or place.value is None:
        return None
    if isinstance(place.value, list):
        found = tuple(item.string() for item in place.items())
    else:
        try:
            found = split_words(place.string())
        except ValueError as error:
            place.refuse(str(error), 'Write it as a list: ["program", "argument"].')
    if not found or not found[0]:
        place.refuse("an empty command", "Leave the key out for the image's own.")
    return found


def _pairs(place: Place | None, name: re.Pattern[str], expected: str) -> dict[str, str]:
    """Names with values, from a mapping or from a list of NAME=value."""
    if place is None:
        return {}
    pairs: dict[str, str] = {}
    for key, item, value in _each_pair(place):
        if not name.fullmatch(key):
            item.refuse(f'"{plain_text(key, 60)}" is not {expected}')
        if key in pairs:
            item.refuse(f"duplicate {key}", "Remove one.")
        pairs[key] = value
    return pairs


def _each_pair(place: Place) -> list[tuple[str, Place, str]]:
    if isinstance(place.value, dict):
        return [(key, item, item.text()) for key, item in place.fields().items()]
    pairs = []
    for item in place.items():
        key, equals, value = item.string().partition("=")
        if not equals:
            item.refuse("no value, which Compose would take from the shell", "Write NAME=value.")
        pairs.append((key, item, value))
    return pairs


def _labels(place: Place | None) -> dict[str, str]:
    labels = _pairs(place, _LABEL, "the name of a label")
    for key in labels:
        if place and key.startswith(KIT_LABELS):
            place.refuse(f'the label "{plain_text(key)}" belongs to the kit', "Use a name of your own.")
    return labels


# --- what the kit does not carry out, but must not be misunderstood -----------------------------------------


def _check_restart(has: Mapping[str, Place]) -> None:
    if "restart" in has and has["restart"].string() != "no":
        has["restart"].refuse(
            "a server that comes back by itself would hide that it died",
            'Write restart: "no", or leave it out.',
        )


def _check_networks(file: ComposeFile, has: Mapping[str, Place]) -> None:
    if "networks" not in has:
        return
    networks = has["networks"]
    declared = {"default", *file.part("networks")}
    entries = networks.fields() if isinstance(networks.value, dict) else {p.string(): p for p in networks.items()}
    for name, place in entries.items():
        if name not in declared:
            what = f'the network "{plain_text(name, 60)}" is not declared{did_you_mean(name, declared)}'
            place.refuse(what, "Declare it under networks.")
