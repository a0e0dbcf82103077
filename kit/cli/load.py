"""kit load: one load by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kit.cli._shared.asking import AskingOptions, asking_options, chosen_prompts, chosen_timeouts, read_file
from kit.cli._shared.durations import Duration, TimeOfDay
from kit.cli._shared.options import (
    ShareOfClients,
    json_option,
    new_folder,
    out_option,
    processes_option,
    quiet_option,
    ramp_option,
    verbose_option,
)
from kit.cli._shared.printing import show_json
from kit.cli._shared.server import given_access, given_url, server_options
from kit.cli._shared.words.numbers import Number, Whole
from kit.cli._shared.words.renamed import Renamed
from kit.documents import Cell, Loop, Sessions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from kit.plan.target import Access
    from kit.run.load_request import LoadRequest

    D = TypeVar("D", bound=DataclassInstance)

DURATION_S = 30.0
MAX_USERS = 4096  # of one client


@dataclass(frozen=True, slots=True)
class ArrivalOptions:
    """How requests arrive, and how long."""

    concurrency: int | None
    ramp: float
    rate: float | None
    arrivals: str | None
    burstiness: float | None
    trace: Path | None
    rate_scale: float | None
    duration: float | None
    requests: int | None
    warmup: float
    processes: int | None
    shard: tuple[int, int] | None
    at: str | None


def grouped(kind: type[D], words: dict[str, Any]) -> D:
    """An instance of `kind` of the options that have the names of its fields."""
    return kind(**{field.name: words[field.name] for field in fields(kind)})


def open_loop(rate: float, arrivals: str | None, burstiness: float | None) -> Loop:
    """The open loop of these options; `click.UsageError` if they contradict each other."""
    kind = arrivals or "poisson"
    if (burstiness is not None) != (kind == "gamma"):
        raise click.UsageError("--arrivals gamma and --burstiness need each other.")
    return Loop(
        "open",
        None,
        "constant" if kind == "constant" else "gamma" if kind == "gamma" else "poisson",
        round(rate * 1000),
        None if burstiness is None else round(burstiness * 1000),
    )


def _loop(given: ArrivalOptions) -> Loop:
    if sum(value is not None for value in (given.concurrency, given.rate, given.trace)) > 1:
        raise click.UsageError(
            "Give only one of --concurrency (closed loop), --rate (open loop) and --trace (recorded arrivals)."
        )
    if given.rate_scale is not None and given.trace is None:
        raise click.UsageError("--rate-scale needs --trace.")
    if given.rate is not None:
        return open_loop(given.rate, given.arrivals, given.burstiness)
    if given.arrivals or given.burstiness is not None:
        raise click.UsageError("--arrivals and --burstiness need --rate.")
    return Loop("closed", given.concurrency or 1) if given.trace is None else Loop("open", None, "trace")


def _window_s(given: ArrivalOptions, sessions: Sessions | None) -> float | None:
    if given.duration is not None and given.requests is not None:
        raise click.UsageError("Give either --duration or --requests.")
    if given.requests is not None or (given.trace is not None and given.duration is None):
        return None
    if sessions is not None and sessions.count is not None:
        if given.duration is not None:
            raise click.UsageError("Give either --duration or a count of sessions.")
        return None
    return given.duration or DURATION_S


def make_request(
    url: str, model: str | None, access: Access, asked: AskingOptions, given: ArrivalOptions
) -> LoadRequest:
    """The load that the options ask for; `click.UsageError` or `InputError` if they make no sense."""
    from kit.metrics.goodput import parse_slo
    from kit.plan.traces import MAX_TRACE_BYTES
    from kit.run.load_request import LoadRequest

    if (given.shard is None) != (given.at is None):
        raise click.UsageError("--shard and --at need each other.")
    client, clients = given.shard or (0, 1)
    if (given.concurrency or 1) > MAX_USERS * clients:
        raise click.UsageError(f"One client has at most {MAX_USERS} users: give --shard I/N.")
    return LoadRequest(
        url=url,
        model=model,
        access=access,
        loop=_loop(given),
        warmup_s=given.warmup,
        window_s=_window_s(given, asked.sessions),
        requests=given.requests,
        prompts=chosen_prompts(asked),
        output_tokens=asked.output_tokens,
        sessions=asked.sessions,
        ignore_eos=asked.ignore_eos,
        body=dict(asked.body),
        without=tuple(dict.fromkeys(asked.without)),
        limit_key=asked.limit_key,
        api="completions" if asked.api == "completions" else "chat",
        system=not asked.no_system,
        timeouts=chosen_timeouts(asked),
        seed=asked.seed or 0,
        ramp_s=given.ramp,
        slo=None if asked.slo is None else parse_slo(asked.slo),
        validate=asked.validate,
        processes=given.processes,
        input_tokens=asked.input_tokens,
        max_error_milli=None if asked.max_error_rate is None else round(asked.max_error_rate * 1000),
        trace=None if given.trace is None else read_file(given.trace, MAX_TRACE_BYTES + 1, "--trace"),
        trace_name="trace.jsonl" if given.trace is None else given.trace.name,
        trace_speed_milli=1000 if given.rate_scale is None else round(given.rate_scale * 1000),
        clients=clients,
        client=client,
        at_utc=given.at,
    )


def say_notes(request: LoadRequest, connections: int | None) -> None:
    """What a person must know of a load before it begins, on standard error; raises the limit of open files."""
    from kit.loadgen.descriptors import need_descriptors
    from kit.plan.prompts import PromptSet
    from kit.plan.trace_tables import is_table
    from kit.plan.traces import is_mooncake

    each = None if connections is None else -(-connections // (request.processes or request.clients))
    raised = None if each is None else need_descriptors(each)
    if raised is not None:
        click.echo(f"Note: the limit of open files was raised from {raised[0]} to {raised[1]}.", err=True)
    if request.trace is not None and (is_mooncake(request.trace) or is_table(request.trace)):
        click.echo(
            "Note: input lengths and hashes of the trace are not played; --prompts says what is asked.", err=True
        )
    if request.at_utc is not None:
        click.echo(f"Note: client {request.client} of {request.clients}; begins at {request.at_utc}.", err=True)
    if isinstance(request.prompts, PromptSet) and request.prompts.skipped:
        click.echo(f"Note: prompts without a question, left out: {request.prompts.skipped}.", err=True)
    if request.access is not None and request.access.insecure and request.url.startswith("https:"):
        click.echo("Note: any TLS certificate is accepted; the record says so.", err=True)


@click.command("load")
@server_options
@click.option(
    "-c",
    "--concurrency",
    cls=Renamed,
    old=["--users"],
    type=Whole(1, 10_000),
    metavar="N",
    help="Closed loop: N users. Default 1.",
)
@ramp_option
@click.option("--rate", type=Number(0.001, 1e6), metavar="R", help="Open loop: R requests per second.")
@click.option(
    "--arrivals", type=click.Choice(["constant", "poisson", "gamma"]), help="Arrival process; default poisson."
)
@click.option("--burstiness", type=Number(0.01, 100), metavar="K", help="Shape of gamma arrivals; 1 = poisson.")
@click.option(
    "--trace", type=click.Path(path_type=Path), metavar="FILE", help="Open loop: arrival times from JSONL or CSV."
)
@click.option("--rate-scale", type=Number(0.001, 1000), metavar="X", help="Replay the trace X times as fast.")
@click.option("--duration", type=Duration(0.5, 86_400), metavar="TIME", help="Measured time. Default 30s.")
@click.option("--requests", type=Whole(1, 1_000_000), metavar="N", help="Measure N requests.")
@click.option("--warmup", type=Duration(0, 3600), default=0, metavar="TIME", help="Warm-up. Default 0.")
@processes_option
@click.option(
    "--shard", type=ShareOfClients(), metavar="I/N", help="Be client I of N that carry the load out together."
)
@click.option("--at", type=TimeOfDay(), metavar="UTC", help="With --shard: begin then, all at once.")
@asking_options
@out_option("Output; default runs/load-TIME.")
@verbose_option
@quiet_option
@json_option
def command(out: Path | None, verbose: bool, quiet: bool, as_json: bool, **words: Any) -> int:
    """Measure any OpenAI-compatible server under one load.

    URL is a base URL (http://host:8080), a prefix (https://host/openai/v1) or a whole endpoint that ends in
    /chat/completions. KIT_API_KEY is sent as a bearer token. Times are written 30s, 2m, 500ms or in plain seconds.
    Each request has its own prompt salt. records.jsonl, texts.jsonl and cell.json are saved to the folder; --json
    prints cell.json. Exit code 8 if no request succeeded, 12 if nobody answers at URL.

    A trace has one line per request: {"at_ms": 12.5, "output_tokens": 64}, the length optional; the traces of
    Mooncake, Azure and BurstGPT are read too. A file of prompts has one on each line, or JSON: {"prompt": TEXT},
    {"messages": [...]}, ShareGPT.

    Where one client is not enough, each of N machines runs the same command with --shard 1/N to N/N and the same
    --at 2026-01-31T12:00:00Z; --concurrency and --rate are those of all. `kit merge` joins what they left.

    Example: kit load http://127.0.0.1:8080 -c 4 --duration 30s --warmup 5s
    """
    from kit.cli._shared.progress import LoadProgress
    from kit.cli.showing.ended import show_load
    from kit.engines.process import ProcessEngine
    from kit.errors import NoResultError
    from kit.run.load import load_by_hand
    from kit.strict import plain, write_json

    url = given_url(words)
    access = given_access(words, url)
    arriving = grouped(ArrivalOptions, words)
    request = make_request(url, words["model"], access, grouped(AskingOptions, words), arriving)
    say_notes(request, request.loop.concurrency)
    folder = new_folder(out, "load")
    total_s = None if request.window_s is None else request.warmup_s + request.window_s
    with LoadProgress(total_s, quiet=quiet or as_json) as progress:
        cell = load_by_hand(request, folder, ProcessEngine(access.environment()), progress)
    after = _after_share(cell)
    if as_json:
        show_json(write_json(plain(cell)))
    elif verbose or after or not show_load(cell, folder):
        click.echo(load_text(cell, folder, after))
    if cell.metrics is None or not cell.metrics.requests.ok:
        return NoResultError.exit_code
    return 0


def _after_share(cell: Cell) -> list[str]:
    """What to do with the share of one of several clients; nothing for a load of its own."""
    if cell.load is None or not cell.load.client:
        return []
    return [f"This is client {cell.load.client} of {cell.load.clients}. Join them all: kit merge LOAD..."]


def load_text(cell: Cell, folder: Path, more: Sequence[str] = ()) -> str:
    """The numbers of a load, `more` lines about it, why requests failed, and where it lies."""
    from kit.report.failure_text import WHY, failure_lines
    from kit.report.load_tables import judged_lines
    from kit.report.tables import metrics_table

    if cell.load is None or cell.metrics is None:
        why = cell.failure.message if cell.failure else "The window did not end."
        parts = [f"No numbers. {why}"]
    else:
        judged = judged_lines(cell.load, cell.metrics)
        parts = [metrics_table(cell.metrics), *(["\n".join(judged)] if judged else [])]
    parts += ["\n".join(more)] if more else []
    failed = failure_lines([("", cell.facts.failures)]) if cell.facts else []
    if failed:
        parts.append("\n".join((WHY, *failed)))
    return "\n\n".join((*parts, f"Saved to {folder}."))
