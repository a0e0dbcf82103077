"""From a platform's name and options to a plan: shared by `plan` and `reproduce`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kit.cli._shared.durations import Duration
from kit.cli._shared.options import levels_option, runtime_path_option, seed_option
from kit.cli._shared.percent import Percent
from kit.cli._shared.words import completing
from kit.cli._shared.words.numbers import Whole
from kit.documents import NO_MODEL, Plan, Platform, SearchWish
from kit.documents.witness import WitnessWish

if TYPE_CHECKING:
    from kit.catalogue import Models

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("platform", required=False, shell_complete=completing.platforms),
    runtime_path_option,
    click.option(
        "--only", metavar="ENTRY,...", shell_complete=completing.entry_list, help="Measure only these entries."
    ),
    levels_option("Override the platform's concurrency levels."),
    click.option("--window", type=Duration(0.5, 86_400), metavar="TIME", help="Measured time per cell, e.g. 2m."),
    click.option("--warmup", type=Duration(0, 3600), metavar="TIME", help="Warm-up per cell."),
    click.option("--replicates", type=Whole(1, 1000), help="Number of repetitions."),
    seed_option,
    click.option(
        "--challenge",
        metavar="FILE|URL|HEX",
        help="Nonce of the receiving board; the seed follows from it.",
    ),
    click.option(
        "--slo",
        metavar="LIMITS",
        shell_complete=completing.slo_limits,
        help="Look for the most users within limits like ttft=300ms,tpot=50ms.",
    ),
    click.option(
        "--max-users",
        type=Whole(1, 4096),
        metavar="N",
        help="With --slo: look up to N users. Default 64.",
    ),
    click.option(
        "--share", type=Percent(), help="With --slo: requests that must be within the limits. Default 95%."
    ),
    click.option(
        "--witness",
        is_flag=True,
        default=None,
        help="Ask some requests of each load again, alone, and compare the answers.",
    ),
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


def quiet_machine_options(function: F) -> F:
    """How a run waits for a quiet machine: `quiet_wait` in seconds, and `attempts`."""
    wait = click.option(
        "--quiet-wait",
        type=Duration(0, 86_400),
        metavar="TIME",
        help="Wait for a quiet machine for at most TIME before each start. Default 1m.",
    )
    again = click.option(
        "--attempts",
        type=Whole(1, 100),
        metavar="N",
        help="Measure a disturbed cell at most N times. Default 3.",
    )
    return wait(again(function))


def chosen_platform(
    platform: str,
    only: str | None = None,
    concurrency: tuple[int, ...] | None = None,
    window: float | None = None,
    warmup: float | None = None,
    replicates: int | None = None,
    seed: int | None = None,
    challenge: str | None = None,
    slo: str | None = None,
    max_users: int | None = None,
    share: float | None = None,
    witness: bool | None = None,
) -> Platform:
    """The platform with what the options change of it; `seed` and `challenge` change only the plan.

    Limits given here are searched with one replicate if nobody says more; levels end the platform's own search.
    """
    from kit.plan.platforms import load_platform

    del seed, challenge
    chosen = load_platform(platform)
    if only is not None:
        chosen = _with_entries(chosen, only.split(","))
    chosen = replace(chosen, witness=chosen.witness or WitnessWish()) if witness else chosen
    if slo is not None and replicates is None:
        replicates = 1
    chosen = replace(chosen, workload=replace(chosen.workload, search=None)) if concurrency is not None else chosen
    search = asked_search(chosen.workload.search, slo, max_users, share, levels_given=concurrency is not None)
    return changed(
        chosen,
        concurrencies=concurrency,
        window_s=window,
        warmup_s=warmup,
        replicates=replicates,
        search=search,
    )


def asked_search(
    wish: SearchWish | None, slo: str | None, max_users: int | None, share: float | None, *, levels_given: bool
) -> SearchWish | None:
    """The search that the options ask for, or that of the platform with what they change; None without any."""
    from kit.metrics.goodput import parse_slo
    from kit.metrics.users import MOST_USERS

    if slo is not None and levels_given:
        raise click.UsageError("Give either --slo (levels are looked for) or --concurrency.")
    if slo is None and wish is None:
        if max_users is not None or share is not None:
            raise click.UsageError("--max-users and --share need --slo.")
        return None
    if share == 0:
        raise click.UsageError("--share must be above 0.")
    limits = slo or (wish.slo if wish else "")
    parse_slo(limits)  # refused here, before anything is fetched
    first = wish.first if wish else 1
    most = max_users or (wish.max_users if wish else MOST_USERS)
    return SearchWish(limits, most, min(first, most), share if share is not None else wish.share if wish else None)


def asked_nonce(challenge: str | None, seed: int | None) -> str | None:
    """The nonce that --challenge names: as digits, in a file or at an address; None without the option.

    `InputError` if there is none, `SourceError` if the address does not answer.
    """
    if challenge is None:
        return None
    if seed is not None:
        raise click.UsageError("--challenge decides the seed: leave out --seed.")
    from kit.errors import InputError
    from kit.plan.challenge import MAX_FILE_BYTES, NONCE, nonce_of

    if NONCE.fullmatch(challenge):
        return challenge
    if challenge.startswith(("https://", "http://")):
        from kit.supply.download import small_file

        return nonce_of(small_file(challenge, MAX_FILE_BYTES), challenge)
    if not Path(challenge).is_file():
        return nonce_of(challenge.encode("utf-8", "replace"), challenge)
    try:
        with Path(challenge).open("rb") as file:
            return nonce_of(file.read(MAX_FILE_BYTES + 1), challenge)
    except OSError as error:
        raise InputError(f"{challenge} cannot be read: {error.strerror}.", "Check the path.") from None


def _with_entries(platform: Platform, names: list[str]) -> Platform:
    """The platform with the entries of these names; `InputError` naming the nearest if there is none."""
    from kit.errors import InputError
    from kit.text import hint, plain_text

    known = [entry.name for entry in platform.entries]
    for name in names:
        if name not in known:
            raise InputError(
                f"The platform {platform.name} has no entry {plain_text(name)!r}.",
                hint(name, known, also=f"It has: {', '.join(known)}."),
            )
    return replace(platform, entries=tuple(entry for entry in platform.entries if entry.name in names))


def plan_of(
    platform: Platform,
    seed: int | None,
    *,
    calibrate: bool = True,
    quiet_wait_s: float | None = None,
    attempts: int | None = None,
    models: Models | None = None,
) -> Plan:
    """The plan of a platform as this machine would carry it out; images and derived weights are not looked for.

    `models` are those that kit.supply.own_models has found for its blocks.
    """
    from kit.catalogue import CATALOGUE
    from kit.cpus import usable_cpus
    from kit.plan.correctness import load_suite
    from kit.plan.plan import make_plan
    from kit.plan.workloads.corpus import planned_prompts
    from kit.supply.programs import pins_of, programs_of

    suite = load_suite(platform.correctness.name, platform.correctness.level)
    prompts = planned_prompts(platform.workload.prompts)
    known = models or CATALOGUE
    return make_plan(
        platform,
        None if platform.model == NO_MODEL else known.named(platform.model),
        prompts,
        suite,
        cpus=usable_cpus(),
        seed=seed,
        calibrate=calibrate,
        quiet_wait_s=quiet_wait_s,
        attempts=attempts,
        programs=pins_of(programs_of(platform.entries)),
        models=known,
    )
