"""runtime.yaml: what somebody declares of a runtime, read strictly. Nothing in it is ever executed by the kit.

Words of a command are templates with `${NAME}`, each of them one word of the command line whatever is filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kit.errors import InputError
from kit.runtimes.compose.interpolate import TemplateError, parse
from kit.strict import read_yaml
from kit.strict.decode import typed
from kit.strict.schema import check
from kit.text import DocumentPath, listed

FILE = "runtime.yaml"
# What a word of a command or of the environment may name.
OF_COMMANDS = ("host", "model", "name", "port", "runtime")
OF_SETTINGS = ("value",)
Place = tuple[str | int, ...]  # keys and indices, from the top of a JSON document


@dataclass(frozen=True, slots=True)
class ModelForm:
    """How weights are given: a GGUF file or a folder of safetensors. `called`: what requests call the model."""

    form: Literal["gguf", "folder"]
    called: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The path that answers 200 once the model is loaded, and how long that may take."""

    path: str
    budget_s: float


@dataclass(frozen=True, slots=True)
class Facts:
    """A path that gives JSON, and where in it the version stands."""

    path: str
    version: Place | None = None


@dataclass(frozen=True, slots=True)
class Abilities:
    """See `kit.runtimes.protocol.Capabilities`."""

    ignore_eos: bool
    system_message: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """Where a server tells one of its settings, and whether it must be the planned value or no less."""

    at: Place
    holds: Literal["equal", "at-least"]


@dataclass(frozen=True, slots=True)
class Reported:
    """A path that gives JSON, and where in it settings stand."""

    path: str
    settings: Mapping[str, Told]


@dataclass(frozen=True, slots=True)
class Counters:
    """A path that gives Prometheus text, and the counters in it by the names the kit has for them."""

    path: str
    names: Mapping[str, Literal["prompt_tokens", "completion_tokens", "prefix_cache_hits"]]


@dataclass(frozen=True, slots=True)
class SettingDeclaration:
    """A setting and how it becomes flags and variables: `flags` for every value, or `flags_by_value`.

    Either a whole number (`default`, `low`, `high`) or one of `choices`, which always is `optional`.
    """

    meaning: str
    default: int = 0
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    optional: bool = False
    flags: tuple[str, ...] = ()
    flags_by_value: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceCheck:
    """Where a variant computes, and where the server says so: the value `at` a path must be one of `one_of`."""

    kind: Literal["cpu", "nvidia", "other"]
    path: str | None = None
    at: Place = ()
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageDeclaration:
    """The image of a variant by its digest, and the Dockerfile of the folder that it is made with, if any."""

    reference: str
    digest: str
    dockerfile: str | None = None


