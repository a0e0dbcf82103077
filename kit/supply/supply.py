"""What a cell is made of: which server to start for an entry, on which weights. Decided before the first cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from kit.documents import NO_WEIGHTS, Entry, Plan
from kit.errors import InputError, SourceError
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import entry_container
from kit.runtimes.protocol import ServedModel, ServerSpec, Step, container_server
from kit.storage.marks import mark_of
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

    def require_untouched(self, entry: Entry) -> None:
        """`SourceError` if the file of the weights on this machine is not what it was when it was hashed."""
        ...

    def mounted_weights(self, entry: Entry) -> ServedModel | None:
        """The entry's weights in their volume; None where the server reads a file of this machine."""
        ...

    def seen_as(self, weights: ServedModel) -> str | None:
        """The mark that these had when this run hashed them in a server's mount; None if it did not."""
        ...

    def weights_seen(self, weights: ServedModel, mark: str) -> None:
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
    mark: str | None = None

    def server(self, entry: Entry, name: str, port: int) -> ServerSpec:
        return RUNTIMES[entry.runtime].server(name, entry.variant, entry.settings, str(self.model), port)

    def preparation(self, entry: Entry) -> tuple[Step, ...]:
        del entry  # a process loads its model by itself
        return ()

    def weights_sha256(self, entry: Entry) -> str:
        del entry  # one file for all
        return self.sha256

    def require_untouched(self, entry: Entry) -> None:
        del entry
        try:
            same = self.mark is None or mark_of(self.model) == self.mark or file_sha256(self.model) == self.sha256
        except OSError as error:
            raise SourceError(f"The model file {self.model.name} cannot be read: {error.strerror}.") from None
        if not same:
            raise SourceError(
                f"The model file {self.model.name} was changed during the run.",
                "Delete it and fetch it again: kit models fetch.",
            )

    def mounted_weights(self, entry: Entry) -> ServedModel | None:
        del entry
        return None

    def seen_as(self, weights: ServedModel) -> str | None:
        del weights
        return None

    def weights_seen(self, weights: ServedModel, mark: str) -> None:
        del weights, mark

    def weights_file(self, entry: Entry) -> str | None:
        del entry
        return str(self.model)


def missing_modules(entries: Iterable[Entry]) -> list[str]:
    """The modules that servers run as processes need and that are not installed here."""
    started = [entry for entry in entries if entry.url is None]
    needed = {RUNTIMES[entry.runtime].PROCESS_VARIANTS.get(entry.variant) for entry in started}
    return sorted(name for name in needed if name and find_spec(name) is None)


def require_modules(entries: Iterable[Entry]) -> None:
    """`InputError` if a module is missing that a server of these entries needs."""
    if missing := missing_modules(entries):
        raise InputError(f"The servers need {', '.join(missing)}, which is not installed.", INSTALL)


def process_supply(plan: Plan, model: Path) -> ProcessSupply:
    """The supply of a plan whose servers are processes; `SourceError` if the file is not the plan's model."""
    mark, measured = mark_of(model), file_sha256(model)  # in this order: a change while it is hashed is seen
    if measured != plan.model.sha256:
        raise SourceError(
            f"The model file {model.name} has sha256 {measured}, the plan says {plan.model.sha256}.",
            f"Delete it and fetch it again: kit models fetch {plan.model.name}",
        )
    return ProcessSupply(model, measured, mark)


NOTHING_TO_START = ProcessSupply(Path(), NO_WEIGHTS.sha256)  # where all servers already run


@dataclass(frozen=True, slots=True)
class ContainerSupply:
    """Images and weights in volumes, by the names of entries; `memory_bytes` is the most memory of a server."""

    images: Mapping[str, str]
    models: Mapping[str, ServedModel]
    seen: dict[str, str] = field(default_factory=dict)
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

    def require_untouched(self, entry: Entry) -> None:
        del entry  # its server sees a volume

    def mounted_weights(self, entry: Entry) -> ServedModel | None:
        return self.models[entry.name]

    def seen_as(self, weights: ServedModel) -> str | None:
        return self.seen.get(weights.volume)

    def weights_seen(self, weights: ServedModel, mark: str) -> None:
        self.seen[weights.volume] = mark

    def weights_file(self, entry: Entry) -> str | None:
        del entry
        return None
