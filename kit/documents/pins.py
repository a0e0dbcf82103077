"""What a plan of containers says beside: weights of single entries, images, and the machine it is meant for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, Literal

Target = Literal["official", "source"]
ChatFamily = Literal["chatml", "llama3", "gemma", "mistral", "phi"]


@dataclass(frozen=True, slots=True)
class Sparse:
    """A value that is written without its optional fields as long as they stand at their defaults.

    So a plan from before a field existed is still, byte for byte, what the kit writes: `kit.strict.decode.plain`
    writes what `written` gives.
    """

    def written(self) -> Iterator[tuple[str, object]]:
        """The fields that are written, and their values."""
        kind: Any = type(self)
        for name, default in _defaults(kind):
            value: object = getattr(self, name)
            if default is MISSING or (value is not default and value != default):
                yield name, value


@cache
def _defaults(kind: Any) -> tuple[tuple[str, object], ...]:
    """The fields of a dataclass, each with its default or `MISSING`."""
    return tuple((field.name, field.default) for field in fields(kind))


@dataclass(frozen=True, slots=True)
class Hardware:
    """The machine that a platform is about: what it computes with, and how fast that reads its memory.

    `lock_clock_mhz` is the clock of the device that its owner is asked to lock before a run; the kit has no rights
    to do that. `memory_gb_s` comes with where it is from.
    """

    device: str
    accelerator: Literal["none", "nvidia", "rocm", "vulkan"]
    memory_gb_s: float | None = None
    memory_gb_s_source: str | None = None
    lock_clock_mhz: int | None = None


@dataclass(frozen=True, slots=True)
class ModelSource(Sparse):
    """Where a model comes from that no catalogue has: a `file`, a repository of a hub (`hf`), or an address.

    With `hf` the `file` is one of the repository, at the branch, tag or commit `revision`. `sha256` is what the
    file must have; `name` what the plan calls it, else that follows from the file.
    """

    file: str | None = None
    hf: str | None = None
    revision: str | None = None
    https: str | None = None
    sha256: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ModelPin(Sparse):
    """The weights of a plan: identified by hash, whatever the file is called.

    Those that are not of the `catalogue` say where they are from: `origin` is "file", "hf:ORG/REPO:FILE@COMMIT" or
    an address. `chat_template` is the family of their own template, where it was recognised, `default_system` the
    system message which that puts in where a chat has none.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    confirmed: bool
    catalogue: bool = True
    origin: str | None = None
    chat_template: ChatFamily | None = None
    default_system: str | None = None


@dataclass(frozen=True, slots=True)
class WeightsPin(Sparse):
    """The weights of an entry that has its own. `sha256` and `bytes` are None as long as nobody knows them.

    A folder has the sha256 of `kit.catalogue.folder_sha256`. `made_from` names the model that it is made of on
    this machine, and `made_by` how. `catalogue` and all that follows are as in
    ModelPin.
    """

    name: str
    file: str
    sha256: str | None
    bytes: int | None
    confirmed: bool
    made_from: str | None = None
    made_by: str | None = None
    catalogue: bool = True
    origin: str | None = None
    chat_template: ChatFamily | None = None
    default_system: str | None = None


@dataclass(frozen=True, slots=True)
class ProgramPin:
    """A program of the machine that servers of a plan are: what it is called, its file's hash, its own version.

    `version` is what it says of itself, None if nothing. Libraries beside the file are not in the hash.
    """

    name: str
    sha256: str
    bytes: int
    version: str | None


@dataclass(frozen=True, slots=True)
class RuntimePin(Sparse):
    """A runtime that is none of the kit's: what it is called, the sha256 of its folder and of each file in it.

    `declaration` and `compose` are the texts of its runtime.yaml and compose.yaml, so that everybody can make of a
    plan what was started. One that is a Python module has no `declaration`, and `ignore_eos` and `system_message`
    are what it says that its API can do.
    """

    name: str
    sha256: str
    files: Mapping[str, str]
    declaration: str | None = None
    compose: str | None = None
    ignore_eos: bool = False
    system_message: bool = True


@dataclass(frozen=True, slots=True)
class ImagePin(Sparse):
    """The image of an entry: what it is called and, where that is known before the run, its digest.

    `reference` is what an engine is asked for; `digest` is "sha256:..." of a registry. What really ran stands in
    the cell: an image built from sources has no digest before it is built. `ready_made` is the sha256 of a program
    that was not compiled by the kit's recipe.
    """

    entry: str
    target: Target
    reference: str
    digest: str | None = None
    confirmed: bool = False
    ready_made: str | None = None
