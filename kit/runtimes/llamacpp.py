"""llama.cpp's `llama-server`: in a container, as a program of this machine, or (`embedded`, CPU only) out of the

wheel `xllamacpp`.

Flags, endpoints and traps: llama.cpp tools/server/README.md. Every setting that the server would otherwise
choose by itself (slots, context, caches) is set, so that the same plan means the same thing on two machines.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import replace

from kit.documents import Setting
from kit.runtimes import programs
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
from kit.runtimes.shared import THREADS, THREADS_RULE, filled, model_variables, nothing_to_prepare, text_at
from kit.text import plain_text

NAME = "llamacpp"
VARIANTS: tuple[str, ...] = ("embedded", "cpu", "vulkan", "cuda", "lavapipe", *programs.VARIANTS)
PROCESS_VARIANTS: Mapping[str, str] = {
    "embedded": "xllamacpp",
    **dict.fromkeys(programs.VARIANTS, programs.NO_MODULE),
}
LOADS_FOLDERS = False
SETTINGS: Mapping[str, SettingRule] = {
    "slots": SettingRule(1, 1, 1024, "requests decoded together; more are queued"),
    "context_tokens_per_slot": SettingRule(640, 64, 1_000_000, "prompt and answer of one request"),
    THREADS: THREADS_RULE,
    "batch_tokens": SettingRule(2048, 1, 65_536, "logical batch"),
    "ubatch_tokens": SettingRule(512, 1, 65_536, "physical batch"),
}
_FLASH = {"flash_attention": SettingRule(1, 0, 1, "flash attention: 1 on, 0 off")}
# The model of 135 million parameters has 31 layers, the largest of the catalogue 65: 99 is all of them.
_LAYERS = {"gpu_layers": SettingRule(99, 1, 999, "layers on the device; 99 is all")}
_OWN: Mapping[str, Mapping[str, SettingRule]] = {
    "cpu": _FLASH,
    "vulkan": {**_FLASH, **_LAYERS},
    "cuda": {**_FLASH, **_LAYERS},
    "lavapipe": {**_FLASH, **_LAYERS},
    programs.PROGRAM: _FLASH,
    programs.PROGRAM_GPU: {**_FLASH, **_LAYERS},
}
# What a plan of sessions adds: the prefix of a slot is kept, and states of slots that others need in memory.
CACHE_SETTINGS: Mapping[str, SettingRule] = {
    "cache_prompt": SettingRule(1, 0, 1, "keep the prompt of a slot for the next request: 1 on, 0 off"),
    "cache_ram_mib": SettingRule(1024, 0, 1_000_000, "memory for prompts that have lost their slot, in MiB"),
}
FACTS_PATH = "/props"
COUNTERS_PATH: str | None = "/metrics"
DEVICE_PATH: str | None = None
READY_PATH = "/health"  # 503 while the model loads
CONTAINER_PORT = 8080
COMPOSE: str | None = None
MODEL_NAME: str | None = None
_KV_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "iq4_nl", "q4_1", "q4_0")
_KV = {"kv_type": one_of_words("type of keys and values in the cache; left out: f16", *_KV_TYPES)}
_SLOTS, _CONTEXT, _CACHES = "use slots", "use context_tokens_per_slot", "the kit switches prompt caches off"
_MODEL, _KV_WORDS, _GPUS = "the model is that of the plan", "use kv_type", "use gpus"
_LOG, _KEYLESS, _KIT = "the device check reads the log", "the kit asks without a key", "the kit sets it"
# What its options are called besides: common/arg.cpp.
_OWNED: Mapping[str, str] = {
    "m": _MODEL, "a": _MODEL, "mu": _MODEL, "model-url": _MODEL, "hf": _MODEL, "hfr": _MODEL, "hf-repo": _MODEL,
    "hff": _MODEL, "hf-file": _MODEL, "c": _CONTEXT, "np": _SLOTS, "cb": _SLOTS, "cont-batching": _SLOTS,
    "b": "use batch_tokens", "ub": "use ubatch_tokens", "t": "use threads",
    "tb": "use threads", "fa": "use flash_attention", "ngl": "use gpu_layers",
    "gpu-layers": "use gpu_layers", "dev": _GPUS, "device": _GPUS, "mg": _GPUS, "main-gpu": _GPUS,
    "ctk": _KV_WORDS, "ctv": _KV_WORDS, "cache-type-k": _KV_WORDS, "cache-type-v": _KV_WORDS, "cram": _CACHES,
    "cache-reuse": _CACHES, "kvu": _SLOTS, "lv": _LOG, "log-verbosity": _LOG,
    "log-disable": _LOG, "v": _LOG, "verbose": _LOG,
    "api-key": _KEYLESS, "api-key-file": _KEYLESS, "webui": _KIT,
    "ui": _KIT, "to": _KIT, "api-prefix": _KIT, "models-dir": _MODEL, "models-preset": _MODEL,
}  # fmt: skip
_ON_GPUS = {"cuda": "CUDA", "vulkan": "Vulkan"}
_COUNTERS = {
    "llamacpp:prompt_tokens_total": "prompt_tokens",
    "llamacpp:tokens_predicted_total": "completion_tokens",
}
# A CUDA image without code for this very GPU compiles for minutes; software Vulkan compiles on few cores.
_START_BUDGETS_S = {"cuda": 600.0, "lavapipe": 600.0, "vulkan": 300.0}
_START_BUDGET_S = 120.0

# "  Vulkan0: llvmpipe (LLVM 19.1.7, 256 bits) (15990 MiB, 15990 MiB free)": a name, and maybe its memory. Line by
# line, and each line once: what an image prints may be a megabyte made to be slow to read.
_DEVICE = re.compile(r"((?:CUDA|Vulkan|ROCm|SYCL|MUSA|CANN|MTL)[0-9]{1,4}): (.+)")
_MEMORY = re.compile(r" \([0-9]{1,12} MiB(?:, [0-9]{1,12} MiB free)?\)\Z")
# Lines of the model loader, with or without stamp and level before them, under its old and its new name:
# "llm_load_tensors: offloaded 29/29 layers to GPU", "0.01.234.567 I load_tensors: offloaded 29/29 layers to GPU".
_OFFLOADED = re.compile(r"load_tensors: offloaded ([0-9]{1,6})/([0-9]{1,6}) layers to GPU")
_BUFFER = re.compile(r"load_tensors:\s{1,60}((?:CUDA|Vulkan|ROCm|SYCL|MUSA|CANN|MTL)[0-9]{1,4}) model buffer size")
_WANTED = {"cuda": "CUDA", "vulkan": "Vulkan", "lavapipe": "Vulkan"}
_SOFTWARE = "llvmpipe"


def capabilities(variant: str) -> Capabilities:  # noqa: ARG001
    return Capabilities(ignore_eos=True)


def settings_path(variant: str) -> str:  # noqa: ARG001
    return "/props"


def settings(variant: str) -> Mapping[str, SettingRule]:
    return {**SETTINGS, **_OWN.get(variant, {})}


def extras(variant: str) -> Extras:
    """The embedded server has no command line: its settings are an argument of the kit's program."""
    if variant == "embedded":
        return Extras(_KV)
    chosen = variant in _ON_GPUS or variant == programs.PROGRAM_GPU
    return Extras(_KV, flags=True, gpus=chosen, owned=_OWNED)


