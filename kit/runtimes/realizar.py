"""realizar (`apr serve`), in a container or as a program of this machine.

The variants `vulkan` and `lavapipe` are its wgpu backend. Read in the crates apr-cli and aprender-serve 0.72.3,
and run: on the CPU and on software Vulkan. The wgpu backend is a server of its own with few endpoints; it reads
the last message of a chat only and says "stop" at the token limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kit.documents import Setting
from kit.runtimes import nvidia, programs
from kit.runtimes.protocol import (
    Capabilities,
    DeviceEvidence,
    DeviceFinding,
    Extras,
    ServedModel,
    ServerSpec,
    SettingRule,
)
from kit.runtimes.shared import (
    THREADS,
    THREADS_RULE,
    filled,
    model_variables,
    no_additions,
    no_counters,
    nothing_to_prepare,
    text_at,
)
from kit.text import plain_text

NAME = "realizar"
VARIANTS: tuple[str, ...] = ("cpu", "cuda", "vulkan", "lavapipe", programs.PROGRAM)
PROCESS_VARIANTS: Mapping[str, str] = {programs.PROGRAM: programs.NO_MODULE}
LOADS_FOLDERS = False
SETTINGS: Mapping[str, SettingRule] = {
    "context_tokens": SettingRule(4096, 64, 1_000_000, "prompt and answer of one request"),
}
_OWN: Mapping[str, Mapping[str, SettingRule]] = {
    "cpu": {THREADS: THREADS_RULE},
    programs.PROGRAM: {THREADS: THREADS_RULE},
    "cuda": {
        "max_batch": SettingRule(32, 1, 1024, "requests decoded together; more are queued"),
        "iteration_scheduler": SettingRule(1, 0, 1, "1: requests join and leave a running batch"),
        "skip_parity_gate": SettingRule(0, 0, 1, "1 switches off its own check of the GPU against the CPU"),
    },
}
FACTS_PATH = "/health"
# It counts tokens at /metrics (`realizar_tokens_generated`), but nobody has seen yet whether those of streamed
# answers are among them: until then they are no evidence.
COUNTERS_PATH: str | None = None
DEVICE_PATH: str | None = "/health"
READY_PATH = "/health"  # 503 until the model is loaded
CONTAINER_PORT = 8080
COMPOSE: str | None = None
MODEL_NAME: str | None = None
_MODES = {
    "cpu": ("cpu",),
    "cuda": ("gpu", "cuda"),
    "vulkan": ("wgpu",),
    "lavapipe": ("wgpu",),
    programs.PROGRAM: ("cpu",),
}
_DEVICES = ("/usr/local/bin/apr", "devices")
_WGPU = re.compile(r"^backend: wgpu +(.{1,300})$", re.MULTILINE)
_SOFTWARE = re.compile(r"software rasteriser \(([^()\n]{1,80}(?:\([^()\n]{1,60}\))?)\)")
_VARIANT = "the variant decides it"
_OWNED: Mapping[str, str] = {
    "gpu": _VARIANT, "gpu-layers": _VARIANT, "backend": _VARIANT, "skip-parity": "use skip_parity_gate",
}  # fmt: skip
_WGPU_CANNOT = Capabilities(ignore_eos=False, system_message=False)


def capabilities(variant: str) -> Capabilities:
    return _WGPU_CANNOT if "wgpu" in _MODES[variant] else Capabilities(ignore_eos=True)


def settings_path(variant: str) -> str:
    return "/health" if "wgpu" in _MODES[variant] else "/v1/effective-config"


def settings(variant: str) -> Mapping[str, SettingRule]:
    return {**SETTINGS, **_OWN.get(variant, {})}


def extras(variant: str) -> Extras:
    """Free flags; its cuda back end takes the GPUs that it sees."""
    return Extras(flags=True, gpus=variant == "cuda", owned=_OWNED)


additions = no_additions


def explicit(variant: str, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
    """Every setting with its value; `threads` 0 becomes the number of usable CPUs."""
    return filled({**SETTINGS, **_OWN.get(variant, {})}, settings, cpus)


def server(name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int) -> ServerSpec:
    """`apr serve run` of this machine."""
    if variant != programs.PROGRAM:
        raise ValueError(f"no process variant {variant!r}")
    return programs.apr_serve(name, settings, model_path, port, READY_PATH)


def start_budget_s(variant: str) -> float:  # noqa: ARG001
    return 300.0


def variables(variant: str, settings: Mapping[str, Setting], model: ServedModel) -> dict[str, str]:
    values = {**model_variables(model), "KIT_CONTEXT_PER_SLOT": str(settings["context_tokens"])}
    if variant == "cpu":
        values["KIT_THREADS"] = str(settings[THREADS])
    if variant == "cuda":
        values["KIT_MAX_BATCH"] = str(settings["max_batch"])
        values["KIT_ITERATION_SCHEDULER"] = str(settings["iteration_scheduler"])
        # Empty, not "0": newer versions call every answer invalid as soon as the variable holds anything.
        values["KIT_SKIP_PARITY_GATE"] = "1" if settings["skip_parity_gate"] else ""
    return values


preparation = nothing_to_prepare  # 200 at READY_PATH means that the model is loaded


def device_command(variant: str) -> tuple[str, ...] | None:
    return nvidia.LIST if variant == "cuda" else _DEVICES if "wgpu" in _MODES[variant] else None


def device(variant: str, evidence: DeviceEvidence) -> DeviceFinding:
    """`compute_mode` of /health: releases without the feature ignore the flag for the GPU and use the CPU.

    For wgpu `apr devices` says whether its device is software, which its makers refuse, and so does `vulkan`.
    """
    mode = text_at(evidence.facts, "compute_mode")
    if mode is None:
        return DeviceFinding(False, None, "/health does not say its compute_mode")
    if mode.lower() not in _MODES[variant]:
        said = plain_text(mode, 40)
        return DeviceFinding(False, None, f"/health says compute_mode {said}, the variant is {variant}")
    if "wgpu" in _MODES[variant]:
        return _wgpu_device(variant, evidence.listing)
    return DeviceFinding(True, plain_text(nvidia.gpu_name(evidence.listing) or mode, 120))


def _wgpu_device(variant: str, listing: str) -> DeviceFinding:
    line = _WGPU.search(listing)
    if line is None:
        return DeviceFinding(False, None, "`apr devices` does not list wgpu")
    software = _SOFTWARE.search(line[1])
    name = plain_text(software[1] if software else line[1].removeprefix("ready").strip(), 120)
    if (variant == "lavapipe") != bool(software):
        kind = "software Vulkan" if software else "not software Vulkan"
        words = f"`apr devices` reports {name}: that is {kind}, the variant is {variant}"
        return DeviceFinding(False, name, words)
    if not software and not line[1].startswith("ready"):
        return DeviceFinding(False, name, f"`apr devices` does not report wgpu as ready: {name}")
    return DeviceFinding(True, name)


def version(facts: object) -> str | None:
    """`version` of /health, e.g. "0.72.3"."""
    return text_at(facts, "version")


def reported(facts: object) -> dict[str, Setting]:
    """The context, and whether the check of the GPU against the CPU was run: /v1/effective-config.

    Format: crates aprender-serve 0.72.3, src/api/effective_config.rs, schema_version 1.
    """
    config = facts if isinstance(facts, dict) else {}
    model, parity = config.get("model"), config.get("parity")
    values: dict[str, Setting] = {}
    context = model.get("context_length") if isinstance(model, dict) else None
    if type(context) is int:
        values["context_tokens"] = context
    status = text_at(parity, "status")
    if status in ("PASS", "skipped"):
        values["skip_parity_gate"] = int(status == "skipped")
    return values


def disagreements(settings: Mapping[str, Setting], reported: Mapping[str, Setting]) -> tuple[str, ...]:
    """A shorter context than planned; on CUDA, a check that was skipped against the plan. Silence is believed."""
    found: list[str] = []
    context, planned = reported.get("context_tokens"), settings["context_tokens"]
    if isinstance(context, int) and isinstance(planned, int) and context < planned:
        found.append(f"the server has {context} tokens of context for a request, the plan says {planned}")
    if settings.get("skip_parity_gate") == 0 and reported.get("skip_parity_gate") == 1:
        found.append("the server skipped its GPU/CPU parity check")
    return tuple(found)


counters = no_counters
