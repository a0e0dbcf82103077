"""realizar (`apr serve`) in a container; the variant `vulkan` is its wgpu backend.

Endpoints, variables and known faults: the archived repository paiml/realizar 0.8.6 and the issues of
paiml/aprender. Its stream has no usage, its finish reason is always "stop", and some of its backends send a
finished answer as if it were a stream; the kit counts and judges accordingly.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.documents import Setting
from kit.runtimes import nvidia
from kit.runtimes.protocol import (
    DeviceEvidence,
    DeviceFinding,
    ServedModel,
    SettingRule,
)
from kit.runtimes.shared import (
    THREADS,
    THREADS_RULE,
    filled,
    model_variables,
    no_counters,
    nothing_to_prepare,
    only_in_containers,
    text_at,
)
from kit.text import plain_text

NAME = "realizar"
VARIANTS: tuple[str, ...] = ("cpu", "cuda", "vulkan")
PROCESS_VARIANTS: Mapping[str, str] = {}
LOADS_FOLDERS = False
CAN_IGNORE_EOS = False
SETTINGS: Mapping[str, SettingRule] = {
    "context_tokens": SettingRule(4096, 64, 1_000_000, "prompt and answer of one request"),
}
_OWN: Mapping[str, Mapping[str, SettingRule]] = {
    "cpu": {THREADS: THREADS_RULE},
    "cuda": {
        "max_batch": SettingRule(32, 1, 1024, "requests decoded together; more wait in a queue"),
        "iteration_scheduler": SettingRule(1, 0, 1, "1: requests join and leave a running batch"),
        "skip_parity_gate": SettingRule(0, 0, 1, "1 switches off its own check of the GPU against the CPU"),
    },
}
FACTS_PATH = "/health"
SETTINGS_PATH = "/health"
# It counts tokens at /metrics (`realizar_tokens_generated`), but nobody has seen yet whether those of streamed
# answers are among them: until then they are no evidence.
COUNTERS_PATH: str | None = None
DEVICE_PATH: str | None = "/health"
READY_PATH = "/health"  # the socket opens only when the model is loaded
CONTAINER_PORT = 8080
_MODES = {"cpu": ("cpu",), "cuda": ("gpu", "cuda"), "vulkan": ("wgpu",)}


def settings(variant: str) -> Mapping[str, SettingRule]:
    return {**SETTINGS, **_OWN.get(variant, {})}


def explicit(variant: str, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
    """Every setting with its value; `threads` 0 becomes the number of usable CPUs."""
    return filled({**SETTINGS, **_OWN.get(variant, {})}, settings, cpus)


server = only_in_containers


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
    return nvidia.LIST if variant == "cuda" else None


def device(variant: str, evidence: DeviceEvidence) -> DeviceFinding:
    """`compute_mode` of /health: releases without the feature ignore the flag for the GPU and use the CPU."""
    mode = text_at(evidence.facts, "compute_mode")
    if mode is None:
        return DeviceFinding(False, None, "/health does not say its compute_mode")
    if mode.lower() not in _MODES[variant]:
        said = plain_text(mode, 40)
        return DeviceFinding(False, None, f"/health says compute_mode {said}, the variant is {variant}")
    return DeviceFinding(True, plain_text(nvidia.gpu_name(evidence.listing) or mode, 120))


def version(facts: object) -> str | None:
    """`version` of /health, e.g. "0.8.6"."""
    return text_at(facts, "version")


def reported(facts: object) -> dict[str, Setting]:  # noqa: ARG001
    """It tells nothing of its settings."""
    return {}


def disagreements(settings: Mapping[str, Setting], reported: Mapping[str, Setting]) -> tuple[str, ...]:  # noqa: ARG001
    return ()


counters = no_counters
