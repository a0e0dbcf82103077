"""What the sampler is told to watch: a small document that may change while it runs.

It has no strict reader: it is written by the kit beside it, and the program must stay light.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kit.telemetry.cgroups import ContainerCgroup
from kit.telemetry.processes import ProcessTree

INTERVAL_NS = 100_000_000
ROLES = ("server", "loadgen", "own")
TREE, PROCESS, CONTAINER = "tree", "process", "container"


class Part(Protocol):
    """Something whose CPU time and memory the kernel counts."""

    @property
    def kind(self) -> str: ...

    def scan(self) -> None: ...

    def cpu_ns(self) -> int | None: ...

    def throttled_ns(self) -> int | None: ...

    def memory(self) -> tuple[int, int] | None: ...


@dataclass(frozen=True, slots=True)
class Watch:
    """Whom to watch, by role: "tree:PID", "process:PID" (without its children) or "container:ID".

    `cgroups` is where the cgroups of the whole machine are seen. With `until_input_closes` the sampler ends with
    whoever started it, however that ends.
    """

    interval_ns: int
    until_input_closes: bool
    cgroups: str = "/sys/fs/cgroup"
    roles: dict[str, list[str]] = field(default_factory=dict)

    def document(self) -> bytes:
        """As the sampler reads it."""
        return json.dumps(
            {
                "interval_ns": self.interval_ns,
                "until_input_closes": self.until_input_closes,
                "cgroups": self.cgroups,
                "roles": self.roles,
            }
        ).encode()


def read_watch(data: bytes) -> Watch:
    """The document again; `ValueError` if it is none, or only half written."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("no object")
    roles = value.get("roles", {})
    found = Watch(
        interval_ns=max(1_000_000, int(value["interval_ns"])),
        until_input_closes=bool(value["until_input_closes"]),
        cgroups=str(value["cgroups"]),
        roles={role: [str(each) for each in roles.get(role, ())] for role in ROLES},
    )
    for word in (each for words in found.roles.values() for each in words):
        part_of(word, found, Path("/proc"))
    return found


def part_of(word: str, watch: Watch, proc: Path) -> Part:
    """What a word of `Watch.roles` stands for; `ValueError` if for nothing."""
    kind, _, name = word.partition(":")
    if kind in (TREE, PROCESS):
        return ProcessTree(proc, int(name), children=kind == TREE)
    if kind == CONTAINER and name:
        return ContainerCgroup(Path(watch.cgroups), name)
    raise ValueError(f"nobody knows what {word} is")
