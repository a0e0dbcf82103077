"""Plans of the platforms that run in containers, on a machine with 16 CPUs."""

from __future__ import annotations

from dataclasses import replace

from kit.catalogue import model
from kit.documents import Plan
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.plan.weights import Measured

IN_CONTAINERS = ("yoga", "gx10", "xeon", "radeon", "smol", "lavapipe")
BF16 = "smollm2-135m-instruct-bf16"
LARGEST = "qwen2.5-coder-32b-instruct-q4_k_m"  # nobody states its hash
MADE: Measured = ("ab" * 32, 269_000_000)


def plan_of(
    name: str, found: dict[str, Measured] | None = None, concurrencies: tuple[int, ...] | None = None
) -> Plan:
    platform = load_platform(name)
    if concurrencies:
        platform = replace(platform, workload=replace(platform.workload, concurrencies=concurrencies))
    suite = load_suite(platform.correctness.name, platform.correctness.level)
    prompts = load_prompts(platform.workload.prompts)
    return make_plan(platform, model(platform.model), prompts, suite, cpus=16, seed=None, found=found or {})
