"""What two plans must have in common to ask the same, as one hash: chance, machine and patience left out. Pure."""

from __future__ import annotations

from hashlib import sha256

from kit.documents import Plan
from kit.runtimes.shared import THREADS
from kit.strict import plain, write_json
from kit.strict.json_reader import Json

# Left out: who wrote the plan and how it is called; what chance decides; how often and how patiently it is
# measured (more replicates answer the same question better); what the machine gave, and found on it.
LEFT_OUT = frozenset(
    {
        "kit_version", "title", "published",
        "seed", "challenge", "cells",
        "attempts", "quiet_wait_ns", "stop_at_saturation", "sequential", "extended", "calibrate",
        "server_memory_bytes",
        "witness",
    }
)  # fmt: skip
# Kept in part: of weights and images what was asked for, and not the hashes that were found here.
PARTS: dict[str, tuple[str, ...]] = {
    "model": ("name", "sha256"),
    "models": ("name", "made_from", "made_by"),
    "images": ("entry", "target", "reference"),
    "programs": ("name",),
    "hardware": ("device", "accelerator"),
    "runtimes": ("name", "sha256"),
    "evaluation": ("alone",),
    "search": ("name", "slo", "share_milli", "first", "most"),
    "loads": (
        "url", "model", "loop", "ramp_ns", "extra_body", "without", "limit_key", "chat", "validate", "slo",
        "clients",
    ),
}  # fmt: skip


def plan_digest(plan: Plan, cpus: int | None = None) -> str:
    """The sha256 of what a plan asks, in hexadecimal: equal for two runs that can reproduce each other.

    A setting of threads that is all `cpus` of the machine is the machine's, and not asked for.
    """
    document = plain(plan)
    assert isinstance(document, dict)
    kept = {name: _part(name, value) for name, value in document.items() if name not in LEFT_OUT}
    if kept.get("evaluation") == {}:  # speed is asked the same beside an evaluation and without one
        del kept["evaluation"]
    workload = kept["workload"]
    assert isinstance(workload, dict)
    kept["workload"] = {name: value for name, value in workload.items() if name != "replicates"}
    kept["entries"] = [_entry(entry, cpus) for entry in _list(kept["entries"])]
    return sha256(write_json(kept)).hexdigest()


def _part(name: str, value: Json) -> Json:
    wanted = PARTS.get(name)
    if wanted is None:
        return value
    if isinstance(value, dict):
        return {key: value[key] for key in wanted if value.get(key) is not None}
    return [_part(name, each) for each in _list(value)]


def _entry(entry: Json, cpus: int | None) -> Json:
    assert isinstance(entry, dict)
    settings = entry["settings"]
    assert isinstance(settings, dict)
    shown = {
        name: "all" if name == THREADS and value == cpus else value for name, value in sorted(settings.items())
    }
    return {**entry, "settings": shown}


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value
