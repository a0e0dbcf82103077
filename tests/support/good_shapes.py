"""Good runs with several kinds of request: a grid of lengths, and arrivals at two rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from kit.catalogue import model
from kit.documents import OutputTokens, Plan, Workload
from kit.plan.corpus import planned_prompts
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from tests.support.good_bundle import Files, run_files


def shaped_plan(change: Callable[[Workload], Workload]) -> Plan:
    """The short demo with another workload."""
    demo = load_platform("demo")
    work = replace(demo.workload, concurrencies=(1, 2), replicates=1, warmup_s=0.2, window_s=0.6, drain_s=5.0)
    platform = replace(demo, workload=change(work))
    suite = load_suite(demo.correctness.name, demo.correctness.level)
    prompts = planned_prompts(platform.workload.prompts)
    made = make_plan(platform, model(demo.model), prompts, suite, cpus=2, seed=None, attempts=1)
    return replace(made, platform="demo-shaped")


@cache
def grid_plan() -> Plan:
    """Two lengths of prompts with two of answers."""
    return shaped_plan(
        lambda work: replace(work, prompts="corpus", input_tokens=(256, 512), output_tokens=(8, 16))
    )


@cache
def open_plan() -> Plan:
    """Poisson arrivals, 5 and 20 a second."""
    return shaped_plan(
        lambda work: replace(
            work,
            loop="open",
            rates=(5.0, 20.0),
            arrivals="poisson",
            concurrencies=(2,),
            output_tokens=OutputTokens("uniform", 8, 16),
        )
    )


@cache
def grid_files() -> Files:
    return run_files({}, grid_plan())


@cache
def open_files() -> Files:
    return run_files({}, open_plan())