def additions(variant: str, settings: Mapping[str, Setting], gpus: tuple[int, ...]) -> Additions:
    """A server that sees several GPUs must be told to use them; those that it sees are numbered from 0."""
    flags: tuple[str, ...] = ()
    if "kv_type" in settings and variant != "embedded":
        flags += ("--cache-type-k", str(settings["kv_type"]), "--cache-type-v", str(settings["kv_type"]))
    if len(gpus) > 1 and variant in _ON_GPUS:
        flags += ("--device", ",".join(f"{_ON_GPUS[variant]}{index}" for index in range(len(gpus))))
    numbers = ",".join(map(str, gpus))
    if not gpus or variant == "cuda":
        return Additions(flags)
    return Additions(
        flags, programs.only_gpus(numbers) if variant in PROCESS_VARIANTS else {programs.VULKAN: numbers}
    )


def explicit(variant: str, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
    """Every setting with its value; `threads` 0 becomes the number of usable CPUs."""
    return filled({**SETTINGS, **_OWN.get(variant, {})}, settings, cpus)


def server(name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int) -> ServerSpec:
    """`llama-server` of this machine, or a program of the kit that holds the wheel's server in its own process."""
    if variant in programs.VARIANTS:
        spec = programs.llama_server(name, variant, settings, model_path, port, READY_PATH)
        cached = CACHE_SETTINGS.keys() <= settings.keys()
        return replace(spec, command=with_caches(spec.command, settings)) if cached else spec
    if variant != "embedded":
        raise ValueError(f"no process variant {variant!r}")
    arguments = {"model": model_path, "port": port, **settings}
    return ServerSpec(
        name=name,
        command=(sys.executable, "-m", "kit.runtimes.embedded_llamacpp", json.dumps(arguments, sort_keys=True)),
        port=port,
        ready_path=READY_PATH,
        start_budget_s=_START_BUDGET_S,
    )


def start_budget_s(variant: str) -> float:
    return _START_BUDGETS_S.get(variant, _START_BUDGET_S)


def variables(variant: str, settings: Mapping[str, Setting], model: ServedModel) -> dict[str, str]:
    """The context that the server is told is that of all slots together."""
    slots, per_slot = settings["slots"], settings["context_tokens_per_slot"]
    values = {
        **model_variables(model),
        "KIT_SLOTS": str(slots),
        "KIT_CONTEXT": str(int(slots) * int(per_slot)),
        "KIT_THREADS": str(settings[THREADS]),
        "KIT_BATCH": str(settings["batch_tokens"]),
        "KIT_UBATCH": str(settings["ubatch_tokens"]),
        "KIT_FLASH_ATTENTION": "on" if settings["flash_attention"] else "off",
    }
    if "gpu_layers" in _OWN[variant]:
        values["KIT_GPU_LAYERS"] = str(settings["gpu_layers"])
    return values


preparation = nothing_to_prepare  # 200 at READY_PATH means that the model is loaded


def with_caches(command: tuple[str, ...], settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """The command of a server with prompt caches: that of the compose file has them off."""
    keep = "--cache-prompt" if settings["cache_prompt"] else "--no-cache-prompt"
    found = [keep if word == "--no-cache-prompt" else word for word in command]
    found[found.index("--cache-ram") + 1] = str(settings["cache_ram_mib"])
    return tuple(found)


def device_command(variant: str) -> tuple[str, ...] | None:
    return None if variant in PROCESS_VARIANTS else ("/app/llama-server", "--list-devices")


def device(variant: str, evidence: DeviceEvidence) -> DeviceFinding:
    """The device must be listed and the model's layers must lie on it: with neither, the server is as content

    on the CPU. The log says the latter only from verbosity 4 on (the compose file asks for it).
    """
    if variant == programs.PROGRAM_GPU:
        return _on_any_gpu(evidence.log)
    listed = _listed(evidence.listing)
    wanted = _WANTED.get(variant)
    if wanted is None:
        if variant not in PROCESS_VARIANTS and not evidence.listing.strip():
            return DeviceFinding(False, None, "the server did not list the devices it sees")
        return _on_cpu(listed, evidence.log)
    mine = next((words for name, words in listed.items() if name.startswith(wanted)), None)
    if mine is None:
        others = f", only {', '.join(listed)}" if listed else ""
        return DeviceFinding(False, None, f"the server lists no {wanted} device{others}")
    if (variant == "lavapipe") != (_SOFTWARE in mine):
        kind = "software Vulkan" if _SOFTWARE in mine else "a real device"
        return DeviceFinding(False, mine, f"the device is {mine}: that is {kind}, the variant is {variant}")
    if not _layers_offloaded(evidence.log):
        return DeviceFinding(False, mine, f"the log does not say that layers of the model were put on {mine}")
    return DeviceFinding(True, mine)


def _listed(listing: str) -> dict[str, str]:
    """The devices that the server lists, by its own short names."""
    found = (_DEVICE.fullmatch(line.strip()) for line in listing.splitlines())
    return {each[1]: plain_text(_MEMORY.sub("", each[2]), 120) for each in found if each}


def _on_cpu(listed: Mapping[str, str], log: str) -> DeviceFinding:
    # Even with no layer on it, llama.cpp lets a GPU it can see multiply large batches.
    if listed or _layers_offloaded(log):
        return DeviceFinding(False, ", ".join(listed.values()) or None, "a CPU variant sees a GPU or uses one")
    return DeviceFinding(True, "cpu")


def _on_any_gpu(log: str) -> DeviceFinding:
    """A program of this machine may be built for any: the log tells which took the layers."""
    if not _layers_offloaded(log):
        return DeviceFinding(False, None, "the log does not say that layers of the model were put on a GPU")
    found = _BUFFER.search(log)
    return DeviceFinding(True, found[1] if found else "gpu")


def _layers_offloaded(log: str) -> bool:
    return any(int(found[1]) > 0 for found in _OFFLOADED.finditer(log)) or bool(_BUFFER.search(log))


def version(facts: object) -> str | None:
    """`build_info` of /props, e.g. "b11549-abc1234"."""
    return text_at(facts, "build_info")


def reported(facts: object) -> dict[str, Setting]:
    """Slots and context per slot as the server has them."""
    if not isinstance(facts, dict):
        return {}
    values: dict[str, Setting] = {}
    if isinstance(facts.get("total_slots"), int):
        values["slots"] = facts["total_slots"]
    defaults = facts.get("default_generation_settings")
    if isinstance(defaults, dict) and isinstance(defaults.get("n_ctx"), int):
        values["context_tokens_per_slot"] = defaults["n_ctx"]
    return values


def disagreements(settings: Mapping[str, Setting], reported: Mapping[str, Setting]) -> tuple[str, ...]:
    """Slots must be equal; the context per slot may be rounded up, never down."""
    found: list[str] = []
    slots, context = reported.get("slots"), reported.get("context_tokens_per_slot")
    if slots != settings["slots"]:
        found.append(f"the server has {slots} slots, the plan says {settings['slots']}")
    planned = settings["context_tokens_per_slot"]
    if not isinstance(context, int) or not isinstance(planned, int) or context < planned:
        found.append(f"the server has {context} tokens of context per slot, the plan says {planned}")
    return tuple(found)


def counters(text: str) -> dict[str, int]:
    """Token counters of the Prometheus text at /metrics."""
    return totals(text, _COUNTERS)
