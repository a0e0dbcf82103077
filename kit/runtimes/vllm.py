"""vLLM, in a container or as a program of this machine: its OpenAI server.

The model is a folder of safetensors or AWQ weights, not a GGUF file. Endpoints and flags: the vLLM
documentation of `vllm serve`. What would otherwise depend on the machine (slots, context, memory, sampling
defaults of the model) is set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from kit.documents import Setting
from kit.runtimes import nvidia, programs
from kit.runtimes.prometheus import totals
from kit.runtimes.protocol import (
    Additions,
    Capabilities,
    DeviceEvidence,
    DeviceFinding,
    Extras,
    ServedModel,
    ServerSpec,
    SettingRule,
    one_of_words,
)
from kit.runtimes.shared import (
    THREADS,
    THREADS_RULE,
    filled,
    model_variables,
    nothing_to_prepare,
    text_at,
)
from kit.text import plain_text

NAME = "vllm"
VARIANTS: tuple[str, ...] = ("cpu", "cuda", *programs.VARIANTS)
PROCESS_VARIANTS: Mapping[str, str] = dict.fromkeys(programs.VARIANTS, programs.NO_MODULE)
LOADS_FOLDERS = True
SETTINGS: Mapping[str, SettingRule] = {
    "max_num_seqs": SettingRule(128, 1, 4096, "requests decoded together; more are queued"),
    "max_model_len": SettingRule(4096, 64, 1_000_000, "tokens per request, prompt and answer"),
}
_ON_CPU = {
    "kv_gib": SettingRule(1, 1, 1024, "KV cache of all requests, in GiB"),
    THREADS: THREADS_RULE,
}
_ON_GPU = {
    "gpu_memory_percent": SettingRule(90, 1, 100, "fraction of GPU memory to use"),
}
_OWN: Mapping[str, Mapping[str, SettingRule]] = {
    "cpu": _ON_CPU,
    "cuda": _ON_GPU,
    programs.PROGRAM: _ON_CPU,
    programs.PROGRAM_GPU: _ON_GPU,
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
COMPOSE: str | None = None
MODEL_NAME: str | None = None
_KV_TYPES = ("auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2")
_KV = {"kv_type": one_of_words("type of keys and values in the cache; left out: auto", *_KV_TYPES)}
_PARALLEL = {"tensor_parallel": SettingRule(1, 1, 64, "GPUs that share each layer; left out: 1")}
_KEYLESS, _TENSORS, _KIT = "the kit asks without a key", "use tensor_parallel", "the kit sets it"
_MODEL, _PLAN = "the model is that of the plan", "every setting must stand in the plan"
_OWNED: Mapping[str, str] = {
    "tp": _TENSORS, "tensor-parallel-size": _TENSORS, "kv-cache-dtype": "use kv_type",
    "gpu-memory-utilization": "use gpu_memory_percent", "kv-cache-memory-bytes": "use gpu_memory_percent",
    "api-key": _KEYLESS, "ssl-keyfile": _KEYLESS, "ssl-certfile": _KEYLESS, "config": _PLAN,
    "model": _MODEL, "model-tag": _MODEL, "root-path": _KIT, "uds": _KIT, "headless": _KIT,
}  # fmt: skip
_ON_GPUS = ("cuda", programs.PROGRAM_GPU)
_COUNTERS = {
    "vllm:prompt_tokens_total": "prompt_tokens",
    "vllm:generation_tokens_total": "completion_tokens",
    "vllm:prefix_cache_hits_total": "prefix_cache_hits",
}
_DTYPES = {"cpu": "bfloat16", "cuda": "auto"}
_DEVICES = {programs.PROGRAM: "cpu", programs.PROGRAM_GPU: "cuda"}  # of the others: as they are called
# "Initializing a V1 LLM engine (v0.17.1) with config: model=..., device_config=cuda, ..."
_DEVICE = re.compile(r"\bdevice_config=(\w{1,60})")


def capabilities(variant: str) -> Capabilities:  # noqa: ARG001
    return Capabilities(ignore_eos=True)


def settings_path(variant: str) -> str:  # noqa: ARG001
    return "/v1/models"


def settings(variant: str) -> Mapping[str, SettingRule]:
    return {**SETTINGS, **_OWN.get(variant, {})}


def extras(variant: str) -> Extras:
    on_gpus = variant in _ON_GPUS
    return Extras({**_KV, **(_PARALLEL if on_gpus else {})}, flags=True, gpus=on_gpus, owned=_OWNED)


def additions(variant: str, settings: Mapping[str, Setting], gpus: tuple[int, ...]) -> Additions:
    flags: tuple[str, ...] = ()
    if "kv_type" in settings:
        flags += ("--kv-cache-dtype", str(settings["kv_type"]))
    if "tensor_parallel" in settings:
        flags += ("--tensor-parallel-size", str(settings["tensor_parallel"]))
    seen = gpus and variant in PROCESS_VARIANTS
    return Additions(flags, programs.only_gpus(",".join(map(str, gpus))) if seen else {})


def explicit(variant: str, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
    """Every setting with its value; `threads` 0 becomes the number of usable CPUs."""
    return filled({**SETTINGS, **_OWN.get(variant, {})}, settings, cpus)


def server(name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int) -> ServerSpec:
    """`vllm serve` of this machine."""
    if variant not in programs.VARIANTS:
        raise ValueError(f"no process variant {variant!r}")
    spec = programs.vllm_serve(name, variant, settings, model_path, port, READY_PATH)
    cached = CACHE_SETTINGS.keys() <= settings.keys()
    return replace(spec, command=with_caches(spec.command, settings)) if cached else spec


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
    wanted = _DEVICES.get(variant, variant)
    if not said:
        return DeviceFinding(False, None, "the log does not say on which device it computes (device_config=)")
    if said != {wanted}:
        return DeviceFinding(
            False, None, f"the log says it computes on {', '.join(sorted(said))}, not on {wanted}"
        )
    return DeviceFinding(True, plain_text(nvidia.gpu_name(evidence.listing) or wanted, 120))


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
