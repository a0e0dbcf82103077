"""Which keys a compose file may have, what shape their values have, and why well-known others are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kit.runtimes.compose.place import DOCS, Place
from kit.text import unknown_key, value_text

Shape = Callable[[Place], None]

EXTENSION = "x-"

_ROOT = "it gives the container the host"
_IMAGES = "images come ready made"
REFUSED_IN_SERVICE: Mapping[str, tuple[str, str]] = {
    "build": (_IMAGES, "Build them with kit images build and name the result as image."),
    "cgroup_parent": ("the engine decides where a container is accounted", "Leave it out."),
    "configs": ("a file of the host would come in", "Put what is needed into the image or the environment."),
    "container_name": ("the kit names containers itself, so that two runs never meet", "Leave it out."),
    "cpus": ("a share of CPU time makes every latency jitter", "Name the CPUs with cpuset."),
    "depends_on": ("one runtime runs at a time", "Leave it out."),
    "env_file": ("what a service gets must stand in this file", "Write it under environment."),
    "extends": ("what a service is must stand in this file", "Write the service in full."),
    "gpus": ("older releases of Compose do not know it", "Use deploy.resources.reservations.devices."),
    "ipc": ("shared memory with the host or others breaks the isolation", "Set shm_size instead."),
    "links": ("one runtime runs at a time", "Leave it out."),
    "network_mode": (
        "a container of the kit has a network of its own and never the host's",
        "Leave it out; ports for manual use belong under ports.",
    ),
    "pid": ("the processes of the host are none of a runtime's business", "Leave it out."),
    "platform": ("emulated processors cannot be measured", "Leave it out."),
    "privileged": (_ROOT, "Name what is needed: cap_add, or an accelerator under deploy or devices."),
    "profiles": ("every service can be chosen by its name", "Leave it out."),
    "runtime": (
        "some engines ignore it in silence",
        "Ask for NVIDIA GPUs under deploy.resources.reservations.devices.",
    ),
    "secrets": ("a server that is measured needs none", "Leave it out."),
    "userns_mode": (_ROOT, "Leave it out."),
    "uts": ("the host's name is none of a runtime's business", "Leave it out."),
    "volumes_from": ("what is mounted must stand in this file", "Write it under volumes."),
}
REFUSED_AT_TOP: Mapping[str, tuple[str, str]] = {
    "configs": REFUSED_IN_SERVICE["configs"],
    "include": ("what is started must stand in one file", "Write it out."),
    "secrets": REFUSED_IN_SERVICE["secrets"],
    "version": ("Compose has dropped it", "Leave it out."),
}


# --- shapes ---------------------------------------------------------------------------------------------


def text(place: Place) -> None:
    """A string or a whole number."""
    place.text()


def flag(place: Place) -> None:
    """true or false, or a variable."""
    if not (isinstance(place.value, str) and "$" in place.value):
        place.flag()


def string(place: Place) -> None:
    """A string."""
    place.string()


def texts(place: Place) -> None:
    """A list of strings or whole numbers, none of them twice."""
    seen: set[str] = set()
    for item in place.items():
        if item.text() in seen:
            item.refuse(f"duplicate {value_text(item.value)}", "Remove one.")
        seen.add(item.text())


def strings(place: Place) -> None:
    """A list of strings, none of them twice."""
    for item in place.items():
        item.string()
    texts(place)


def string_or_strings(place: Place) -> None:
    """One string or a list of them."""
    (strings if isinstance(place.value, list) else string)(place)


def words(place: Place) -> None:
    """A command: one string, a list, or null for the image's own."""
    if isinstance(place.value, list):
        for item in place.items():
            item.string()
    elif place.value is not None:
        place.string()


def pairs(place: Place) -> None:
    """Names with values: a mapping, or a list of "NAME=value"."""
    if not isinstance(place.value, dict):
        return strings(place)
    for value in place.fields().values():
        if value.value is None:
            value.refuse("no value, which Compose would take from the shell", 'Write a value, "" for none.')
        value.text()
    return None


def names(place: Place) -> None:
    """Names: a list, or a mapping to nothing."""
    if not isinstance(place.value, dict):
        return strings(place)
    for name in place.fields().values():
        if name.value not in (None, {}):
            name.refuse(f"expected nothing after the name, found {value_text(name.value)}")
    return None


def keys(
    shapes: Mapping[str, Shape],
    refused: Mapping[str, tuple[str, str]] | None = None,
    *,
    extensions: bool = False,
) -> Shape:
    """A mapping with these keys and no others; extension keys ("x-...") only where they may be."""

    def check(place: Place) -> None:
        for key, value in place.fields().items():
            if key in shapes:
                shapes[key](value)
            elif refused and key in refused:
                reason, remedy = refused[key]
                value.refuse(f"{key} is not supported: {reason}", remedy)
            elif not (extensions and key.startswith(EXTENSION)):
                value.refuse(unknown_key(key, shapes), f"Supported here: {', '.join(sorted(shapes))}. {DOCS}")

    return check


def each(shape: Shape) -> Shape:
    """A list of such values."""

    def check(place: Place) -> None:
        for item in place.items():
            shape(item)

    return check


def text_or(shape: Shape) -> Shape:
    """A mapping of that shape, or the short form in one string."""

    def check(place: Place) -> None:
        (shape if isinstance(place.value, dict) else text)(place)

    return check


# --- the file -------------------------------------------------------------------------------------------

MOUNT = keys(
    {
        "type": string,
        "source": string,
        "target": string,
        "read_only": flag,
        "tmpfs": keys({"size": text}),
        "volume": keys({"nocopy": flag}),
    }
)
PORT = keys(
    {"target": text, "published": text, "host_ip": string, "protocol": string, "mode": string, "name": text},
)
RESERVATION = keys({"driver": string, "count": text, "capabilities": strings, "device_ids": strings})
DEPLOY = keys({"resources": keys({"reservations": keys({"devices": each(RESERVATION)})})})
HEALTHCHECK = keys(
    {
        "test": words,
        "interval": string,
        "timeout": string,
        "start_period": string,
        "retries": text,
        "disable": flag,
    }
)
SERVICE = keys(
    {
        "image": string,
        "entrypoint": words,
        "command": words,
        "environment": pairs,
        "user": string,
        "working_dir": string,
        "volumes": each(text_or(MOUNT)),
        "tmpfs": string_or_strings,
        "ports": each(text_or(PORT)),
        "expose": texts,
        "devices": strings,
        "group_add": texts,
        "read_only": flag,
        "cap_add": strings,
        "cap_drop": strings,
        "security_opt": strings,
        "init": flag,
        "mem_limit": text,
        "shm_size": text,
        "pids_limit": text,
        "ulimits": keys({"nofile": text_or(keys({"soft": text, "hard": text}))}),
        "cpuset": string,
        "stop_grace_period": string,
        "labels": pairs,
        "healthcheck": HEALTHCHECK,
        "restart": string,
        "deploy": DEPLOY,
        "networks": names,
    },
    REFUSED_IN_SERVICE,
    extensions=True,
)
VOLUME = keys({"name": string, "external": flag}, extensions=True)
NETWORK = keys({"name": string, "internal": flag, "driver": string}, extensions=True)
