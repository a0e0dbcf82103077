"""llama.cpp's `llama-server`. Variant `embedded`: the same server out of the wheel `xllamacpp`, CPU only.

Flags, endpoints and traps: llama.cpp tools/server/README.md. Every setting that the server would otherwise
choose by itself (slots, context, caches) is set, so that the same plan means the same thing on two machines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from kit.model import Setting
from kit.runtimes.contract import Capabilities, ServerSpec, SettingRule

NAME = "llamacpp"
VARIANTS: tuple[str, ...] = ("embedded",)
CAPABILITIES = Capabilities(
    ignore_eos=True, usage_in_stream=True, finish_reason_reliable=True, cache_can_be_off=True
)
SETTINGS: Mapping[str, SettingRule] = {
    "slots": SettingRule(1, 1, 1024, "requests decoded together; more wait in a queue"),
    "context_tokens_per_slot": SettingRule(640, 64, 1_000_000, "prompt and answer of one request"),
    "threads": SettingRule(0, 0, 1024, "CPU threads; 0 is all the machine lets us use"),
    "batch_tokens": SettingRule(2048, 1, 65_536, "logical batch"),
    "ubatch_tokens": SettingRule(512, 1, 65_536, "physical batch"),
}
FACTS_PATH = "/props"
COUNTERS_PATH: str | None = "/metrics"
_COUNTERS = {
    "llamacpp:prompt_tokens_total": "prompt_tokens",
    "llamacpp:tokens_predicted_total": "completion_tokens",
}


def explicit(settings: Mapping[str, Setting], cpus: int) -> dict[str, Setting]:
    """Every setting with its value; `threads` 0 becomes the number of usable CPUs."""
    values: dict[str, Setting] = {name: settings.get(name, rule.default) for name, rule in SETTINGS.items()}
    if values["threads"] == 0:
        values["threads"] = cpus
    return values


def server(name: str, variant: str, settings: Mapping[str, Setting], model_path: str, port: int) -> ServerSpec:
    """The embedded server: a program of the kit that holds the wheel's server in its own process."""
    if variant != "embedded":
        raise ValueError(f"no process variant {variant!r}")
    arguments = {"model": model_path, "port": port, **settings}
    return ServerSpec(
        name=name,
        command=(sys.executable, "-m", "kit.engines.embedded_llamacpp", json.dumps(arguments, sort_keys=True)),
        port=port,
        ready_path="/health",
        start_budget_s=120.0,
    )


def version(facts: object) -> str | None:
    """`build_info` of /props, e.g. "b11549-abc1234"."""
    value = facts.get("build_info") if isinstance(facts, dict) else None
    return value if isinstance(value, str) else None


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
    values: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name in _COUNTERS and value.strip().isdecimal() and len(value) < 19:
            values[_COUNTERS[name]] = int(value)
    return values
