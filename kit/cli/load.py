"""kit load: one load by hand."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.options import OutputRange, json_option, new_folder, quiet_option, seed_option
from kit.model import Cell, Loop, OutputTokens


def _loop(concurrency: int | None, rate: float | None, arrivals: str | None, burstiness: float | None) -> Loop:
    if rate is None:
        if arrivals or burstiness is not None:
            raise click.UsageError("--arrivals and --burstiness shape an open loop: give --rate too.")
        return Loop("closed", concurrency or 1)
    if concurrency is not None:
        raise click.UsageError("--concurrency is a closed loop, --rate an open one: give one of them.")
    kind = arrivals or "poisson"
    if (burstiness is not None) != (kind == "gamma"):
        raise click.UsageError("--burstiness belongs to --arrivals gamma, and gamma needs it.")
    return Loop(
        "open",
        None,
        "constant" if kind == "constant" else "gamma" if kind == "gamma" else "poisson",
        round(rate * 1000),
        None if burstiness is None else round(burstiness * 1000),
    )


@click.command("load")
@click.option("--url", required=True, help="Base URL of an OpenAI-compatible server.")
@click.option("--model", help="Model name to ask for; default the first that the server lists.")
@click.option("--concurrency", type=click.IntRange(1, 4096), metavar="N", help="Closed loop: N users. Default 1.")
@click.option("--rate", type=click.FloatRange(0.001, 1e6), metavar="R", help="Open loop: R requests per second.")
@click.option(
    "--arrivals", type=click.Choice(["constant", "poisson", "gamma"]), help="Open loop; default poisson."
)
@click.option(
    "--burstiness", type=click.FloatRange(0.01, 100), metavar="K", help="Shape of gamma arrivals; 1 = poisson."
)
@click.option("--duration", type=click.FloatRange(0.5, 86_400), metavar="S", help="Seconds measured. Default 30.")
@click.option("--requests", type=click.IntRange(1, 1_000_000), metavar="N", help="Measure N requests, not a time.")
@click.option(
    "--warmup", type=click.FloatRange(0, 3600), default=0, metavar="S", help="Seconds before. Default 0."
)
@click.option("--prompts", default="short", show_default=True, help="Prompt set: micro, short, medium or long.")
@click.option("--output-tokens", type=OutputRange(), default="16-256", show_default=True, help="Answer lengths.")
@click.option("--ignore-eos", is_flag=True, help="Ask the server to go on to the full length (llama.cpp, vLLM).")
@seed_option
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder; default runs/load-TIME.")
@quiet_option
@json_option
def command(
    url: str,
    model: str | None,
    concurrency: int | None,
    rate: float | None,
    arrivals: str | None,
    burstiness: float | None,
    duration: float | None,
    requests: int | None,
    warmup: float,
    prompts: str,
    output_tokens: OutputTokens,
    ignore_eos: bool,
    seed: int | None,
    out: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Drive any OpenAI-compatible server and measure it.

    Every request has its own prompt salt; records.jsonl, texts.jsonl and cell.json go into the folder; --json
    prints cell.json. Exit code 8 when not one request succeeded. A key in KIT_API_KEY is sent as a bearer
    token.

    Example: kit load --url http://127.0.0.1:8080 --concurrency 4 --duration 30 --warmup 5
    """
    from kit.byhand import LoadRequest, load_by_hand
    from kit.cli.progress import LoadProgress
    from kit.engines.process import ProcessEngine
    from kit.errors import NoResultError
    from kit.strict import plain, write_json

    if duration is not None and requests is not None:
        raise click.UsageError("--duration measures a time, --requests a number: give one of them.")
    window_s = None if requests is not None else duration or 30.0
    request = LoadRequest(
        url=url,
        model=model,
        loop=_loop(concurrency, rate, arrivals, burstiness),
        warmup_s=warmup,
        window_s=window_s,
        requests=requests,
        prompts=prompts,
        output_tokens=output_tokens,
        ignore_eos=ignore_eos,
        seed=0 if seed is None else seed,
    )
    folder = new_folder(out, "load")
    total_s = None if window_s is None else warmup + window_s
    with LoadProgress(total_s, quiet=quiet or as_json) as progress:
        cell = load_by_hand(request, folder, ProcessEngine(), progress)
    click.echo(write_json(plain(cell)).decode(), nl=False) if as_json else click.echo(_text(cell, folder))
    if cell.metrics is None or not cell.metrics.requests.ok:
        return NoResultError.exit_code
    return 0


def _text(cell: Cell, folder: Path) -> str:
    from kit.tables import metrics_table

    table = metrics_table(cell.metrics) if cell.metrics else "No numbers: the window was never closed."
    return f"{table}\n\nRecords and cell.json are in {folder}."
