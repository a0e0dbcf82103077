"""A container by its cgroup, of version 2 or 1: CPU time, time that a quota took, memory.

It is found by the container's id wherever an engine put it: system.slice/docker-ID.scope, docker/ID,
machine.slice/libpod-ID.scope, or below a prefix of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

from kit.telemetry.files import KeptFile, keyed

MAX_DEPTH, MAX_FOLDERS = 8, 20_000
# Hybrid machines mount version 2 beside version 1, at one of these; "cpu,cpuacct" is the usual pair.
V1_CPU, V1_ACCOUNT, V1_MEMORY = (
    ("cpu,cpuacct", "cpu", "cpuacct,cpu"),
    ("cpu,cpuacct", "cpuacct", "cpuacct,cpu"),
    ("memory",),
)
NS_PER_US = 1000


def names_of(container: str) -> frozenset[str]:
    """What engines call the cgroup of a container."""
    return frozenset({container, f"docker-{container}.scope", f"libpod-{container}.scope", f"libpod-{container}"})


def find_cgroup(root: Path, container: str) -> Path | None:
    """The folder of a container below the root of a hierarchy; the usual places first, then all, within bounds."""
    for place in ("docker/{}", "system.slice/docker-{}.scope", "machine.slice/libpod-{}.scope"):
        if (folder := root / place.format(container)).is_dir():
            return folder
    wanted, seen = names_of(container), 0
    level = [str(root)]
    for _ in range(MAX_DEPTH):
        below: list[str] = []
        for above in level:
            try:
                with os.scandir(above) as entries:
                    names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError:
                continue
            for name in names:
                if name in wanted:
                    return Path(above, name)
            below += [f"{above}/{name}" for name in names]
            seen += len(names)
            if seen > MAX_FOLDERS:
                return None
        level = below
    return None


class ContainerCgroup:
    """A container's cgroup, looked for at each scan until it is there. Of one that is gone the last time stays."""

    def __init__(self, root: Path, container: str) -> None:
        self._root, self._container = root, container
        self._version = 2 if (root / "cgroup.controllers").is_file() else 1
        self.kind = f"cgroup{self._version}"
        self._found: dict[str, KeptFile] = {}
        self._cpu_ns: int | None = None
        self._throttled_ns: int | None = None

    def scan(self) -> None:
        """Find it, unless it was found."""
        if self._found:
            return
        if self._version == 2:
            folder = find_cgroup(self._root, self._container)
            names = {"cpu": "cpu.stat", "memory": "memory.current", "peak": "memory.peak"}
            self._found = {} if folder is None else {what: KeptFile(folder / name) for what, name in names.items()}
            return
        for what, hierarchies, name in (
            ("usage", V1_ACCOUNT, "cpuacct.usage"),
            ("cpu", V1_CPU, "cpu.stat"),
            ("memory", V1_MEMORY, "memory.usage_in_bytes"),
            ("peak", V1_MEMORY, "memory.max_usage_in_bytes"),
        ):
            root = next((self._root / each for each in hierarchies if (self._root / each).is_dir()), None)
            folder = None if root is None else find_cgroup(root, self._container)
            if folder is not None:
                self._found[what] = KeptFile(folder / name)

    def cpu_ns(self) -> int | None:
        """CPU time so far, and the time that a quota took is kept for `throttled_ns`."""
        stat = keyed(self._read("cpu"))
        if self._version == 2:
            usage, throttled = stat.get(b"usage_usec"), stat.get(b"throttled_usec")
            self._cpu_ns = self._cpu_ns if usage is None else usage * NS_PER_US
            self._throttled_ns = self._throttled_ns if throttled is None else throttled * NS_PER_US
        else:
            usage = self._number("usage")
            self._cpu_ns = self._cpu_ns if usage is None else usage
            self._throttled_ns = stat.get(b"throttled_time", self._throttled_ns)
        return self._cpu_ns

    def throttled_ns(self) -> int | None:
        return self._throttled_ns

    def memory(self) -> tuple[int, int] | None:
        """(now, the most so far), bytes; kernels before 5.19 do not keep the most in version 2."""
        now = self._number("memory")
        return None if now is None else (now, self._number("peak") or 0)

    def _read(self, what: str) -> bytes:
        file = self._found.get(what)
        return (file.read() if file else None) or b""

    def _number(self, what: str) -> int | None:
        file = self._found.get(what)
        return file.number() if file else None
