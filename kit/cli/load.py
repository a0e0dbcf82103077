"""kit load: one load by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kit.cli._shared.options import (
    OutputRange,
    json_option,
    new_folder,
    processes_option,
    quiet_option,
    seed_option,
)
from kit.cli._shared.printing import show_json
from kit.documents import Cell, Loop, OutputTokens

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from kit.run.load import LoadRequest

    D = TypeVar("D", bound=DataclassInstance)
F = TypeVar("F", bound=Callable[..., Any])

DURATION_S = 30.0
SERVER_OPTIONS = (
    click.option("--url", required=True, help="Base URL of an OpenAI-compatible server."),
    click.option("--model", help="Model name; default the first that the server lists."),
)
ANSWER_OPTIONS = (
    click.option(
        "--prompts", default="short", show_default=True, help="Prompt set: micro, short, medium or long."
    ),
    click.option(
        "--output-tokens", type=OutputRange(), default="16-256", show_default=True, help="Output tokens."
    ),
    click.option("--ignore-eos", is_flag=True, help="Generate the full length (llama.cpp, vLLM)."),
    click.option("--slo", metavar="LIMITS", help="Goodput limits on ttft, tpot, itl, e2e: ttft=200ms,e2e=2s."),
    click.option("--validate", metavar="RULE", help="Check response texts: basic, contains:TEXT, regex:PATTERN."),
    click.option(
        "--max-error-rate",
        type=click.FloatRange(0, 0.999),
        metavar="SHARE",
        help="Abort when more than this fraction fails, e.g. 0.05.",
    ),
    seed_option,
)


def server_options(function: F) -> F:
    """Which server and model: the same for `kit load` and `kit sweep`."""
    return reduce(lambda inner, option: option(inner), reversed(SERVER_OPTIONS), function)


def answer_options(function: F) -> F:
    """What is asked, and how answers are judged: the same for both too."""
    return reduce(lambda inner, option: option(inner), reversed(ANSWER_OPTIONS), function)


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """The words of `server_options` and `answer_options`."""

    url: str
    model: str | None
    prompts: str
    output_tokens: OutputTokens
    ignore_eos: bool
    slo: str | None
    validate: str | None
    max_error_rate: float | None
    seed: int | None


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


def _window_s(given: ArrivalOptions) -> float | None:
    if given.duration is not None and given.requests is not None:
        raise click.UsageError("Give either --duration or --requests.")
    if given.requests is not None or (given.trace is not None and given.duration is None):
        return None
    return given.duration or DURATION_S


def make_request(asked: RequestOptions, given: ArrivalOptions) -> LoadRequest:
    """The load that the options ask for; `click.UsageError` or `InputError` if they make no sense."""
    from kit.metrics.goodput import parse_slo
    from kit.run.load import LoadRequest

    return LoadRequest(
        url=asked.url,
        model=asked.model,
        loop=_loop(given),
        warmup_s=given.warmup,
        window_s=_window_s(given),
        requests=given.requests,
        prompts=asked.prompts,
        output_tokens=asked.output_tokens,
        ignore_eos=asked.ignore_eos,
        seed=asked.seed or 0,
        ramp_s=given.ramp,
        slo=None if asked.slo is None else parse_slo(asked.slo),
        validate=asked.validate,
        processes=given.processes,
        max_error_milli=None if asked.max_error_rate is None else round(asked.max_error_rate * 1000),
        trace=None if given.trace is None else _bytes(given.trace),
        trace_name="trace.jsonl" if given.trace is None else given.trace.name,
        trace_speed_milli=1000 if given.rate_scale is None else round(given.rate_scale * 1000),
    )


def _bytes(path: Path) -> bytes:
    from kit.errors import InputError
    from kit.plan.traces import MAX_TRACE_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_TRACE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path given to --trace.") from None


@click.command("load")
@server_options
@click.option("--concurrency", type=click.IntRange(1, 4096), metavar="N", help="Closed loop: N users. Default 1.")
@click.option(
    "--ramp", type=click.FloatRange(0, 3600), default=0, metavar="S", help="Start users over S seconds. Default 0."
)
@click.option("--rate", type=click.FloatRange(0.001, 1e6), metavar="R", help="Open loop: R requests per second.")
@click.option(
    "--arrivals", type=click.Choice(["constant", "poisson", "gamma"]), help="Arrival process; default poisson."
)
@click.option(
    "--burstiness", type=click.FloatRange(0.01, 100), metavar="K", help="Shape of gamma arrivals; 1 = poisson."
)
@click.option(
    "--trace", type=click.Path(path_type=Path), metavar="FILE", help="Open loop: arrival times from a JSONL file."
)
@click.option(
    "--rate-scale", type=click.FloatRange(0.001, 1000), metavar="X", help="Replay the trace X times as fast."
)
@click.option("--duration", type=click.FloatRange(0.5, 86_400), metavar="S", help="Measured seconds. Default 30.")
@click.option("--requests", type=click.IntRange(1, 1_000_000), metavar="N", help="Measure N requests.")
@click.option(
    "--warmup", type=click.FloatRange(0, 3600), default=0, metavar="S", help="Warm-up seconds. Default 0."
)
@processes_option
@answer_options
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Output; default runs/load-TIME.")
@quiet_option
@json_option
def command(out: Path | None, quiet: bool, as_json: bool, **words: Any) -> int:
    """Measure any OpenAI-compatible server under one load.

    Each request has its own prompt salt. records.jsonl, texts.jsonl and cell.json are saved to the folder; --json
    prints cell.json. Exit code 8 if no request succeeded. KIT_API_KEY is sent as a bearer token. A trace has one
    line per request: {"at_ms": 12.5, "output_tokens": 64}; output_tokens is optional.

    Example: kit load --url http://127.0.0.1:8080 --concurrency 4 --duration 30 --warmup 5
    """
    from kit.cli._shared.progress import LoadProgress
    from kit.engines.process import ProcessEngine
    from kit.errors import NoResultError
    from kit.run.load import load_by_hand
    from kit.strict import plain, write_json

    request = make_request(grouped(RequestOptions, words), grouped(ArrivalOptions, words))
    folder = new_folder(out, "load")
    total_s = None if request.window_s is None else request.warmup_s + request.window_s
    with LoadProgress(total_s, quiet=quiet or as_json) as progress:
        cell = load_by_hand(request, folder, ProcessEngine(), progress)
    show_json(write_json(plain(cell))) if as_json else click.echo(_text(cell, folder))
    if cell.metrics is None or not cell.metrics.requests.ok:
        return NoResultError.exit_code
    return 0


def _text(cell: Cell, folder: Path) -> str:
    from kit.report.failure_text import WHY, failure_lines
    from kit.report.load_tables import judged_lines
    from kit.report.tables import metrics_table

    if cell.load is None or cell.metrics is None:
        why = cell.failure.message if cell.failure else "The window did not end."
        parts = [f"No numbers. {why}"]
    else:
        judged = judged_lines(cell.load, cell.metrics)
        parts = [metrics_table(cell.metrics), *(["\n".join(judged)] if judged else [])]
    failed = failure_lines([("", cell.facts.failures)]) if cell.facts else []
    if failed:
        parts.append("\n".join((WHY, *failed)))
    return "\n\n".join((*parts, f"Saved to {folder}."))
