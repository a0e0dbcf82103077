"""What a service sees of disks: named volumes and file systems in memory, never a folder of the host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from kit.documents.container import Mount, Tmpfs
from kit.runtimes.compose.amounts import size_bytes
from kit.runtimes.compose.place import Place
from kit.text import did_you_mean, plain_text

_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
_SIZE = 'a size such as "512m"'
_NO_BIND = "a remote engine lacks the folders of this host, and a bind mount exposes the host's files"
_USE_VOLUME = "Use a named volume: declare it under volumes and write name:/path:ro."


def mounts_of(
    has: Mapping[str, Place], volumes: Mapping[str, Place]
) -> tuple[tuple[Mount, ...], tuple[Tmpfs, ...]]:
    """The named volumes and the file systems in memory of a service, each at a place of its own."""
    mounts: list[Mount] = []
    tmpfs: list[Tmpfs] = []
    taken: set[str] = set()
    for place, made in _all(has, volumes):
        if made.target in taken:
            place.refuse(f'duplicate mount target "{plain_text(made.target)}"', "Remove one.")
        taken.add(made.target)
        if isinstance(made, Mount):
            mounts.append(made)
        else:
            tmpfs.append(made)
    return tuple(mounts), tuple(tmpfs)


def _all(has: Mapping[str, Place], volumes: Mapping[str, Place]) -> Iterator[tuple[Place, Mount | Tmpfs]]:
    for place in has["volumes"].items() if "volumes" in has else ():
        yield place, _long(place, volumes) if isinstance(place.value, dict) else _short(place, volumes)
    if "tmpfs" in has:
        whole = has["tmpfs"]
        for place in whole.items() if isinstance(whole.value, list) else [whole]:
            yield place, _in_memory(place)


def _short(place: Place, volumes: Mapping[str, Place]) -> Mount:
    parts = place.string().split(":")
    if parts[0].startswith(("/", ".", "~")) and len(parts) > 1:
        place.refuse(f"a bind mount: {_NO_BIND}", _USE_VOLUME)
    if len(parts) == 1:
        place.refuse("a volume without a name would stay behind after every run", _USE_VOLUME)
    if len(parts) > 3 or (len(parts) == 3 and parts[2] not in ("ro", "rw")):
        place.wrong("name:/path, name:/path:ro or name:/path:rw")
    return Mount(_volume(place.holding(parts[0]), volumes), _target(place.holding(parts[1])), parts[2:] == ["ro"])


def _long(place: Place, volumes: Mapping[str, Place]) -> Mount | Tmpfs:
    fields = place.fields()
    if "type" not in fields or "target" not in fields:
        place.refuse("a mount needs type and target", _USE_VOLUME)
    target = _target(fields["target"])
    if fields["type"].value == "bind":
        fields["type"].refuse(f"a bind mount: {_NO_BIND}", _USE_VOLUME)
    if fields["type"].choice(["volume", "tmpfs"]) == "tmpfs":
        _only(fields, {"type", "target", "tmpfs"})
        size = fields["tmpfs"].fields().get("size") if "tmpfs" in fields else None
        return Tmpfs(target, size.made(size_bytes, _SIZE) if size else None)
    _only(fields, {"type", "target", "source", "read_only", "volume"})
    if "source" not in fields:
        place.refuse("a volume without a name would stay behind after every run", _USE_VOLUME)
    if "volume" in fields and any(option.flag() for option in fields["volume"].fields().values()):
        fields["volume"].refuse("nocopy is not supported", "Leave it out.")
    return Mount(_volume(fields["source"], volumes), target, "read_only" in fields and fields["read_only"].flag())


def _only(fields: Mapping[str, Place], allowed: set[str]) -> None:
    for key, value in fields.items():
        if key not in allowed:
            value.refuse(f"{key} does not belong to a mount of this type", "Leave it out.")


def _volume(place: Place, volumes: Mapping[str, Place]) -> str:
    """The name that the engine knows of a volume that the file declares."""
    key = place.string()
    if key not in volumes:
        what = f'the volume "{plain_text(key, 60)}" is not declared{did_you_mean(key, volumes)}'
        place.refuse(what, "Declare it under volumes at the end of the file, with a name.")
    declared = volumes[key]
    name = declared.fields().get("name") if isinstance(declared.value, dict) else None
    if name is None:
        declared.refuse("a volume without a name is called after the folder it is started in", "Give it a name.")
    return name.form(_VOLUME, "the name of a volume")


def _in_memory(place: Place) -> Tmpfs:
    target, _, options = place.string().partition(":")
    size = None
    for option in options.split(",") if options else ():
        key, _, value = option.partition("=")
        if key != "size":
            place.refuse(f'the option "{plain_text(key, 30)}" is not supported', "Only size=64m is allowed there.")
        size = place.holding(value).made(size_bytes, _SIZE)
    return Tmpfs(_target(place.holding(target)), size)


def _target(place: Place) -> str:
    """An absolute path inside the container, as plain as can be."""
    target = place.string()
    path = PurePosixPath(target)
    plain = path.is_absolute() and str(path) == target and ".." not in path.parts and target.isprintable()
    if not plain or target == "/" or target.startswith("//"):
        place.wrong('an absolute path inside the container without "..", "//" or a slash at its end')
    return target
