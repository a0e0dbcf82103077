"""What the house wants to know of a runtime. Each runtime is a plain module with these names (see llamacpp.py),

or a folder with a runtime.yaml (kit.runtimes.outside). docs/adding-a-runtime.md goes through them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kit.documents import Setting
from kit.documents.container import ContainerSpec

Json = object


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a variant's API can do; what it cannot is never asked of it.

    `ignore_eos`: an answer can be made to go on to its limit. `system_message`: it reads one; otherwise all that a
    request says stands in its last message.
    """

    ignore_eos: bool
    system_message: bool = True


@dataclass(frozen=True, slots=True)
class SettingRule:
    """One setting of a runtime: its default, its range and what it does; with `choices` it is one of them."""

    default: int
    low: int
    high: int
    meaning: str
    choices: tuple[str, ...] = ()

    def takes(self, value: object) -> bool:
        """Whether a plan may have this value."""
        if self.choices:
            return isinstance(value, str) and value in self.choices
        return type(value) is int and self.low <= value <= self.high

    @property
    def expected(self) -> str:
        """What it may be, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        return f"a whole number from {self.low} to {self.high}"


def one_of_words(meaning: str, *choices: str) -> SettingRule:
    """A setting that is one of some words."""
    return SettingRule(0, 0, 0, meaning, choices)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a variant takes beside `settings`: settings that a plan has only where somebody asks for them, flags

    that the kit does not know, a choice of GPUs. `owned` are names of flags (without dashes, "no-" and "enable-")
    that are not free, beside those of the command itself, each with what decides it.
    """

    settings: Mapping[str, SettingRule] = field(default_factory=dict)
    flags: bool = False
    gpus: bool = False
    owned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Additions:
    """What stands behind a command, and what is added to an environment."""

    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """How to start one server and how to know it: a pure value, engines carry it out.

    Either `command` is a program of this machine, or `container` says all and `command` is empty. `program` is
    where the program of `command` lies, if that is none of the kit's own; it knows `environment` besides, and each
    of the variables `own_folders` names a new folder that goes with the server. `hidden` are words of `command`
    that are places of this machine, each with what records say instead.
    """

    name: str
    command: tuple[str, ...]
    port: int
    ready_path: str
    start_budget_s: float
    container: ContainerSpec | None = None
    program: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    own_folders: tuple[str, ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The weights of one cell as a server in a container finds them: a file or folder in a volume at /models.

    `name` is what requests call the model; `sha256` is that of the file, or of the folder (see kit.catalogue).
    `chat_template` and `default_system` are as in the catalogue.
    """

    name: str
    file: str
    sha256: str
    volume: str
    chat_template: str | None = None
    default_system: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """POST the model file, as it is, to `path`. Any answer from 200 to 299 is good."""

    path: str
    file: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Post:
    """POST a JSON document to `path`. Any answer from 200 to 299 without an `error` in it is good."""

    path: str
    document: Mapping[str, Json]
    timeout_s: float


# A request after the server listens and before it can be asked anything.
Step = Upload | Post


@dataclass(frozen=True, slots=True)
class DeviceEvidence:
    """What is known of where a server computes: its log, the output of its `device_command` in its own container,

    and the JSON at its DEVICE_PATH. Empty or None where the runtime has no such thing or it gave no answer.
    """

    log: str
    listing: str
    facts: Json


@dataclass(frozen=True, slots=True)
class DeviceFinding:
    """Whether the server computes where its variant says; `device` in its words, `reason` if not."""

    ok: bool
    device: str | None
    reason: str = ""


class Runtime(Protocol):
    """The names a runtime module must have. Pure: no module under kit/runtimes opens a file or a socket."""

    NAME: str
    VARIANTS: tuple[str, ...]
    # Those that run as a process of this machine, with the module they need ("" is none); all others run in
    # containers. A program of the PATH is named in kit.runtimes.programs.
    PROCESS_VARIANTS: Mapping[str, str]
    # Whether it loads models that are a folder of files; otherwise one GGUF file.
    LOADS_FOLDERS: bool
    # What every variant can be set to; `settings` adds what one variant has beside.
    SETTINGS: Mapping[str, SettingRule]
    # Facts: GET gives JSON; counters are text.
    FACTS_PATH: str
    COUNTERS_PATH: str | None
    DEVICE_PATH: str | None
    READY_PATH: str
    CONTAINER_PORT: int
    # The text of its compose file; None is compose/NAME.yaml of the kit.
    COMPOSE: str | None
    # What requests call the model; None is the first name of its list.
    MODEL_NAME: str | None

    def capabilities(self, variant: str) -> Capabilities:
        """What its API can do."""
        ...

    def settings_path(self, variant: str) -> str:
        """Where a GET gives JSON in which the server tells of its own settings."""
        ...

    def settings(self, variant: str) -> Mapping[str, SettingRule]:
        """The settings of a variant, by name."""
        ...

    def extras(self, variant: str) -> Extras:
        """What a variant takes beside its settings."""
        ...

    def additions(self, variant: str, settings: Mapping[str, Setting], gpus: tuple[int, ...]) -> Additions:
        """What `extras` that were asked for add to the command of a server."""
        ...

    def explicit(self, variant: str, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
        """Every setting with its value: defaults filled in, "as many as the machine has" made a number."""
        ...

    def server(
        self, name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int
    ) -> ServerSpec:
        """The server as a process of this machine; `ValueError` for a variant that only runs in a container."""
        ...

    def start_budget_s(self, variant: str) -> float:
        """How long a server in a container may take until READY_PATH answers 200."""
        ...

    def variables(self, variant: str, settings: Mapping[str, Setting], model: ServedModel) -> dict[str, str]:
        """The KIT_ variables of the runtime's compose file, all but KIT_IMAGE."""
        ...

    def preparation(self, settings: Mapping[str, Setting], model: ServedModel) -> tuple[Step, ...]:
        """What is sent once READY_PATH answers and before the first question; most runtimes need nothing."""
        ...

    def device_command(self, variant: str) -> tuple[str, ...] | None:
        """A command inside the server's container that lists the devices it sees."""
        ...

    def device(self, variant: str, evidence: DeviceEvidence) -> DeviceFinding:
        """Whether the server computes on the device of its variant, and on no other."""
        ...

    def version(self, facts: Json) -> str | None:
        """The version as the server reports it, from the JSON at FACTS_PATH."""
        ...

    def reported(self, facts: Json) -> dict[str, Setting]:
        """What the server says of its own settings, by our setting names, from the JSON at SETTINGS_PATH."""
        ...

    def disagreements(self, settings: Mapping[str, Setting], reported: Mapping[str, Setting]) -> tuple[str, ...]:
        """One sentence for each setting that the server did not take as planned."""
        ...

    def counters(self, text: str) -> dict[str, int]:
        """The server's own token counters from the text at COUNTERS_PATH: `prompt_tokens`, `completion_tokens`."""
        ...


def container_server(name: str, runtime: Runtime, variant: str, container: ContainerSpec) -> ServerSpec:
    """A server that runs in a container, made of the compose file's service."""
    return ServerSpec(
        name=name,
        command=(),
        port=runtime.CONTAINER_PORT,
        ready_path=runtime.READY_PATH,
        start_budget_s=runtime.start_budget_s(variant),
        container=container,
    )
