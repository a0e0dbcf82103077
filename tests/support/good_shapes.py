"""Good runs with several kinds of request: a grid of lengths, and arrivals at two rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from kit.catalogue import model
from kit.documents import OutputTokens, Plan, Record, Workload
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from kit.plan.workloads.corpus import planned_prompts
from kit.storage.bundle import pack_files
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
            concurrencies=(8,),
            output_tokens=OutputTokens("uniform", 8, 16),
        )
    )


@cache
def grid_files() -> Files:
    return run_files({}, grid_plan())


@cache
def open_files() -> Files:
    return run_files({}, open_plan())


def wider_plan() -> Plan:
    """The lengths of all shapes together are not those that it says."""
    plan = grid_plan()
    return replace(plan, workload=replace(plan.workload, output_tokens=OutputTokens("uniform", 8, 99)))


def meant_earlier(record: Record) -> Record:
    """One request of an open loop was meant for a moment that the schedule does not give it."""
    return replace(record, intended_ns=record.intended_ns - 1) if record.id == 2 else record


def shorter(record: Record) -> Record:
    """The server counted fewer tokens of the prompt than were planned."""
    return replace(record, prompt_tokens=None if record.prompt_tokens is None else record.prompt_tokens - 20)


def bundle_of(files: Files) -> bytes:
    return pack_files(files).data


# What the rules about shapes must find: rule, what, the bundle.
SHAPELY: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("plan.shapes", "other lengths than the shapes", lambda: bundle_of(run_files({}, wider_plan()))),
    ("load.arrivals", "a request meant earlier", lambda: bundle_of(run_files({}, open_plan(), meant_earlier))),
    ("load.lengths", "prompts too short", lambda: bundle_of(run_files({}, grid_plan(), shorter))),
    ("load.nominal", "a server that counts nothing", lambda: bundle_of(run_files({}, grid_plan(), fitted=False))),
)
