"""What a cell is made of: which server to start for an entry, on which weights. Decided before the first cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from kit.documents import Entry, Plan
from kit.errors import InputError, SourceError
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import entry_container
from kit.runtimes.protocol import ServedModel, ServerSpec, Step, container_server
from kit.supply.download import file_sha256

INSTALL = "pip install 'llm-repro-kit[demo]'"


class Supply(Protocol):
    """Gives each entry its server and its weights."""

    def server(self, entry: Entry, name: str, port: int) -> ServerSpec:
        """The server of an entry, to be started as `name`; `port` is for those that listen on this machine."""
        ...

    def preparation(self, entry: Entry) -> tuple[Step, ...]:
        """What the server is sent before it can be asked anything."""
        ...

    def weights_sha256(self, entry: Entry) -> str:
        """The sha256 of the entry's weights, measured and not copied from the plan."""
        ...

    def unseen_weights(self, entry: Entry) -> ServedModel | None:
        """The entry's weights in their volume if nobody has hashed them in a server's mount yet, in this run."""
        ...

    def weights_seen(self, weights: ServedModel) -> None:
        """These have been hashed in a server's mount, and were right."""
        ...

    def weights_file(self, entry: Entry) -> str | None:
        """The file of the weights on this machine, which no record may name; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class ProcessSupply:
    """One model file of this machine for all entries."""

    model: Path
    sha256: str

    def server(self, entry: Entry, name: str, port: int) -> ServerSpec:
        return RUNTIMES[entry.runtime].server(name, entry.variant, entry.settings, str(self.model), port)

    def preparation(self, entry: Entry) -> tuple[Step, ...]:
        del entry  # a process loads its model by itself
        return ()

    def weights_sha256(self, entry: Entry) -> str:
        del entry  # one file for all
        return self.sha256

    def unseen_weights(self, entry: Entry) -> ServedModel | None:
        del entry  # hashed when the supply was made
        return None

    def weights_seen(self, weights: ServedModel) -> None:
        del weights

    def weights_file(self, entry: Entry) -> str | None:
        del entry
        return str(self.model)


def missing_modules(entries: Iterable[Entry]) -> list[str]:
    """The modules that servers run as processes need and that are not installed here."""
    needed = {RUNTIMES[entry.runtime].PROCESS_VARIANTS.get(entry.variant) for entry in entries}
    return sorted(name for name in needed if name and find_spec(name) is None)


def require_modules(entries: Iterable[Entry]) -> None:
    """`InputError` if a module is missing that a server of these entries needs."""
    if missing := missing_modules(entries):
        raise InputError(f"The servers need {', '.join(missing)}, which is not installed.", INSTALL)


def process_supply(plan: Plan, model: Path) -> ProcessSupply:
    """The supply of a plan whose servers are processes; `SourceError` if the file is not the plan's model."""
    measured = file_sha256(model)
    if measured != plan.model.sha256:
        raise SourceError(
            f"The model file {model.name} has sha256 {measured}, the plan says {plan.model.sha256}.",
            f"Delete it and fetch it again: kit models fetch {plan.model.name}",
        )
    return ProcessSupply(model, measured)


@dataclass(frozen=True, slots=True)
class ContainerSupply:
    """Images and weights in volumes, by the names of entries; `memory_bytes` is the most memory of a server."""

    images: Mapping[str, str]
    models: Mapping[str, ServedModel]
    seen: set[str] = field(default_factory=set)
    memory_bytes: int | None = None

    def server(self, entry: Entry, name: str, port: int) -> ServerSpec:
        del port  # inside a container every server has its usual one
        runtime = RUNTIMES[entry.runtime]
        model, image = self.models[entry.name], self.images[entry.name]
        return container_server(
            name, runtime, entry.variant, entry_container(entry, model, image, self.memory_bytes)
        )

    def preparation(self, entry: Entry) -> tuple[Step, ...]:
        return RUNTIMES[entry.runtime].preparation(entry.settings, self.models[entry.name])

    def weights_sha256(self, entry: Entry) -> str:
        return self.models[entry.name].sha256

    def unseen_weights(self, entry: Entry) -> ServedModel | None:
        weights = self.models[entry.name]
        return None if weights.volume in self.seen else weights

    def weights_seen(self, weights: ServedModel) -> None:
        self.seen.add(weights.volume)

    def weights_file(self, entry: Entry) -> str | None:
        del entry
        return None
