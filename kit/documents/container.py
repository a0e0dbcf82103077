"""A container as the kit asks an engine for it: plain values, no engine in sight.

`kit.runtimes.compose` makes a `ContainerSpec` out of a runtime's compose file; `kit.engines.docker` starts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kit.documents.pins import Sparse

Accelerator = Literal["none", "nvidia", "rocm", "vulkan"]
# How an accelerator comes into a container; which one an engine can do is found out by asking it.
PassthroughMethod = Literal["none", "nvidia-classic", "nvidia-cdi", "rocm", "dri"]


@dataclass(frozen=True, slots=True)
class Mount:
    """A named volume at a place inside the container."""

    volume: str
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """A file system in memory at a place inside the container; None is the engine's own limit."""

    target: str
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One service of a compose file with every variable filled in.

    `entrypoint` None is the image's own. `port` is where the server listens inside; nothing is published unless
    an engine is asked to. `devices` are device files beside an accelerator's own; `memory_bytes`, `shm_bytes`,
    `pids_limit` None are no limit. `cpuset` names CPUs as in "0-3,8". `gpus` are the numbers of the accelerator's
    devices that it gets, none are all.
    """

    service: str
    image: str
    command: tuple[str, ...]
    port: int
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    working_dir: str | None = None
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    accelerator: Accelerator = "none"
    devices: tuple[str, ...] = ()
    gpus: tuple[int, ...] = ()
    group_add: tuple[str, ...] = ()
    read_only: bool = True
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ("ALL",)
    security_opt: tuple[str, ...] = ("no-new-privileges:true",)
    init: bool = True
    memory_bytes: int | None = None
    shm_bytes: int | None = None
    pids_limit: int | None = None
    nofile: int | None = None
    cpuset: str | None = None
    stop_grace_s: float = 10.0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerFacts(Sparse):
    """What an engine says it ran. Digests are "sha256:..." or None where the engine has none.

    `memory_bytes` is the limit of its memory, swap included; None is no limit.
    """

    engine: str
    engine_version: str
    api_version: str
    passthrough: PassthroughMethod
    image: str
    image_id: str
    repo_digests: tuple[str, ...]
    architecture: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    created_utc: str
    started_utc: str
    finished_utc: str | None
    exit_code: int | None
    oom_killed: bool
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LogFacts(Sparse):
    """What the start of a server's log says, in words that `kit.runtimes.log_lines` knows: builds and devices."""

    versions: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
