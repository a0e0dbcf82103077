"""How many CPUs this process may use: those that it may run on, and no more than its cgroups give it time of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath

PROC = Path("/proc/self")
# The fields of a line of mountinfo (proc(5)): its own root and where it is mounted; what comes after the dash.
_ROOT, _PLACE, _SEPARATOR = 3, 4, "-"
_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class _Mount:
    """A hierarchy of cgroups as it is mounted: `root` is the cgroup that is seen at `place`."""

    kind: str
    root: str
    place: Path
    options: tuple[str, ...]


def usable_cpus(proc: Path = PROC) -> int:
    """Whole CPUs that this process may use; at least 1. Of a quota of 2.5 CPUs two: a third would be stopped."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(proc)
    return mine if quota is None else max(1, min(mine, int(quota)))


def cpu_quota(proc: Path = PROC) -> float | None:
    """The smallest quota of its cgroup and all above, in CPUs (as of `docker run --cpus`); None without one."""
    found = [quota for folder, version in _cgroups(proc) if (quota := _quota(folder, version)) is not None]
    return float(min(found)) if found else None


def _quota(folder: Path, version: int) -> Fraction | None:
    if version == 1:
        quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
    else:
        words = _words(folder / "cpu.max")
        quota, period = words[:1], words[1:2]
    try:
        parts = int(quota[0]), int(period[0])  # "max" and nothing at all are no number, -1 is no quota
    except (IndexError, ValueError):
        return None
    return Fraction(*parts) if min(parts) > 0 else None


def _cgroups(proc: Path) -> Iterator[tuple[Path, int]]:
    """Each folder from the process's own cgroup up to the root of what is mounted, with its version."""
    mounts = list(_mounts(proc))
    for line in _lines(proc / "cgroup"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        version = 1 if controllers else 2
        if version == 1 and "cpu" not in controllers.split(","):
            continue
        for mount in mounts:
            if mount.kind == ("cgroup" if version == 1 else "cgroup2") and (
                version == 2 or "cpu" in mount.options
            ):
                yield from ((folder, version) for folder in _upwards(mount, path))


def _upwards(mount: _Mount, path: str) -> Iterator[Path]:
    """From a cgroup to the top of a mount. In a container the mount may begin with the container's own cgroup."""
    inside = PurePosixPath(path)
    if mount.root != "/" and inside.is_relative_to(mount.root):
        inside = PurePosixPath("/") / inside.relative_to(mount.root)
    elif mount.root != "/":
        inside = PurePosixPath("/")
    parts = [part for part in inside.parts if part not in ("/", "..")][:_MAX_DEPTH]
    for depth in range(len(parts), -1, -1):
        yield mount.place.joinpath(*parts[:depth])


def _mounts(proc: Path) -> Iterator[_Mount]:
    for line in _lines(proc / "mountinfo"):
        words = line.split(" ")
        if _SEPARATOR not in words[_PLACE:]:
            continue
        after = words[words.index(_SEPARATOR, _PLACE) + 1 :]
        if after[:1] in (["cgroup"], ["cgroup2"]):
            yield _Mount(after[0], words[_ROOT], Path(words[_PLACE]), tuple(after[-1].split(",")))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _words(file: Path) -> list[str]:
    return next((line.split() for line in _lines(file)), [])
