"""How an accelerator comes into a container: which ways to try with an engine, and what each trial has shown.

Pure: an engine's `info` and `version` answers and the output of a trial container go in, a decision or an error
with its remedy comes out. `kit.engines.docker.accelerators` asks and tries. See docs/passthrough.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kit.documents.container import Accelerator, ContainerSpec, PassthroughMethod
from kit.errors import EngineError, InternalError
from kit.text import plain_text

# CDI came with Engine 25; podman's Docker API carries out CDI requests since 5.4.0 and ignored all before.
FIRST_CDI_API = (1, 44)
FIRST_CDI_PODMAN = (5, 4, 0)
ALL_NVIDIA = "nvidia.com/gpu=all"
NVIDIA_PREFIX = "nvidia.com/gpu="
CDI_COMMAND = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
KFD, DRI = "/dev/kfd", "/dev/dri"
# Without "graphics" the toolkit leaves NVIDIA's Vulkan driver out of the container.
GRAPHICS = {"NVIDIA_DRIVER_CAPABILITIES": "graphics,compute,utility"}
# Groups that images do not know by name; their numbers come from the device files themselves.
DEVICE_GROUPS = frozenset({"render", "video"})

# What a trial container runs: the environment as the engine made it, and the device files with their groups.
MARK = "kit-env "
SCRIPT = (
    f"tr '\\0' '\\n' < /proc/$$/environ | sed 's/^/{MARK}/'; "
    "for f in /dev/kfd /dev/dri/renderD* /dev/nvidia* /dev/dxg; do "
    '[ -c "$f" ] && stat -c "kit-device %n %g %a" "$f"; done; true'
)
# Images made for NVIDIA set NVIDIA_VISIBLE_DEVICES themselves; in a trial it is this unless the engine acts.
UNTOUCHED = {"NVIDIA_VISIBLE_DEVICES": "none"}

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Engine:
    """What an engine's answers say about passthrough; `podman` is None for Docker.

    `cdi_devices` None: the engine does not list them, though it may know some if `cdi` is true.
    """

    api: tuple[int, ...]
    podman: tuple[int, ...] | None
    cdi: bool
    cdi_devices: tuple[str, ...] | None
    nvidia_runtime: bool


@dataclass(frozen=True, slots=True)
class Passthrough:
    """A way for an accelerator into containers of one engine, and in one sentence how it was found.

    `request` holds arguments of docker-py's host configuration: `device_requests` (plain dicts) and `devices`.
    `environment` is to be added to the container's own, `groups` are numbers of the groups that own the devices.
    """

    path: PassthroughMethod
    how: str
    request: Mapping[str, list[Any]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


NONE = Passthrough("none", "No accelerator was asked for.")


# --- what the engine says -------------------------------------------------------------------------------


def engine_of(version: Answer, info: Answer) -> Engine:
    """The facts about passthrough in an engine's `version()` and `info()`, whatever else they hold."""
    podman = next((part for part in _list(version, "Components") if _get(part, "Name") == "Podman Engine"), None)
    listed = _get(info, "DiscoveredDevices")
    devices = [str(_get(device, "ID")) for device in listed] if isinstance(listed, list) else None
    return Engine(
        api=_numbers(_get(version, "ApiVersion")),
        podman=_numbers(_get(podman, "Version")) if podman else None,
        cdi=bool(_list(info, "CDISpecDirs")),
        cdi_devices=None if devices is None else tuple(devices),
        nvidia_runtime=_get(_get(info, "Runtimes"), "nvidia") is not None,
    )


def _get(answer: object, key: str) -> Any:
    return answer.get(key) if isinstance(answer, Mapping) else None


def _list(answer: object, key: str) -> list[Any]:
    value = _get(answer, key)
    return value if isinstance(value, list) else []


def _numbers(version: object) -> tuple[int, ...]:
    """(5, 4, 2) of "5.4.2-rc1"; empty, and so older than everything, if there are none."""
    match = re.match(r"v?([0-9]{1,9}(?:\.[0-9]{1,9})*)", str(version or ""))
    return tuple(map(int, match[1].split("."))) if match else ()


# --- what to try ----------------------------------------------------------------------------------------


