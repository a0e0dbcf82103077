"""The contract of a runtime, point by point, for whoever writes one: what holds, what does not, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from kit.documents import Entry, Setting
from kit.documents.container import ContainerSpec
from kit.errors import KitError
from kit.runtimes.chosen import explicit, flag_faults, rules_of, setting_faults
from kit.runtimes.launch import NOT_YET, entry_container, entry_process
from kit.runtimes.outside.declared import DeclaredRuntime
from kit.runtimes.programs import HOST
from kit.runtimes.protocol import Capabilities, DeviceEvidence, Json, Runtime, SettingRule

CPUS, PORT, PLACE = 6, 12345, "/weights/of/a/model"
SHAPES: tuple[Json, ...] = (
    None,
    [],
    "x",
    3,
    {},
    {"version": 3},
    {"data": [1]},
    {"data": {}},
    {"models": [None, {}]},
)
_OPEN = re.compile(r"\$\{")
_STRANGE = "--no-flag-of-any-runtime"


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the contract for a variant, or for all; `why` is empty if it holds."""

    what: str
    variant: str
    why: str = ""

    @property
    def holds(self) -> bool:
        return not self.why


Body = Callable[[Runtime, str], Iterator[str]]


def contract(runtime: Runtime) -> Iterator[Point]:
    """Every point, one after the other; a point that raises does not hold."""
    yield _judged("facts of any shape are read without an error", "", runtime, _facts)
    for variant in runtime.VARIANTS:
        process = variant in runtime.PROCESS_VARIANTS
        for what, body in (*_ALWAYS, *(_PROCESSES if process else _CONTAINERS)):
            yield _judged(what, variant, runtime, body)


def _judged(what: str, variant: str, runtime: Runtime, body: Body) -> Point:
    try:
        return Point(what, variant, "; ".join(body(runtime, variant)))
    except KitError as error:
        return Point(what, variant, error.what)
    except Exception as error:  # a module of somebody else may raise anything
        return Point(what, variant, f"{type(error).__name__}: {error}")


# --- any variant ------------------------------------------------------------------------------------------


def _facts(runtime: Runtime, _: str) -> Iterator[str]:
    for facts in SHAPES:
        if runtime.version(facts) is not None:
            yield f"a version is read from {facts!r}"
        if runtime.reported(facts):
            yield f"settings are read from {facts!r}"
    if runtime.counters("nonsense\n\x00{} x\n"):
        yield "counters are read from nonsense"


def _capabilities(runtime: Runtime, variant: str) -> Iterator[str]:
    if not isinstance(runtime.capabilities(variant), Capabilities):
        yield "capabilities are none"


def _settings(runtime: Runtime, variant: str) -> Iterator[str]:
    for name, rule in rules_of(runtime, variant).items():
        if not rule.meaning:
            yield f"{name} has no meaning"
        if not rule.choices and not rule.low <= rule.default <= rule.high:
            yield f"{name} has a default out of its range"
    whole = runtime.explicit(variant, {}, CPUS)
    yield from setting_faults(runtime, variant, whole)
    if whole.get("threads", CPUS) != CPUS:
        yield "threads 0 does not become the number of CPUs"


def _unknown(runtime: Runtime, _: str) -> Iterator[str]:
    if dict(runtime.settings("no such variant")) != dict(runtime.SETTINGS):
        yield "an unknown variant has other settings than all have"


def _told(runtime: Runtime, variant: str) -> Iterator[str]:
    """Every setting changes the command, the environment or what is sent before the first question."""
    usual = _entry(runtime, variant)
    for name, rule in rules_of(runtime, variant).items():
        other = replace(usual, settings={**usual.settings, name: _another(rule, usual.settings.get(name))})
        if _started(runtime, other) == _started(runtime, usual):
            yield f"{name} changes nothing of what is started"


def _disagreements(runtime: Runtime, variant: str) -> Iterator[str]:
    settings = _entry(runtime, variant).settings
    if runtime.disagreements(settings, dict(settings)):
        yield "the planned settings disagree with themselves"


def _device(runtime: Runtime, variant: str) -> Iterator[str]:
    """A GPU is believed by evidence alone; so is a CPU that a server in a container could leave."""
    found = runtime.device(variant, DeviceEvidence("", "", None))
    shown = isinstance(runtime, DeclaredRuntime) and runtime.declared.variants[variant].device.path is None
    if found.ok and not shown and runtime.device_command(variant) is not None:
        yield "the device check passes without evidence"
    if found.ok and not shown and runtime.DEVICE_PATH is not None:
        yield "the device check passes although its page gave nothing"
    if found.ok and not found.device:
        yield "the device has no name"


def _flags(runtime: Runtime, variant: str) -> Iterator[str]:
    """A flag of nobody goes through, one that a setting makes does not."""
    if not runtime.extras(variant).flags:
        return
    entry = _entry(runtime, variant)
    command = _command(runtime, entry)
    free = replace(entry, flags=(_STRANGE, "1"))
    if list(flag_faults(runtime, free, command)) or _command(runtime, free)[-2:] != free.flags:
        yield f"the flag {_STRANGE} does not stand behind the command"
    taken = next((word for word in command if word.startswith("--")), None)
    if taken is not None and not list(flag_faults(runtime, replace(entry, flags=(taken,)), command)):
        yield f"{taken} could be given twice"