@dataclass(frozen=True, slots=True)
class VariantDeclaration:
    """A way to run it: a `program` of the PATH with `arguments`, or an `image` and a service of compose.yaml."""

    device: DeviceCheck
    program: str | None = None
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    image: ImageDeclaration | None = None
    settings: tuple[str, ...] | None = None
    gpus: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole runtime.yaml."""

    schema: Literal["kit/runtime/1"]
    name: str
    title: str
    api: Literal["openai"]
    model: ModelForm
    ready: Ready
    facts: Facts
    capabilities: Abilities
    settings: Mapping[str, SettingDeclaration]
    variants: Mapping[str, VariantDeclaration]
    reported: Reported | None = None
    counters: Counters | None = None
    port: int | None = None
    flags: bool = True

    @property
    def in_containers(self) -> tuple[str, ...]:
        """The variants that run in a container."""
        return tuple(name for name, variant in self.variants.items() if variant.program is None)

    def settings_of(self, variant: str) -> dict[str, SettingDeclaration]:
        """The settings of a variant; of one that is not there, none."""
        found = self.variants.get(variant)
        if found is None:
            return {}
        names = self.settings if found.settings is None else found.settings
        return {name: self.settings[name] for name in names}


def read_declaration(text: bytes, where: str = FILE) -> Declaration:
    """The declaration in `text`; `InputError` with file, line and remedy for whatever is wrong in it."""
    document = read_yaml(text, where)
    check(document.value, "runtime", where, document.line)
    found = typed(Declaration, document.value, where)
    for place, what, remedy in _faults(found):
        raise InputError(f"{where}, line {document.line(place)}: {what}.", remedy)
    return found


Fault = tuple[DocumentPath, str, str]


def _faults(found: Declaration) -> Iterator[Fault]:
    """What no schema can say, each with its place and what to do."""
    for name, setting in found.settings.items():
        for word in (*setting.flags, *setting.environment.values(), *_all_words(setting)):
            yield from _word_faults(("settings", name), word, OF_SETTINGS)
        for what, remedy in _setting_faults(setting):
            yield ("settings", name), what, remedy
    for name, variant in found.variants.items():
        place: DocumentPath = ("variants", name)
        for what, remedy in _variant_faults(found, variant):
            yield place, what, remedy
        for word in (*variant.arguments, *variant.environment.values()):
            yield from _word_faults(place, word, OF_COMMANDS)
    for name in found.reported.settings if found.reported else ():
        if name not in found.settings:
            yield ("reported", "settings", name), f"{name} is no setting", "Declare it under settings."
    if found.in_containers and found.port is None:
        yield ("variants",), "no port for its containers", "Add `port`: where the server listens inside."


def _all_words(setting: SettingDeclaration) -> Iterator[str]:
    for words in setting.flags_by_value.values():
        yield from words


def _setting_faults(setting: SettingDeclaration) -> Iterator[tuple[str, str]]:
    if setting.choices:
        if not setting.optional:
            yield "a setting of words is always optional", "Add `optional: true`."
        if (setting.default, setting.low, setting.high) != (0, 0, 0):
            yield "a setting of words has no range", "Leave out default, low and high."
    elif not setting.low <= setting.default <= setting.high or setting.low == setting.high:
        yield "default, low and high are no range", "Give three whole numbers: low, default, high ascend."
    if setting.flags and setting.flags_by_value:
        yield "both flags and flags_by_value", "Give one of them."
    if not (setting.flags or setting.flags_by_value or setting.environment):
        yield "it changes nothing", "Say how it becomes flags, flags_by_value or environment."
    if setting.flags and not any("${value}" in word for word in setting.flags):
        yield "its flags do not name ${value}", 'Write it where the value belongs: ["--slots", "${value}"].'


def _variant_faults(found: Declaration, variant: VariantDeclaration) -> Iterator[tuple[str, str]]:
    if (variant.program is None) == (variant.image is None):
        yield "neither a program nor an image, or both", "Give `program` and `arguments`, or `image`."
    if variant.program is None and (variant.arguments or variant.environment):
        yield "arguments or environment without a program", "Write them into the service of compose.yaml."
    if variant.program is not None:
        words = " ".join(variant.arguments) + " ".join(variant.environment.values())
        lacking = [name for name in ("model", "port") if f"${{{name}}}" not in words]
        if lacking:
            yield f"nothing names {listed(f'${{{name}}}' for name in lacking)}", "Put it into arguments."
    unknown = [name for name in variant.settings or () if name not in found.settings]
    if unknown:
        yield f"{unknown[0]} is no setting", "Declare it under settings."
    check = variant.device
    if (check.path is None) != (not check.at) or (check.path is None) != (not check.one_of):
        yield "a device check without path, at or one_of", "Give all three, or none."
    if check.kind != "cpu" and check.path is None:
        yield "nothing shows that it computes on that device", "Add path, at and one_of to `device`."


def _word_faults(place: DocumentPath, word: str, names: tuple[str, ...]) -> Iterator[Fault]:
    try:
        parts = parse(word)
    except TemplateError as error:
        yield place, error.what, error.remedy
        return
    for part in parts:
        if isinstance(part, str):
            continue
        if part.name not in names or part.operator:
            known = ", ".join(f"${{{name}}}" for name in names)
            yield place, f"${{{part.name}{part.operator}}} is none of its variables", f"Known here: {known}."
