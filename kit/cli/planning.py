"""From a platform's name and options to a plan: shared by `plan` and `reproduce`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from kit.cli.options import Concurrencies, seed_option
from kit.model import Plan, Platform

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("platform"),
    click.option("--concurrency", type=Concurrencies(), help="Other concurrencies than the platform's."),
    click.option(
        "--window", type=click.FloatRange(0.5, 86_400), metavar="S", help="Seconds measured in each cell."
    ),
    click.option(
        "--warmup", type=click.FloatRange(0, 3600), metavar="S", help="Seconds of load before the window."
    ),
    click.option("--replicates", type=click.IntRange(1, 1000), help="Passes over all cells."),
    seed_option,
)


def plan_options(function: F) -> F:
    """The argument PLATFORM and the options that change a plan."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def changed(platform: Platform, **changes: Any) -> Platform:
    """A platform with other workload values; None changes nothing."""
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(platform, workload=replace(platform.workload, **given))


def plan_for(
    platform: str,
    concurrency: tuple[int, ...] | None,
    window: float | None,
    warmup: float | None,
    replicates: int | None,
    seed: int | None,
    *,
    calibrate: bool = True,
) -> Plan:
    """The plan of a platform on this machine."""
    from kit.catalogue import model
    from kit.correctness import load_suite
    from kit.host import usable_cpus
    from kit.plan import make_plan
    from kit.platforms import load_platform
    from kit.prompts import load_prompts

    chosen = changed(
        load_platform(platform), concurrencies=concurrency, window_s=window, warmup_s=warmup, replicates=replicates
    )
    suite = load_suite(chosen.correctness.name, chosen.correctness.level)
    prompts = load_prompts(chosen.workload.prompts)
    return make_plan(
        chosen, model(chosen.model), prompts, suite, cpus=usable_cpus(), seed=seed, calibrate=calibrate
    )
