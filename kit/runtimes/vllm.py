"""vLLM in a container: its OpenAI server. The model is a folder of safetensors or AWQ weights, not a GGUF file.

Endpoints and flags: the vLLM documentation of `vllm serve`. What would otherwise depend on the machine (slots,
context, memory, sampling defaults of the model) is set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kit.documents import Setting
from kit.runtimes import nvidia
from kit.runtimes.prometheus import totals
from kit.runtimes.protocol import (
    Capabilities,
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
    nothing_to_prepare,
    only_in_containers,
    text_at,
)
from kit.text import plain_text

NAME = "vllm"
VARIANTS: tuple[str, ...] = ("cpu", "cuda")
PROCESS_VARIANTS: Mapping[str, str] = {}
LOADS_FOLDERS = True
SETTINGS: Mapping[str, SettingRule] = {
    "max_num_seqs": SettingRule(128, 1, 4096, "requests decoded together; more are queued"),
    "max_model_len": SettingRule(4096, 64, 1_000_000, "tokens per request, prompt and answer"),
}
_OWN: Mapping[str, Mapping[str, SettingRule]] = {
    "cpu": {
        "kv_gib": SettingRule(1, 1, 1024, "KV cache of all requests, in GiB"),
        THREADS: THREADS_RULE,
    },
    "cuda": {
        "gpu_memory_percent": SettingRule(90, 1, 100, "fraction of GPU memory to use"),
    },
}
# What a plan of sessions adds.
CACHE_SETTINGS: Mapping[str, SettingRule] = {
    "prefix_caching": SettingRule(1, 0, 1, "keep blocks of prompts for later requests: 1 on, 0 off"),
}
FACTS_PATH = "/version"
COUNTERS_PATH: str | None = "/metrics"
DEVICE_PATH: str | None = None
READY_PATH = "/health"  # refused until the model is loaded and its graphs are captured; then 200 without a body
CONTAINER_PORT = 8000
_COUNTERS = {
    "vllm:prompt_tokens_total": "prompt_tokens",
    "vllm:generation_tokens_total": "completion_tokens",
    "vllm:prefix_cache_hits_total": "prefix_cache_hits",
}
_DTYPES = {"cpu": "bfloat16", "cuda": "auto"}
# "Initializing a V1 LLM engine (v0.17.1) with config: model=..., device_config=cuda, ..."
_DEVICE = re.compile(r"\bdevice_config=(\w{1,60})")


def capabilities(variant: str) -> Capabilities:  # noqa: ARG001
    return Capabilities(ignore_eos=True)


def settings_path(variant: str) -> str:  # noqa: ARG001
    return "/v1/models"


def settings(variant: str) -> Mapping[str, SettingRule]:
    return {**SETTINGS, **_OWN.get(variant, {})}


def explicit(variant: str, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
    """Every setting with its value; `threads` 0 becomes the number of usable CPUs."""
    return filled({**SETTINGS, **_OWN.get(variant, {})}, settings, cpus)


server = only_in_containers


def start_budget_s(variant: str) -> float:  # noqa: ARG001
    """It loads, compiles and captures graphs: minutes where no cache of an earlier start is there."""
    return 900.0


def variables(variant: str, settings: Mapping[str, Setting], model: ServedModel) -> dict[str, str]:
    values = {
        **model_variables(model),
        "KIT_MAX_NUM_SEQS": str(settings["max_num_seqs"]),
        "KIT_MAX_MODEL_LEN": str(settings["max_model_len"]),
        "KIT_DTYPE": _DTYPES[variant],
    }
    if variant == "cuda":
        percent = int(settings["gpu_memory_percent"])
        return {**values, "KIT_GPU_MEMORY_PERCENT": f"{percent // 100}.{percent % 100:02d}"}
    return {**values, "KIT_KV_GIB": str(settings["kv_gib"]), "KIT_THREADS": str(settings[THREADS])}


preparation = nothing_to_prepare  # 200 at READY_PATH means that the model is loaded


def with_caches(command: tuple[str, ...], settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """The command of a server with a prefix cache: that of the compose file has it off."""
    keep = "--enable-prefix-caching" if settings["prefix_caching"] else "--no-enable-prefix-caching"
    return tuple(keep if word == "--no-enable-prefix-caching" else word for word in command)


def device_command(variant: str) -> tuple[str, ...] | None:
    return nvidia.LIST if variant == "cuda" else None


def device(variant: str, evidence: DeviceEvidence) -> DeviceFinding:
    """Its start-up line names the device; a CUDA build without a GPU does not start at all."""
    said = {found[1].lower() for found in _DEVICE.finditer(evidence.log)}
    if not said:
        return DeviceFinding(False, None, "the log does not say on which device it computes (device_config=)")
    if said != {variant}:
        return DeviceFinding(
            False, None, f"the log says it computes on {', '.join(sorted(said))}, not on {variant}"
        )
    return DeviceFinding(True, plain_text(nvidia.gpu_name(evidence.listing) or variant, 120))


def version(facts: object) -> str | None:
    """`version` of /version, e.g. "0.17.1"."""
    return text_at(facts, "version")


def reported(facts: object) -> dict[str, Setting]:
    """`max_model_len` of the first model of /v1/models; it does not tell its slots."""
    rows = facts.get("data") if isinstance(facts, dict) else None
    first = rows[0] if isinstance(rows, list) and rows else None
    length = first.get("max_model_len") if isinstance(first, dict) else None
    return {"max_model_len": length} if type(length) is int else {}


def disagreements(settings: Mapping[str, Setting], reported: Mapping[str, Setting]) -> tuple[str, ...]:
    """The length of a request must be the planned one."""
    length, planned = reported.get("max_model_len"), settings["max_model_len"]
    if length != planned:
        return (f"the server takes {length} tokens for a request, the plan says {planned}",)
    return ()


def counters(text: str) -> dict[str, int]:
    """Token counters of the Prometheus text at /metrics; `prefix_cache_hits` are tokens it did not compute."""
    return totals(text, _COUNTERS)