def ways(accelerator: Accelerator, engine: Engine) -> tuple[Passthrough, ...]:
    """The ways worth a trial, best first; their `how` says why. Empty only for `none`.

    `EngineError` where the engine is known to ignore the request in silence.
    """
    if accelerator == "none":
        return ()
    if accelerator == "rocm":
        return (Passthrough("rocm", "AMD's device files exist", {"devices": _as_they_are(KFD, DRI)}),)
    nvidia = _nvidia_ways(engine)
    if accelerator == "nvidia":
        if not nvidia:
            raise _old_podman(engine)
        return nvidia
    graphics = tuple(replace(way, environment=GRAPHICS) for way in nvidia)
    return (*graphics, Passthrough("dri", "the render devices exist", {"devices": _as_they_are(DRI)}))


def _as_they_are(*devices: str) -> list[str]:
    return [f"{device}:{device}:rwm" for device in devices]


def _nvidia_ways(engine: Engine) -> tuple[Passthrough, ...]:
    if engine.podman is not None:
        # Anything but a CDI request podman accepts and forgets.
        return (_cdi(engine, "podman knows CDI"),) if engine.podman >= FIRST_CDI_PODMAN else ()
    found = []
    ours = [device for device in engine.cdi_devices or () if device.startswith(NVIDIA_PREFIX)]
    if ours:
        found.append(_cdi(engine, f"the engine lists {plain_text(_chosen(ours)[0])}"))
    elif engine.cdi and engine.cdi_devices is None and engine.api >= FIRST_CDI_API:
        found.append(_cdi(engine, "the engine reads CDI descriptions"))
    why = "the engine has the nvidia runtime" if engine.nvidia_runtime else "the engine has NVIDIA's hook"
    # The driver is named: some engines give a request for any GPU to another vendor's.
    request = {"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]}
    return (*found, Passthrough("nvidia-classic", why, {"device_requests": [request]}))


def _cdi(engine: Engine, why: str) -> Passthrough:
    devices = _chosen(engine.cdi_devices or ())
    return Passthrough("nvidia-cdi", why, {"device_requests": [{"driver": "cdi", "device_ids": devices}]})


def _chosen(devices: Sequence[str]) -> list[str]:
    """The name that stands for all GPUs, or each of those that are listed without it."""
    ours = sorted(device for device in devices if device.startswith(NVIDIA_PREFIX))
    return [ALL_NVIDIA] if not ours or ALL_NVIDIA in ours else ours


def _old_podman(engine: Engine) -> EngineError:
    version = ".".join(map(str, engine.podman or ())) or "of an unknown version"
    return EngineError(
        f"This engine is podman {version}, whose Docker API ignores requests for GPUs: the server would run on "
        "the CPU.",
        f"Use podman 5.4 or newer with a CDI description ({CDI_COMMAND}), or Docker. Or start the server by hand "
        f"(podman run --device {ALL_NVIDIA} -p 127.0.0.1:8080:8080 IMAGE) and measure it with: "
        "kit load --url http://127.0.0.1:8080",
    )


# --- what a trial has shown -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a trial container: the engine's refusal in its own words, or None and what was printed."""

    refusal: str | None
    output: str = ""


def passthrough_of_trial(way: Passthrough, trial: Trial) -> Passthrough | str:
    """The way with what was learned about it, or why it is none, in words without a full stop."""
    if trial.refusal is not None:
        return plain_text(trial.refusal, 300)
    devices = _devices(trial.output)
    if way.path == "nvidia-classic":
        if not _engine_acted(trial.output) and not any(_is_nvidia(name) for name in devices):
            return "the engine accepted the request but provided no device"
        return _found(way, devices)
    needed = {"rocm": (KFD, f"{DRI}/render"), "dri": (f"{DRI}/render",)}.get(way.path, ())
    missing = [start for start in needed if not any(name.startswith(start) for name in devices)]
    if missing:
        return f"inside a container there is no {missing[0]}{'*' * missing[0].startswith(DRI)}"
    groups = {group for group, mode in devices.values() if needed and not _for_everybody(mode)}
    return replace(_found(way, devices), groups=tuple(sorted(groups, key=int)))


def _found(way: Passthrough, devices: Mapping[str, tuple[str, str]]) -> Passthrough:
    seen = f"inside there are {', '.join(devices)}" if devices else "no device file inside"
    return replace(way, how=f"{way.path}: {way.how}; a trial container started, {seen}.")


def _devices(output: str) -> dict[str, tuple[str, str]]:
    """Device file -> (group, mode) as a trial printed them."""
    found = re.findall(r"^kit-device (/dev/[\w./-]{1,60}) ([0-9]{1,10}) ([0-7]{1,4})$", output, re.MULTILINE)
    return {name: (group, mode) for name, group, mode in found}


def _engine_acted(output: str) -> bool:
    values = re.findall(rf"^{MARK}NVIDIA_VISIBLE_DEVICES=(.*)$", output, re.MULTILINE)
    return any(value != UNTOUCHED["NVIDIA_VISIBLE_DEVICES"] for value in values)


def _is_nvidia(name: str) -> bool:
    return name.startswith("/dev/nvidia") or name == "/dev/dxg"


def _for_everybody(mode: str) -> bool:
    return int(mode, 8) & 0o6 == 0o6


def impossible(accelerator: Accelerator, refusals: Mapping[PassthroughMethod, str]) -> EngineError:
    """The error when no way is left: what was tried, why each was refused, and what to install."""
    tried = "; ".join(f"{path}: {words}" for path, words in refusals.items())
    said = " ".join(refusals.values()).lower()
    return EngineError(f"Containers cannot access {_NAMES[accelerator]}: {tried}.", _remedy(accelerator, said))


_NAMES: Mapping[Accelerator, str] = {"nvidia": "an NVIDIA GPU", "rocm": "an AMD GPU", "vulkan": "a Vulkan device"}
_TOOLKIT = (
    "On the engine's machine install nvidia-container-toolkit and restart the engine "
    f"(sudo systemctl restart docker), or describe the GPUs for CDI: {CDI_COMMAND}. "
    "Check: docker run --rm --gpus all ubuntu nvidia-smi -L"
)
_DRIVER = (
    "NVIDIA's driver does not answer on the engine's machine: check nvidia-smi there; install the driver, or "
    "reboot after an update of it."
)
_CDI_FILE = f"Describe the GPUs for CDI on the engine's machine: {CDI_COMMAND} (package nvidia-container-toolkit)."


def _remedy(accelerator: Accelerator, said: str) -> str:
    if accelerator == "rocm":
        return (
            "The engine's machine needs an AMD GPU with the amdgpu driver: check ls -l /dev/kfd /dev/dri there. "
            "In a virtual machine the GPU must be passed through to it first."
        )
    if accelerator == "vulkan":
        return (
            "The engine's machine needs a GPU driver (amdgpu, i915, xe, or NVIDIA's with "
            "nvidia-container-toolkit): check ls -l /dev/dri there. To try Vulkan without a GPU use the variant "
            "lavapipe."
        )
    if any(word in said for word in ("nvml", "nvidia-container-cli", "driver not loaded", "libcuda")):
        return _DRIVER
    if "unresolvable cdi" in said and "could not select device driver" not in said:
        return _CDI_FILE
    return _TOOLKIT


# --- for the container that counts ----------------------------------------------------------------------


def host_config_of(passthrough: Passthrough, spec: ContainerSpec) -> dict[str, Any]:
    """Arguments for docker-py that bring the accelerator into the container of `spec`.

    `device_requests`, `devices` and `group_add` are complete, with what `spec` asks for beside the accelerator;
    `environment` holds only what is to be added to the spec's own. A spec that asks for an accelerator and a
    passthrough that has none (or the other way round) is an `InternalError`: it would run on the CPU in silence.
    """
    if (spec.accelerator == "none") is not (passthrough.path == "none"):
        raise InternalError(f"{spec.service} asks for {spec.accelerator}, but passthrough is {passthrough.path}.")
    # A name that the image does not know keeps the container from starting, and devices open to all need none.
    named = [group for group in spec.group_add if group not in DEVICE_GROUPS]
    environment = {key: value for key, value in passthrough.environment.items() if key not in spec.environment}
    return {
        "device_requests": [_narrowed(each, spec.gpus) for each in passthrough.request.get("device_requests", [])],
        "devices": [*passthrough.request.get("devices", []), *spec.devices],
        "group_add": list(dict.fromkeys([*named, *passthrough.groups])),
        "environment": environment,
    }


def _narrowed(request: Mapping[str, Any], gpus: tuple[int, ...]) -> dict[str, Any]:
    """A request for all GPUs as one for those with these numbers; none is all."""
    if not gpus:
        return dict(request)
    prefix = NVIDIA_PREFIX if request.get("driver") == "cdi" else ""
    kept = {key: value for key, value in request.items() if key not in ("count", "device_ids")}
    return {**kept, "device_ids": [f"{prefix}{number}" for number in gpus]}
