"""The machine that ran it, by allow list: what bears on a measurement, no names, addresses, serials or UUIDs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Sparse
from kit.documents.vocabulary import StampSource


@dataclass(frozen=True, slots=True)
class Gpu(Sparse):
    """One GPU of the machine; None is what its driver does not tell.

    `cuda` is the newest CUDA that the driver can run. `sm_application_mhz` is the clock that its owner set for
    applications; one that was locked (nvidia-smi -lgc) no driver tells.
    """

    name: str
    memory_bytes: int | None = None
    driver: str | None = None
    cuda: str | None = None
    sm_max_mhz: int | None = None
    memory_max_mhz: int | None = None
    sm_application_mhz: int | None = None
    power_limit_mw: int | None = None
    persistence: bool | None = None


@dataclass(frozen=True, slots=True)
class EngineFacts(Sparse):
    """What a container engine says of itself and its machine; None is what it does not say."""

    name: str
    version: str
    api_version: str
    system: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    cpus: int | None = None
    memory_bytes: int | None = None
    runtimes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientHost:
    """The machine on which the command was typed, where the servers ran on another one."""

    system: str
    kernel: str
    architecture: str
    cpu_model: str | None
    cpus: int
    cpus_usable: int
    memory_bytes: int | None
    python: str
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClientFacts(Sparse):
    """One of several clients that carried out a load together: its machine, and the facts that its share left.

    Stamps count from its own origin. `utc_error_ns` is how far off its kernel held its real-time clock to be at
    most, None where that was not synchronised or did not say.
    """

    host: ClientHost
    origin_utc: str
    ended_utc: str
    origin_ns: int
    duration_ns: int
    stamp_source: StampSource
    clock: str
    clock_resolution_ns: int
    cpu_ns: int
    stale_retries: int
    requests: int
    records_sha256: str
    texts_sha256: str
    longest_stall_ns: int = 0
    utc_error_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Host(Sparse):
    """host.json: facts about the machine that ran servers and load generator.

    In runs with containers these are seen from a container of the load generator's image, `python` and `packages`
    too; `engine` is what the engine says, `client` the machine of the command where that is another.
    """

    schema: Literal["kit/host/1"]
    system: str
    kernel: str
    architecture: str
    cpu_model: str | None
    cpus: int
    cpus_usable: int
    memory_bytes: int | None
    cpu_governor: str | None
    clock_source: str | None
    python: str
    packages: Mapping[str, str]
    gpus: tuple[Gpu, ...] = ()
    engine: EngineFacts | None = None
    client: ClientHost | None = None
