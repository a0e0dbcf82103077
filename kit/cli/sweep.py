"""kit sweep: loads of rising level against one server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.asking import AskingOptions, asking_options
from kit.cli._shared.durations import Duration
from kit.cli._shared.options import (
    json_option,
    levels_option,
    new_folder,
    out_option,
    processes_option,
    quiet_option,
    ramp_option,
    verbose_option,
)
from kit.cli._shared.percent import Percent
from kit.cli._shared.prices import given_prices, price_options
from kit.cli._shared.printing import show_json
from kit.cli._shared.server import given_access, given_url, server_options
from kit.cli._shared.words.numbers import Number, Whole
from kit.cli.load import ArrivalOptions, grouped, make_request, open_loop, say_notes
from kit.documents import Loop, SearchRule, SearchWish

if TYPE_CHECKING:
    from kit.documents.result import Sweep
    from kit.judge.costs import Prices

MAX_RATE = 1_000_000


class Rates(click.ParamType[tuple[float, ...]]):
    """0.5,1,2: rates per second with at most three decimals."""

    name = "R,R,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        one = r"[0-9]{1,7}(?:\.[0-9]{1,3})?"
        if not re.fullmatch(rf"{one}(?:,{one})*", str(value)):
            self.fail(f"{value!r} is not a list of rates like 0.5,1,2.", param, ctx)
        rates = tuple(float(part) for part in str(value).split(","))
        if not all(0 < rate <= MAX_RATE for rate in rates):
            self.fail(f"{value!r} must hold rates above 0 and up to {MAX_RATE}.", param, ctx)
        return rates


def _loops(
    concurrency: Sequence[int] | None, rate: Sequence[float] | None, arrivals: str | None, burstiness: float | None
) -> tuple[Loop, ...]:
    if (concurrency is None) == (rate is None):
        raise click.UsageError(
            "Give either --concurrency (closed loop) or --rate (open loop); --slo alone looks for the most users."
        )
    if rate is not None:
        return tuple(open_loop(each, arrivals, burstiness) for each in rate)
    if arrivals or burstiness is not None:
        raise click.UsageError("--arrivals and --burstiness need --rate.")
    return tuple(Loop("closed", each) for each in concurrency or ())


@click.command("sweep")
@server_options
@levels_option("Closed loop: numbers of users, ascending: 1,2,4,8.")
@click.option("--rate", type=Rates(), help="Open loop: requests per second, ascending: 0.5,1,2.")
@click.option(
    "--arrivals", type=click.Choice(["constant", "poisson", "gamma"]), help="Arrival process; default poisson."
)
@click.option("--burstiness", type=Number(0.01, 100), metavar="K", help="Shape of gamma arrivals; 1 = poisson.")
@click.option("--duration", type=Duration(0.5, 86_400), metavar="TIME", help="Time per level. Default 30s.")
@click.option("--warmup", type=Duration(0, 3600), default=2, metavar="TIME", help="Warm-up per level. Default 2s.")
@ramp_option
@click.option(
    "--stop-at-saturation/--no-stop", default=True, show_default=True, help="Stop once throughput no longer grows."
)
@click.option(
    "--max-users",
    type=Whole(1, 4096),
    metavar="N",
    help="With --slo alone: look up to N users. Default 64.",
)
@click.option("--share", type=Percent(), help="With --slo alone: requests that must be within it. Default 95%.")
@processes_option
@price_options
@asking_options
@out_option("Output; default runs/sweep-TIME.")
@verbose_option
@quiet_option
@json_option
def command(
    stop_at_saturation: bool,
    max_users: int | None,
    share: float | None,
    price_per_hour: float | None,
    price_per_kwh: float | None,
    out: Path | None,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    **words: Any,
) -> int:
    """Increase the load on a server until throughput stops growing, or find how many users it carries.

    Levels run one after another, each saved in its own folder in the format of `kit load`. sweep.json and the
    table list throughput, latency and goodput of each level, the Pareto frontier and the knee. Exit code 8 if
    no request succeeded, 12 if nobody answers at URL. URL, times, prompts and body are as in `kit load`. With
    --slo and no levels they are looked for: a climb, then bisection (docs/how-many-users.md).

    Example: kit sweep http://127.0.0.1:8080 --slo ttft=500ms,tpot=50ms --max-users 64
    """
    from kit.cli._shared.progress import LoadProgress
    from kit.engines.process import ProcessEngine
    from kit.errors import NoResultError
    from kit.run.sweep import run_sweep

    shape = [words.pop(name) for name in ("concurrency", "rate", "arrivals", "burstiness")]
    search = _search(words["slo"], max_users, share) if shape == [None] * 4 and words["slo"] else None
    if search is None and (max_users is not None or share is not None):
        raise click.UsageError("--max-users and --share need --slo without --concurrency and --rate.")
    loops = () if search else _loops(*shape)
    unshaped = dict.fromkeys(field.name for field in fields(ArrivalOptions))
    url = given_url(words)
    access = given_access(words, url)
    arriving = grouped(ArrivalOptions, unshaped | words)
    request = make_request(url, words["model"], access, grouped(AskingOptions, words), arriving)
    most = search.most if search else max((loop.concurrency or 0 for loop in loops), default=0)
    say_notes(request, most)
    folder = new_folder(out, "sweep")
    total_s = request.warmup_s + (request.window_s or 0)
    with LoadProgress(total_s, quiet=quiet or as_json) as progress:
        sweep = run_sweep(
            request,
            loops,
            folder,
            ProcessEngine(access.environment()),
            lambda name, event: progress(_of_level(name, event)),
            stop_at_saturation=stop_at_saturation,
            search=search,
        )
    _show(sweep, folder, given_prices(price_per_hour, price_per_kwh), as_json=as_json, verbose=verbose)
    answered = any(level.metrics is not None and level.metrics.requests.ok for level in sweep.levels)
    return 0 if answered else NoResultError.exit_code


def _show(sweep: Sweep, folder: Path, prices: Prices | None, *, as_json: bool, verbose: bool) -> None:
    from kit.cli.showing.ended import show_sweep
    from kit.report.load_tables import sweep_costs, sweep_table
    from kit.strict import plain, write_json

    costs = f"\n\n{sweep_costs(sweep, prices)}" if prices else ""
    if as_json:
        show_json(write_json(plain(sweep)))
    elif verbose or not show_sweep(sweep, folder):
        click.echo(f"{sweep_table(sweep)}{costs}\n\nSaved to {folder}.")
    elif costs:
        click.echo(costs)


def _search(slo: str, max_users: int | None, share: float | None) -> SearchRule | None:
    from kit.metrics.users import MOST_USERS
    from kit.plan.workloads.levels import search_rule

    if share == 0:
        raise click.UsageError("--share must be above 0.")
    return search_rule(SearchWish(slo, max_users or MOST_USERS, 1, share))


def _of_level(name: str, event: Mapping[str, object]) -> Mapping[str, object]:
    """The event with its level before its phase."""
    return {**event, "phase": f"{name} {event['phase']}"} if "phase" in event else event
