"""From a `ContainerSpec` to the document that asks an engine for exactly that container. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from docker.types import DeviceRequest
from docker.utils import parse_devices

from kit.documents.container import ContainerSpec, Mount, Tmpfs

WORK = "/cell"
KIT_USER = 10001  # of the load generator's image
SERVER_ALIAS = "server"
# Two pieces, so that the newest words always stay. More than any load writes.
LOG_CONFIG = {"Type": "json-file", "Config": {"max-size": "50m", "max-file": "2"}}
# Our networks have no way out; a name of the world outside must fail at once, and must not be asked for by the
# engine on the container's behalf (some versions do that where the host's own resolver is on its loopback).
NO_NAMES: Mapping[str, Any] = {
    "Dns": ["127.0.0.1"],
    "DnsOptions": ["timeout:1", "attempts:1"],
    "DnsSearch": ["."],
}
# Some engines start containers with 1024; more than the engine itself may have open would be refused.
OPEN_FILES = 16_384
# Ten times the weight of other containers, for the load generator: it runs for microseconds at a time, and must
# not wait its turn behind a server whose threads spin. On two CPUs it came up to 59 ms late without, 5 ms with it,
# and the server's throughput stayed the same.
AHEAD = 10 * 1024
MIB = 1 << 20
RESERVE_BYTES = 2 << 30
# What beside a server asks, hashes or fills a volume; and a load generator, of which the most that hostile servers
# ever made it take was 536 MB. Neither may take a machine down.
KIT_MEMORY_BYTES, LOAD_MEMORY_BYTES = 1 << 30, 4 << 30
# From this many CPUs on the load generator has some of its own; with fewer it would starve the server or itself.
FIRST_SHARED, FIRST_TWO = 4, 8


def cpu_shares(ncpu: int) -> tuple[str | None, str | None]:
    """The CPUs of the server and those of the load generator, as in "0-5" and "6-7"; None: nobody is pinned."""
    if ncpu < FIRST_SHARED:
        return None, None
    own = 2 if ncpu >= FIRST_TWO else 1
    last = ncpu - 1
    return f"0-{last - own}", f"{last - 1}-{last}" if own == 2 else f"{last}"


def server_memory_bytes(info: Mapping[str, Any]) -> int | None:
    """The most memory that a server may have, by what the engine says of itself; None if it can limit none.

    All but a reserve for the load generator, the engine and the machine itself, so that a server that grows
    without end is killed, and not whatever the kernel finds.
    """
    total = info.get("MemTotal")
    if type(total) is not int or total <= 0 or not info.get("MemoryLimit", True):
        return None
    return max(total - min(RESERVE_BYTES, total // 8), 1) // MIB * MIB or None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container stands and what is the kit's own about it; the network "none" is none.

    `accelerator` has `device_requests`, `devices`, `group_add` and `environment`, as they come from
    `passthrough.host_config_of`. `work` asks for a volume of its own at /cell, `stdin` for an open input.
    `cpu_weight` is its share of busy CPUs, where 1024 is that of any other container.
    """

    network: str
    alias: str | None
    labels: Mapping[str, str]
    cpuset: str | None = None
    cpu_weight: int | None = None
    accelerator: Mapping[str, Any] = field(default_factory=dict)
    work: bool = False
    stdin: bool = False


def kit_program(
    image: str,
    arguments: tuple[str, ...],
    port: int = 0,
    mounts: tuple[Mount, ...] = (),
    memory_bytes: int | None = KIT_MEMORY_BYTES,
) -> ContainerSpec:
    """A program of the kit in the load generator's image, as isolated as a server."""
    return ContainerSpec(
        service="kit",
        image=image,
        command=arguments,
        port=port,
        entrypoint=("python3",),
        user=f"{KIT_USER}:{KIT_USER}",
        working_dir=WORK,
        mounts=mounts,
        tmpfs=(Tmpfs("/tmp"),),
        memory_bytes=memory_bytes,
        pids_limit=4096,
        nofile=OPEN_FILES,
    )


def container_config(spec: ContainerSpec, place: Place) -> dict[str, Any]:
    """The body of POST /containers/create. Nothing is published, restarts by itself or checks its own health."""
    config: dict[str, Any] = {
        "Image": spec.image,
        "Cmd": list(spec.command) or None,
        "Env": [f"{name}={value}" for name, value in {**_extra(place), **spec.environment}.items()],
        "Labels": {**spec.labels, **place.labels},
        "Healthcheck": {"Test": ["NONE"]},
        "StopTimeout": max(1, round(spec.stop_grace_s)),
        "OpenStdin": place.stdin,
        "HostConfig": _host_config(spec, place),
    }
    if place.alias:
        config["NetworkingConfig"] = {"EndpointsConfig": {place.network: {"Aliases": [place.alias]}}}
    own = {"Entrypoint": spec.entrypoint, "User": spec.user, "WorkingDir": spec.working_dir}
    config |= {key: list(value) if isinstance(value, tuple) else value for key, value in own.items() if value}
    return config


def _extra(place: Place) -> Mapping[str, str]:
    environment: Mapping[str, str] = place.accelerator.get("environment", {})
    return environment


def _host_config(spec: ContainerSpec, place: Place) -> dict[str, Any]:
    config: dict[str, Any] = {
        "NetworkMode": place.network,
        "ReadonlyRootfs": spec.read_only,
        "CapAdd": list(spec.cap_add),
        "CapDrop": list(spec.cap_drop),
        "SecurityOpt": list(spec.security_opt),
        "Init": spec.init,
        "Mounts": _mounts(spec, place),
        "Tmpfs": {tmpfs.target: _size(tmpfs) for tmpfs in spec.tmpfs},
        "GroupAdd": list(place.accelerator.get("group_add", spec.group_add)),
        "Devices": parse_devices(list(place.accelerator.get("devices", spec.devices))),
        "DeviceRequests": [DeviceRequest(**each) for each in place.accelerator.get("device_requests", ())],
        "LogConfig": LOG_CONFIG,
        "RestartPolicy": {"Name": "no"},
        **NO_NAMES,
    }
    limits = {
        "Memory": spec.memory_bytes,
        # No swap beside the memory: a server that swaps is not what anyone wants to have measured.
        "MemorySwap": spec.memory_bytes,
        "ShmSize": spec.shm_bytes,
        "PidsLimit": spec.pids_limit,
        "CpusetCpus": spec.cpuset or place.cpuset,
        "CpuShares": place.cpu_weight,
        "Ulimits": [{"Name": "nofile", "Soft": spec.nofile, "Hard": spec.nofile}] if spec.nofile else None,
    }
    return config | {key: value for key, value in limits.items() if value is not None}


def _mounts(spec: ContainerSpec, place: Place) -> list[dict[str, Any]]:
    named = [
        {
            "Type": "volume",
            "Source": mount.volume,
            "Target": mount.target,
            "ReadOnly": mount.read_only,
            "VolumeOptions": {"NoCopy": mount.read_only},
        }
        for mount in spec.mounts
    ]
    # Without a name it belongs to the container and goes with it.
    return [*named, {"Type": "volume", "Target": WORK}] if place.work else named


def _size(tmpfs: Tmpfs) -> str:
    return "" if tmpfs.size_bytes is None else f"size={tmpfs.size_bytes}"
