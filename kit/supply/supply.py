"""What a cell is made of: which server to start for an entry, on which weights. Decided before the first cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from kit.catalogue import find_chat, models
from kit.catalogue import model as model_of
from kit.documents import Entry, Plan
from kit.documents.pins import WeightsPin
from kit.errors import InputError, SourceError
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import entry_container, entry_process
from kit.runtimes.outside.search import pins_of as runtime_pins
from kit.runtimes.programs import program_of
from kit.runtimes.protocol import ServedModel, ServerSpec, Step, container_server
from kit.storage.marks import mark_of
from kit.supply.download import file_sha256
from kit.supply.programs import FoundProgram, pins_of, programs_of
from kit.supply.weights import measured as measured_weights
from kit.supply.weights import path_sha256, weights_path

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
    """One model file of this machine for all entries, and the programs of this machine that they run.

    `served` is the model as servers are told of it that load none by themselves. Entries that name a model of
    their own have it from `others`, by that name.
    """

    model: Path
    sha256: str
    mark: str | None = None
    programs: Mapping[str, FoundProgram] = field(default_factory=dict)
    served: ServedModel | None = None
    others: Mapping[str, ProcessSupply] = field(default_factory=dict)

    def _of(self, entry: Entry) -> ProcessSupply:
        return self if entry.model is None else self.others.get(entry.model, self)

    def server(self, entry: Entry, name: str, port: int) -> ServerSpec:
        spec = entry_process(entry, name, str(self._of(entry).model), port)
        program = self._program(entry)
        return spec if program is None else replace(spec, program=str(program.path))

    def preparation(self, entry: Entry) -> tuple[Step, ...]:
        served = self._of(entry).served
        if served is None or self._program(entry) is None:
            return ()  # what is the kit's own loads its model by itself
        return RUNTIMES[entry.runtime].preparation(entry.settings, served)

    def _program(self, entry: Entry) -> FoundProgram | None:
        return self.programs.get(program_of(entry.runtime, entry.variant) or "")

    def weights_sha256(self, entry: Entry) -> str:
        return self._of(entry).sha256

    def require_untouched(self, entry: Entry) -> None:
        program = self._program(entry)
        if program is not None and not _is_there_as_it_was(program):
            raise SourceError(
                f"The program {program.pin.name} was changed during the run.", "Begin a new run with the new one."
            )
        mine = self._of(entry)
        try:
            same = mine.mark is None or mark_of(mine.model) == mine.mark or path_sha256(mine.model) == mine.sha256
        except OSError as error:
            raise SourceError(f"The model file {mine.model.name} cannot be read: {error.strerror}.") from None
        if not same:
            raise SourceError(
                f"The model file {mine.model.name} was changed during the run.",
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
        return str(self._of(entry).model)


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
    mark, measured = mark_of(model), file_sha256(model)  # in this order: a change while it is hashed is seen
    if measured != plan.model.sha256:
        raise SourceError(
            f"The model file {model.name} has sha256 {measured}, the plan says {plan.model.sha256}.",
            f"Delete it and fetch it again: kit models fetch {plan.model.name}",
        )
    served = ServedModel(plan.model.name, plan.model.file, measured, "", *_chat(plan.model.name))
    require_same_runtimes(plan)
    return ProcessSupply(
        model, measured, mark, _programs(plan), served, {pin.name: _other(pin) for pin in plan.models}
    )


def _other(pin: WeightsPin) -> ProcessSupply:
    """The weights of entries that name their own: a file or a folder of the cache, hashed."""
    entry = model_of(pin.name)
    path = weights_path(entry)
    mark = mark_of(path) if path.exists() else None
    found = measured_weights(entry)
    if found is None or found[0] != pin.sha256:
        what = f"has sha256 {found[0]}, the plan says {pin.sha256}" if found else "is missing"
        raise SourceError(f"The model {pin.name} {what}.", f"Fetch or convert it: kit models prepare {pin.name}")
    return ProcessSupply(
        path, found[0], mark, served=ServedModel(pin.name, pin.file, found[0], "", *_chat(pin.name))
    )


def require_same_runtimes(plan: Plan) -> None:
    """`InputError` if a runtime from outside is not (any more) the one of the plan."""
    here = {pin.name: pin.sha256 for pin in runtime_pins(plan.entries)}
    for pin in plan.runtimes:
        if here.get(pin.name) != pin.sha256:
            found = f"has sha256 {here[pin.name]} here" if pin.name in here else "is not found here"
            raise InputError(
                f"The folder of the runtime {pin.name} {found}, the plan says {pin.sha256}.",
                "Give the folder that the run was started with: --runtime-path DIR. Or start a new run.",
            )


def _chat(name: str) -> tuple[str | None, str | None]:
    """Chat template and default system message of a model that the catalogue knows."""
    return next((find_chat(entry) for entry in models() if entry.name == name), (None, None))


def _programs(plan: Plan) -> dict[str, FoundProgram]:
    """The programs of a plan as they lie here; `InputError` if one is not the plan's."""
    found = programs_of(plan.entries)
    for pin, planned in zip(pins_of(found), plan.programs, strict=True):
        if pin != planned:
            raise InputError(
                f"The program {pin.name} has sha256 {pin.sha256}, the plan says {planned.sha256}.",
                "Old and new cells would not be comparable: start a new run.",
            )
    return found


def _is_there_as_it_was(program: FoundProgram) -> bool:
    try:
        return mark_of(program.path) == program.mark or file_sha256(program.path) == program.pin.sha256
    except OSError:
        return False


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
