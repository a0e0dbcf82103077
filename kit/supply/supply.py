"""What a cell is made of: which server to start for an entry, on which weights. Decided before the first cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from kit.catalogue import find_chat, models
from kit.documents import Entry, Plan
from kit.documents.pins import WeightsPin
from kit.errors import InputError, SourceError
from kit.plan.weights import known_weights
from kit.runtimes import RUNTIMES
from kit.runtimes.launch import entry_container, entry_process
from kit.runtimes.outside.search import pins_of as runtime_pins
from kit.runtimes.programs import program_of
from kit.runtimes.protocol import ServedModel, ServerSpec, Step, container_server
from kit.storage.marks import mark_of
from kit.supply.download import file_sha256
from kit.supply.hashes import known_sha256
from kit.supply.programs import FoundProgram, pins_of, programs_of
from kit.supply.weights import folder_digest

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
class WeightsFile:
    """A model file of this machine, and its mark as it was when it was hashed; without one it is not looked at."""

    path: Path
    sha256: str
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessSupply:
    """Model files of this machine, by the names of entries; and programs of it, by their own names.

    `served` is each entry's model as servers are told of it that are sent their model.
    """

    files: Mapping[str, WeightsFile]
    programs: Mapping[str, FoundProgram] = field(default_factory=dict)
    served: Mapping[str, ServedModel] = field(default_factory=dict)

    def server(self, entry: Entry, name: str, port: int) -> ServerSpec:
        spec = entry_process(entry, name, str(self.files[entry.name].path), port)
        program = self._program(entry)
        return spec if program is None else replace(spec, program=str(program.path))

    def preparation(self, entry: Entry) -> tuple[Step, ...]:
        if entry.name not in self.served or self._program(entry) is None:
            return ()  # what is the kit's own loads its model by itself
        return RUNTIMES[entry.runtime].preparation(entry.settings, self.served[entry.name])

    def _program(self, entry: Entry) -> FoundProgram | None:
        return self.programs.get(program_of(entry.runtime, entry.variant) or "")

    def weights_sha256(self, entry: Entry) -> str:
        return self.files[entry.name].sha256

    def require_untouched(self, entry: Entry) -> None:
        program = self._program(entry)
        if program is not None and not _is_there_as_it_was(program):
            raise SourceError(
                f"The program {program.pin.name} was changed during the run.", "Begin a new run with the new one."
            )
        kept = self.files[entry.name]
        try:
            marked = kept.mark is None or mark_of(kept.path) == kept.mark
            same = marked or file_sha256(kept.path) == kept.sha256
        except OSError as error:
            raise SourceError(f"The model file {kept.path.name} cannot be read: {error.strerror}.") from None
        if not same:
            raise SourceError(
                f"The model file {kept.path.name} was changed during the run.",
                "Put back the file that the plan names, by its sha256; one of the catalogue: kit models fetch.",
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
        return str(self.files[entry.name].path)


def missing_modules(entries: Iterable[Entry]) -> list[str]:
    """The modules that servers run as processes need and that are not installed here."""
    started = [entry for entry in entries if entry.url is None]
    needed = {RUNTIMES[entry.runtime].PROCESS_VARIANTS.get(entry.variant) for entry in started}
    return sorted(name for name in needed if name and find_spec(name) is None)


def require_modules(entries: Iterable[Entry]) -> None:
    """`InputError` if a module is missing that a server of these entries needs."""
    if missing := missing_modules(entries):
        raise InputError(f"The servers need {', '.join(missing)}, which is not installed.", INSTALL)


def process_supply(plan: Plan, models: Path | Mapping[str, Path]) -> ProcessSupply:
    """The supply of a plan whose servers are processes: the file of its one model, or its models' files by name.

    `SourceError` if a file is not the plan's model.
    """
    require_same_runtimes(plan)
    of_entries = {entry.name: pin for entry in plan.entries if (pin := known_weights(plan, entry)) is not None}
    pins = {pin.name: pin for pin in of_entries.values()}
    if isinstance(models, Path):
        models = dict.fromkeys(pins, models)
    files = {name: _weights_file(pin, models[name]) for name, pin in pins.items()}
    return ProcessSupply(
        {name: files[pin.name] for name, pin in of_entries.items()},
        _programs(plan),
        {name: _served(pin) for name, pin in of_entries.items()},
    )


def _weights_file(pin: WeightsPin, path: Path) -> WeightsFile:
    # A model of 40 GB takes minutes to hash.
    digest_of = folder_digest if path.is_dir() else file_sha256 if pin.catalogue else known_sha256
    mark, measured = mark_of(path), digest_of(path)  # in this order: a change while it is hashed is seen
    if measured != pin.sha256:
        again = f"Delete it and fetch it again: kit models fetch {pin.name}"
        raise SourceError(
            f"The model file {path.name} has sha256 {measured}, the plan says {pin.sha256}.",
            again if pin.catalogue else "Begin a new run with the file as it is now.",
        )
    return WeightsFile(path, measured, mark)


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


def _served(pin: WeightsPin) -> ServedModel:
    """A model as servers are told of it: with its own chat template, of the catalogue or of its pin."""
    family: str | None = pin.chat_template
    system = pin.default_system
    known = next((entry for entry in models() if entry.name == pin.name), None)
    if pin.catalogue and known is not None:
        family, system = find_chat(known)
    return ServedModel(pin.name, pin.file, pin.sha256 or "", "", family, system)


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
