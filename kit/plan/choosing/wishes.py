"""What a platform is chosen from: the machine, the model, and what the user said. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kit.documents import ModelSource, SearchWish
from kit.documents.host import Gpu


@dataclass(frozen=True, slots=True)
class Machine:
    """What is here. `engine` is whether a container engine answers, else `no_engine` says why not.

    `programs` are those of the PATH that run, with their version; `broken` those that do not, with the reason.
    `no_gpu_in_containers` says why containers see no GPU; empty where they do, or there is none.
    """

    cpus: int
    memory_bytes: int | None
    gpus: tuple[Gpu, ...] = ()
    engine: bool = False
    no_engine: str = ""
    embedded: bool = False
    programs: Mapping[str, str | None] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    no_gpu_in_containers: str = ""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model: what the plan calls it, whether it is a folder, and what is known of its size; None is unknown.

    `source` is where it comes from if the catalogue has it not. `kv_bytes_per_token` is the cache of one token.
    """

    name: str
    folder: bool = False
    bytes: int | None = None
    context_tokens: int | None = None
    kv_bytes_per_token: int | None = None
    source: ModelSource | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user said; None is: choose. With a `search` the largest number of users is looked for."""

    users: tuple[int, ...] | None = None
    runtimes: tuple[str, ...] | None = None
    engine: Literal["process", "docker"] | None = None
    budget_s: float | None = None
    known_platforms: tuple[str, ...] = ()
    search: SearchWish | None = None