# --- processes --------------------------------------------------------------------------------------------


def _process(runtime: Runtime, variant: str) -> Iterator[str]:
    spec = entry_process(_entry(runtime, variant), "cell", PLACE, PORT, runtime)
    words = (*spec.command, *spec.environment.values())
    sent = runtime.preparation(_entry(runtime, variant).settings, NOT_YET)
    if not any(PLACE in word for word in words) and not sent:
        yield "nothing names the model"
    if not any(str(PORT) in word for word in words):
        yield "nothing names the port"
    if not any(HOST in word or "localhost" in word for word in words) and variant != "embedded":
        yield f"nothing keeps it to {HOST}: name ${{host}}"
    if any(_OPEN.search(word) for word in words):
        yield "a variable is not filled in"
    if (spec.port, spec.ready_path) != (PORT, runtime.READY_PATH) or spec.start_budget_s <= 0:
        yield "port, readiness or time limit are not those of the runtime"


# --- containers -------------------------------------------------------------------------------------------


def _container(runtime: Runtime, variant: str) -> Iterator[str]:
    spec = _spec(runtime, variant)
    if spec.port != runtime.CONTAINER_PORT:
        yield f"it listens on {spec.port}, the runtime says {runtime.CONTAINER_PORT}"
    if "any-model" not in " ".join(spec.command) and not runtime.preparation(
        _entry(runtime, variant).settings, NOT_YET
    ):
        yield "nothing names the model: KIT_MODEL_FILE or KIT_MODEL_NAME"
    if not any(mount.read_only and mount.target == "/models" for mount in spec.mounts):
        yield "the volume of the model is not mounted at /models, read-only"
    with_image = entry_container(_entry(runtime, variant), NOT_YET, "kit/other:image", runtime=runtime)
    if with_image.image != "kit/other:image":
        yield "its image is not ${KIT_IMAGE}"


def _isolated(runtime: Runtime, variant: str) -> Iterator[str]:
    spec = _spec(runtime, variant)
    if spec.user in (None, "0", "root", "0:0"):
        yield 'it runs as root: user: "10001:10001"'
    if not spec.read_only:
        yield "it can write to its image: read_only: true"
    if spec.cap_drop != ("ALL",) or spec.cap_add:
        yield 'it has capabilities: cap_drop: ["ALL"], no cap_add'
    if "no-new-privileges:true" not in spec.security_opt:
        yield 'it can gain rights: security_opt: ["no-new-privileges:true"]'
    if not spec.init or not spec.pids_limit or not all(each.size_bytes for each in spec.tmpfs):
        yield "init, pids_limit and a size for each tmpfs are needed"


def _image(runtime: Runtime, variant: str) -> Iterator[str]:
    if isinstance(runtime, DeclaredRuntime) and runtime.declared.variants[variant].image is None:
        yield "it names no image"


_ALWAYS: tuple[tuple[str, Body], ...] = (
    ("says what its API can do", _capabilities),
    ("settings have defaults in their ranges and a meaning", _settings),
    ("an unknown variant has the settings that all have", _unknown),
    ("every setting reaches the server", _told),
    ("planned settings agree with themselves", _disagreements),
    ("the device check needs evidence", _device),
    ("free flags stand behind the command, taken ones are refused", _flags),
)
_PROCESSES: tuple[tuple[str, Body], ...] = (
    ("the process has its model, its port and this machine's address", _process),
)
_CONTAINERS: tuple[tuple[str, Body], ...] = (
    ("the container has its model, its port and its image", _container),
    ("the container is isolated", _isolated),
    ("the image is pinned", _image),
)


# --- what is looked at ------------------------------------------------------------------------------------


def _entry(runtime: Runtime, variant: str) -> Entry:
    entry = Entry("entry", runtime.NAME, variant, {})
    return replace(entry, settings=explicit(runtime, entry, CPUS))


def _another(rule: SettingRule, value: Setting | None) -> Setting:
    """A value that the rule takes, and another than this one."""
    values: tuple[Setting, ...] = rule.choices or (rule.low, rule.high)
    return next(each for each in reversed(values) if each != value)  # the first is often what it is without


def _spec(runtime: Runtime, variant: str) -> ContainerSpec:
    model = replace(NOT_YET, name="any-model", file="any-model")
    return entry_container(_entry(runtime, variant), model, "any", runtime=runtime)


def _command(runtime: Runtime, entry: Entry) -> tuple[str, ...]:
    if entry.variant in runtime.PROCESS_VARIANTS:
        return entry_process(entry, "cell", PLACE, PORT, runtime).command
    spec = entry_container(entry, NOT_YET, "any", runtime=runtime)
    return (*(spec.entrypoint or ()), *spec.command)


def _started(runtime: Runtime, entry: Entry) -> tuple[object, ...]:
    """All that a setting can change."""
    sent = runtime.preparation(entry.settings, NOT_YET)
    if entry.variant in runtime.PROCESS_VARIANTS:
        process = entry_process(entry, "cell", PLACE, PORT, runtime)
        return process.command, dict(process.environment), sent
    spec = entry_container(entry, NOT_YET, "any", runtime=runtime)
    return spec.command, dict(spec.environment), sent
