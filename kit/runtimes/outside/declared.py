"""A runtime out of its declaration: the names of `kit.runtimes.protocol.Runtime`, made of data alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kit.documents import Setting
from kit.runtimes import nvidia
from kit.runtimes.compose.interpolate import interpolate
from kit.runtimes.outside.declaration import Declaration, SettingDeclaration
from kit.runtimes.programs import HOST, NO_GPU, NO_MODULE, only_gpus
from kit.runtimes.programs import MODEL_NAME as NAME_FOR_PROGRAMS
from kit.runtimes.prometheus import totals
from kit.runtimes.protocol import (
    Additions,
    Capabilities,
    DeviceEvidence,
    DeviceFinding,
    Extras,
    Json,
    ServedModel,
    ServerSpec,
    SettingRule,
    Step,
)
from kit.runtimes.shared import filled, model_variables
from kit.text import plain_text

PLACE = "RUNTIME"  # what records say for the folder of a runtime
MAX_VERSION_CHARS = 64


class DeclaredRuntime:
    """`folder` is where its files lie on this machine, for what it starts; None where nothing is started."""

    def __init__(self, declared: Declaration, compose: str | None, folder: str | None = None) -> None:
        self.declared = declared
        self.folder = folder
        self.COMPOSE = compose
        self.NAME = declared.name
        self.VARIANTS = tuple(declared.variants)
        self.PROGRAMS: Mapping[str, str] = {
            name: variant.program for name, variant in declared.variants.items() if variant.program is not None
        }
        self.PROCESS_VARIANTS: Mapping[str, str] = dict.fromkeys(self.PROGRAMS, NO_MODULE)
        self.LOADS_FOLDERS = declared.model.form == "folder"
        narrowed = [set(declared.settings_of(name)) for name in declared.variants]
        common = set.intersection(*narrowed)
        self.SETTINGS: Mapping[str, SettingRule] = {
            name: _rule(each) for name, each in declared.settings.items() if name in common and not each.optional
        }
        self.FACTS_PATH = declared.facts.path
        self.COUNTERS_PATH: str | None = declared.counters.path if declared.counters else None
        self.DEVICE_PATH: str | None = next(
            (each.device.path for each in declared.variants.values() if each.device.path is not None), None
        )
        self.READY_PATH = declared.ready.path
        self.CONTAINER_PORT = declared.port or 0
        self.MODEL_NAME: str | None = declared.model.called

    def capabilities(self, variant: str) -> Capabilities:  # noqa: ARG002 - the same for all
        return Capabilities(self.declared.capabilities.ignore_eos, self.declared.capabilities.system_message)

    def settings_path(self, variant: str) -> str:  # noqa: ARG002
        return self.declared.reported.path if self.declared.reported else self.FACTS_PATH

    def settings(self, variant: str) -> Mapping[str, SettingRule]:
        if variant not in self.declared.variants:
            return self.SETTINGS
        found = self.declared.settings_of(variant)
        return {name: _rule(each) for name, each in found.items() if not each.optional}

    def extras(self, variant: str) -> Extras:
        found = self.declared.settings_of(variant)
        optional = {name: _rule(each) for name, each in found.items() if each.optional}
        owned = {
            word.lstrip("-").replace("_", "-"): f"use {name}"
            for name, each in found.items()
            for word in (*each.flags[:1], *(words[0] for words in each.flags_by_value.values() if words))
        }
        gpus = variant in self.declared.variants and self.declared.variants[variant].gpus
        return Extras(optional, self.declared.flags, gpus, owned)

    def additions(self, variant: str, settings: Mapping[str, Setting], gpus: tuple[int, ...]) -> Additions:
        """Every setting as its declaration says, in the order of the file."""
        flags: list[str] = []
        environment: dict[str, str] = {}
        for name, each in self.declared.settings_of(variant).items():
            if name not in settings:
                continue
            filling = {"value": str(settings[name])}
            words = each.flags or each.flags_by_value.get(str(settings[name]), ())
            flags += (interpolate(word, filling) for word in words)
            environment |= {key: interpolate(word, filling) for key, word in each.environment.items()}
        if gpus and variant in self.PROGRAMS:
            environment |= only_gpus(",".join(map(str, gpus)))
        return Additions(tuple(flags), environment)

    def explicit(self, variant: str, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
        return filled(self.settings(variant), settings, cpus)

    def server(
        self, name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int
    ) -> ServerSpec:
        """A program of the PATH; one that is to keep to the CPU sees no GPU."""
        del settings  # `additions` gives them
        if variant not in self.PROGRAMS:
            raise ValueError(f"no process variant {variant!r}")
        declared = self.declared.variants[variant]
        place = self.folder or PLACE
        filling = {
            "host": HOST,
            "model": model_path,
            "name": NAME_FOR_PROGRAMS,
            "port": str(port),
            "runtime": place,
        }
        unseen = NO_GPU if declared.device.kind == "cpu" else {}
        return ServerSpec(
            name=name,
            command=(self.PROGRAMS[variant], *(interpolate(word, filling) for word in declared.arguments)),
            port=port,
            ready_path=self.READY_PATH,
            start_budget_s=self.declared.ready.budget_s,
            environment={
                **unseen,
                **{key: interpolate(word, filling) for key, word in declared.environment.items()},
            },
            own_folders=("TMPDIR",),
            hidden={place: PLACE} if self.folder else {},
        )

    def start_budget_s(self, variant: str) -> float:  # noqa: ARG002
        return self.declared.ready.budget_s

    def variables(self, variant: str, settings: Mapping[str, Setting], model: ServedModel) -> dict[str, str]:
        """The model alone: settings stand behind the command (`additions`)."""
        del variant, settings
        return model_variables(model)

    def preparation(self, settings: Mapping[str, Setting], model: ServedModel) -> tuple[Step, ...]:
        """Nothing: 200 at READY_PATH means that the model is loaded."""
        del settings, model
        return ()

    def device_command(self, variant: str) -> tuple[str, ...] | None:
        declared = self.declared.variants[variant]
        in_container = variant not in self.PROGRAMS
        return nvidia.LIST if declared.device.kind == "nvidia" and in_container else None

    def device(self, variant: str, evidence: DeviceEvidence) -> DeviceFinding:
        """What the server says of its device; on the CPU it needs to say nothing: it is shown nothing else."""
        wanted = self.declared.variants[variant].device
        name = nvidia.gpu_name(evidence.listing) if wanted.kind == "nvidia" else None
        if wanted.path is None:
            return DeviceFinding(True, wanted.kind)
        said = _at(evidence.facts, wanted.at)
        if not isinstance(said, str) or said not in wanted.one_of:
            told = plain_text(str(said), 60) if said is not None else "nothing"
            where = ".".join(map(str, wanted.at))
            return DeviceFinding(
                False, None, f"{wanted.path} says {told} at {where}, not {' or '.join(wanted.one_of)}"
            )
        return DeviceFinding(True, plain_text(name or said, 120))

    def version(self, facts: Json) -> str | None:
        where = self.declared.facts.version
        said = _at(facts, where) if where else None
        return plain_text(said, MAX_VERSION_CHARS) if isinstance(said, str) else None

    def reported(self, facts: Json) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        for name, told in (self.declared.reported.settings if self.declared.reported else {}).items():
            said = _at(facts, told.at)
            if isinstance(said, bool):
                said = int(said)
            if isinstance(said, int) or (isinstance(said, str) and said in self.declared.settings[name].choices):
                found[name] = said
        return found

    def disagreements(self, settings: Mapping[str, Setting], reported: Mapping[str, Setting]) -> tuple[str, ...]:
        """A planned setting that the server can tell must be told, and be the planned one or no less."""
        found: list[str] = []
        for name, told in (self.declared.reported.settings if self.declared.reported else {}).items():
            planned, said = settings.get(name), reported.get(name)
            enough = told.holds == "at-least" and _is_enough(said, planned)
            if planned is not None and said != planned and not enough:
                found.append(f"the server says {name} is {said}, the plan says {planned}")
        return tuple(found)

    def counters(self, text: str) -> dict[str, int]:
        return totals(text, self.declared.counters.names) if self.declared.counters else {}


def _is_enough(said: Setting | None, planned: Setting | None) -> bool:
    return type(said) is int and type(planned) is int and said >= planned


def _rule(declared: SettingDeclaration) -> SettingRule:
    return SettingRule(declared.default, declared.low, declared.high, declared.meaning, declared.choices)


def _at(facts: Json, where: tuple[str | int, ...]) -> Json:
    """What stands in a JSON document at a path of keys and indices; None if nothing does."""
    found: Json = facts
    for step in where:
        if isinstance(found, dict) and isinstance(step, str):
            found = found.get(step)
        elif isinstance(found, list) and isinstance(step, int) and 0 <= step < len(found):
            found = found[step]
        else:
            return None
    return found
