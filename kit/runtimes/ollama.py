"""Ollama, in a container or as a program of this machine.

From 0.30.0 on it wraps llama.cpp's server; before, it has llama.cpp compiled in. Endpoints and traps: ollama
docs/api and docs/faq. It has no way to take a file that lies beside it over HTTP, so the very weights of the
plan are uploaded as a blob and made into a model of our own name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kit.documents import Setting
from kit.runtimes import nvidia, programs
from kit.runtimes.chat_templates import go_template
from kit.runtimes.protocol import (
    Additions,
    Capabilities,
    DeviceEvidence,
    DeviceFinding,
    Extras,
    Post,
    ServedModel,
    ServerSpec,
    SettingRule,
    Step,
    Upload,
    one_of_words,
)
from kit.runtimes.shared import (
    THREADS,
    THREADS_RULE,
    filled,
    model_variables,
    no_counters,
    text_at,
)
from kit.text import plain_text

NAME = "ollama"
VARIANTS: tuple[str, ...] = ("cpu", "cuda", "vulkan", *programs.VARIANTS)
PROCESS_VARIANTS: Mapping[str, str] = dict.fromkeys(programs.VARIANTS, programs.NO_MODULE)
LOADS_FOLDERS = False
SETTINGS: Mapping[str, SettingRule] = {
    "num_parallel": SettingRule(1, 1, 1024, "requests decoded together; 1 is Ollama's own default"),
    "context_tokens": SettingRule(4096, 64, 1_000_000, "prompt and answer of one request"),
    "flash_attention": SettingRule(1, 0, 1, "flash attention: 1 on, 0 off"),
}
_OWN: Mapping[str, Mapping[str, SettingRule]] = {
    "cpu": {THREADS: THREADS_RULE},
    programs.PROGRAM: {THREADS: THREADS_RULE},
}
FACTS_PATH = "/api/version"
COUNTERS_PATH: str | None = None
DEVICE_PATH: str | None = "/api/ps"
READY_PATH = "/api/version"  # there is no /health; a model is loaded only by `preparation`
CONTAINER_PORT = 11434
COMPOSE: str | None = None
MODEL_NAME: str | None = None
_KV = {"kv_type": one_of_words("type of keys and values in the cache; left out: f16", "f16", "q8_0", "q4_0")}
_ON_GPUS = ("cuda", "vulkan", programs.PROGRAM_GPU)

UPLOAD_TIMEOUT_S = 1800.0
CREATE_TIMEOUT_S = 600.0
LOAD_TIMEOUT_S = 900.0

# What follows on the line that tells what it computes with. Newer versions name the card in `description`, older
# ones in `name`; either may stand without quotes.
_COMPUTE = 'msg="inference compute"'
_LIBRARY = re.compile(r" library=(\w{1,60})")
_CARD = re.compile(r' (?:description|name)="([^"]{1,300})"')
_WANTED = {"cuda": "cuda", "vulkan": "vulkan"}


def capabilities(variant: str) -> Capabilities:  # noqa: ARG001
    return Capabilities(ignore_eos=False)


def settings_path(variant: str) -> str:  # noqa: ARG001
    return "/api/ps"


def settings(variant: str) -> Mapping[str, SettingRule]:
    return {**SETTINGS, **_OWN.get(variant, {})}


def extras(variant: str) -> Extras:
    """`ollama serve` takes no flags: what it can be told stands in its environment."""
    return Extras(_KV, gpus=variant in _ON_GPUS)


def additions(variant: str, settings: Mapping[str, Setting], gpus: tuple[int, ...]) -> Additions:
    """Over several GPUs it spreads a model only if it must, or is told to."""
    environment = {"OLLAMA_KV_CACHE_TYPE": str(settings["kv_type"])} if "kv_type" in settings else {}
    if len(gpus) > 1:
        environment["OLLAMA_SCHED_SPREAD"] = "1"
    numbers = ",".join(map(str, gpus))
    if gpus and variant in PROCESS_VARIANTS:
        environment |= programs.only_gpus(numbers)
    elif gpus and variant == "vulkan":
        environment[programs.VULKAN] = numbers
    return Additions(environment=environment)


def explicit(variant: str, settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
    """Every setting with its value; `threads` 0 becomes the number of usable CPUs."""
    return filled({**SETTINGS, **_OWN.get(variant, {})}, settings, cpus)


def server(name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int) -> ServerSpec:
    """`ollama serve` of this machine; it is given its model by `preparation`."""
    del model_path
    if variant not in programs.VARIANTS:
        raise ValueError(f"no process variant {variant!r}")
    return programs.ollama_serve(name, variant, settings, port, READY_PATH)


def start_budget_s(variant: str) -> float:  # noqa: ARG001
    return 120.0


def variables(variant: str, settings: Mapping[str, Setting], model: ServedModel) -> dict[str, str]:  # noqa: ARG001
    return {
        **model_variables(model),
        "KIT_NUM_PARALLEL": str(settings["num_parallel"]),
        "KIT_CONTEXT_PER_SLOT": str(settings["context_tokens"]),
        "KIT_FLASH_ATTENTION": str(settings["flash_attention"]),
    }


def preparation(settings: Mapping[str, Setting], model: ServedModel) -> tuple[Step, ...]:
    """Upload the weights, make a model of them, and load it until the server ends.

    With the chat template that the model was trained with, where the catalogue knows it; else Ollama finds one.
    """
    digest = f"sha256:{model.sha256}"
    # Its own default of 1.1 would punish words that were said before: other answers than every other engine's.
    parameters: dict[str, object] = {
        "num_ctx": settings["context_tokens"],
        "repeat_penalty": 1.0,
    }
    if THREADS in settings:
        parameters["num_thread"] = settings[THREADS]
    template: dict[str, object] = {}
    if model.chat_template is not None:
        found = go_template(model.chat_template, model.default_system)
        template["template"] = found.text
        parameters["stop"] = list(found.stop)
    create = {
        "model": model.name,
        "files": {model.file: digest},
        **template,
        "parameters": parameters,
        "stream": False,
    }
    load = {"model": model.name, "keep_alive": -1, "stream": False}
    return (
        Upload(f"/api/blobs/{digest}", model.file, UPLOAD_TIMEOUT_S),
        Post("/api/create", create, CREATE_TIMEOUT_S),
        Post("/api/generate", load, LOAD_TIMEOUT_S),
    )


def device_command(variant: str) -> tuple[str, ...] | None:
    return nvidia.LIST if variant == "cuda" else None


def device(variant: str, evidence: DeviceEvidence) -> DeviceFinding:
    """/api/ps says how much of the loaded model lies in the memory of a GPU: all of it, or none on the CPU."""
    sizes = _sizes(evidence.facts)
    if not sizes:
        return DeviceFinding(False, None, "/api/ps lists no loaded model")
    if variant in ("cpu", programs.PROGRAM):
        if any(in_vram for _, in_vram in sizes):
            return DeviceFinding(False, None, "a CPU variant has a part of the model in the memory of a GPU")
        return DeviceFinding(True, "cpu")
    wanted = _WANTED.get(variant)
    told = [line.partition(_COMPUTE)[2] for line in evidence.log.splitlines() if _COMPUTE in line]
    libraries = {found[1].lower() for found in map(_LIBRARY.search, told) if found}
    card = next(filter(None, map(_CARD.search, told)), None)
    name = plain_text((card[1] if card else None) or nvidia.gpu_name(evidence.listing) or wanted or "gpu", 120)
    if wanted and libraries and wanted not in libraries:
        return DeviceFinding(False, None, f"the log says it computes with {', '.join(sorted(libraries))}")
    if any(size <= 0 or in_vram != size for size, in_vram in sizes):
        parts = ", ".join(f"{in_vram} of {size} bytes" for size, in_vram in sizes)
        return DeviceFinding(False, name, f"the model is not wholly in the memory of the GPU: {parts}")
    return DeviceFinding(True, name)


def _models(facts: object) -> list[dict[str, object]]:
    rows = facts.get("models") if isinstance(facts, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _sizes(facts: object) -> list[tuple[int, int]]:
    """(bytes, bytes in the memory of a GPU) of every loaded model; a missing number counts as -1."""

    def number(value: object) -> int:
        return value if type(value) is int else -1

    # Without a GPU some versions leave size_vram out, as zero.
    return [(number(row.get("size")), number(row.get("size_vram", 0))) for row in _models(facts)]


def version(facts: object) -> str | None:
    """`version` of /api/version, e.g. "0.12.3"."""
    return text_at(facts, "version")


def reported(facts: object) -> dict[str, Setting]:
    """The context of the loaded model, where the version tells it; it never tells its slots."""
    lengths = [row["context_length"] for row in _models(facts) if type(row.get("context_length")) is int]
    return {"context_tokens": lengths[0]} if lengths and isinstance(lengths[0], int) else {}


def disagreements(settings: Mapping[str, Setting], reported: Mapping[str, Setting]) -> tuple[str, ...]:
    """What it tells of its context must not be less than planned; versions that tell nothing are believed."""
    context, planned = reported.get("context_tokens"), settings["context_tokens"]
    if isinstance(context, int) and isinstance(planned, int) and context < planned:
        return (f"the server has {context} tokens of context for a request, the plan says {planned}",)
    return ()


counters = no_counters
