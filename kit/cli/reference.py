"""kit reference: an endpoint whose timing is known, to test any load generator against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.options import seed_option
from kit.cli._shared.printing import show_json
from kit.cli._shared.words.numbers import Number, Whole

if TYPE_CHECKING:
    from kit.reference.faults import FaultRule
    from kit.reference.server import Server
    from kit.reference.timing import Delay, Distribution

DISTRIBUTIONS = click.Choice(["constant", "normal", "lognormal"])
MILLISECONDS = Number(0, 3_600_000)
FAULT_HELP = (
    "Inject fault KIND into every EVERY-th request; repeatable. Kinds: error-event, cut, stall, status-500, "
    "status-429, reset, slow-headers, no-answer, no-usage, replay, garbage, empty, no-cached, cached-lie."
)


class FaultOption(click.ParamType["FaultRule"]):
    """cut:10"""

    name = "KIND:EVERY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> FaultRule:
        from kit.reference.faults import FaultRule, parse_rule

        if isinstance(value, FaultRule):
            return value
        try:
            return parse_rule(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


def _delay(name: str, distribution: Distribution, mean_ms: float, sd_ms: float | None) -> Delay:
    from kit.reference.timing import Delay

    if distribution == "constant":
        if sd_ms is not None:
            raise click.UsageError(f"--{name}-sd-ms needs --{name}-dist normal or lognormal.")
        return Delay("constant", round(mean_ms * 1e6))
    if sd_ms is None:
        raise click.UsageError(f"--{name}-dist {distribution} needs --{name}-sd-ms.")
    if mean_ms == 0:
        raise click.UsageError(f"--{name}-dist {distribution} needs a --{name}-ms above 0.")
    return Delay(distribution, round(mean_ms * 1e6), round(sd_ms * 1e6))


def _check_slots(batching: str, slots: int | None, itl_ms: float) -> None:
    if batching == "serial" and slots not in (None, 1):
        raise click.UsageError("--batching serial has one slot: leave out --slots, or use --batching slots.")
    if batching == "continuous" and itl_ms < 0.01:
        raise click.UsageError("--batching continuous needs --itl-ms 0.01 or more, the length of its steps.")


@click.command("reference")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=Whole(0, 65535), default=0, help="Port; default any free one.")
@click.option("--unix", type=click.Path(path_type=Path), metavar="PATH", help="Listen on a Unix socket instead.")
@click.option("--ttft-ms", type=MILLISECONDS, default=50, show_default=True, help="Delay to first token.")
@click.option("--ttft-dist", type=DISTRIBUTIONS, default="constant", show_default=True, help="Its distribution.")
@click.option("--ttft-sd-ms", type=MILLISECONDS, help="Its standard deviation.")
@click.option("--itl-ms", type=MILLISECONDS, default=5, show_default=True, help="Delay between tokens; 0 = none.")
@click.option("--itl-dist", type=DISTRIBUTIONS, default="constant", show_default=True, help="Its distribution.")
@click.option("--itl-sd-ms", type=MILLISECONDS, help="Its standard deviation.")
@click.option("--slots", type=Whole(1, 65536), metavar="N", help="Maximum concurrent responses; default none.")
@click.option(
    "--batching",
    type=click.Choice(["serial", "slots", "continuous"]),
    default="slots",
    show_default=True,
    help="One request at a time, independent slots, or common decode steps.",
)
@click.option(
    "--shape",
    type=click.Choice(["llamacpp", "ollama", "vllm", "realizar"]),
    default="llamacpp",
    show_default=True,
    help="Server whose stream format to mimic.",
)
@click.option("--tokens-per-chunk", type=Whole(1, 1024), default=1, show_default=True, help="Tokens per event.")
@click.option("--fault", "faults", type=FaultOption(), multiple=True, help=FAULT_HELP)
@click.option("--truth", type=click.Path(path_type=Path), metavar="FILE", help="Write true send times as JSONL.")
@click.option(
    "--prefill-tok-s",
    type=Number(1, 1e9),
    metavar="R",
    help="Prompt tokens read per second, those of the cache excepted; default all at once.",
)
@click.option(
    "--cache-tokens",
    type=Whole(1, 1_000_000_000),
    metavar="N",
    help="Keep the prefixes of N tokens, and say what came from them; default none.",
)
@click.option("--cache-block", type=Whole(1, 4096), default=16, show_default=True, help="Tokens of a block of it.")
@click.option("--close-after-answer", is_flag=True, help="Close after each response, unannounced.")
@click.option("--until-stdin-closes", is_flag=True, help="Also stop when standard input ends.")
@seed_option
def command(
    host: str,
    port: int,
    unix: Path | None,
    ttft_ms: float,
    ttft_dist: Distribution,
    ttft_sd_ms: float | None,
    itl_ms: float,
    itl_dist: Distribution,
    itl_sd_ms: float | None,
    truth: Path | None,
    until_stdin_closes: bool,
    prefill_tok_s: float | None,
    cache_tokens: int | None,
    cache_block: int,
    **rest: Any,
) -> int:
    """Serve chat completions with known timing, to test a load generator.

    Speaks the OpenAI protocol, prints one JSON line with its URL and serves until SIGTERM or Ctrl-C. --truth
    records the send time of every chunk on CLOCK_MONOTONIC (schemas/truth.v1.json); the file is written when the
    endpoint is idle and when it stops.

    Example: kit reference --ttft-ms 50 --itl-ms 5 --slots 32 --truth truth.jsonl
    """
    from kit.reference.behaviour import Behaviour
    from kit.reference.listening import allow_many_descriptors, listen, listen_unix
    from kit.reference.prefix_cache import PrefixCacheShape
    from kit.reference.server import Server
    from kit.reference.truth import TruthLog

    _check_slots(rest["batching"], rest["slots"], itl_ms)
    rest["seed"] = rest["seed"] or 0
    behaviour = Behaviour(
        ttft=_delay("ttft", ttft_dist, ttft_ms, ttft_sd_ms),
        itl=_delay("itl", itl_dist, itl_ms, itl_sd_ms),
        prefill_ns_per_token=0 if prefill_tok_s is None else round(1e9 / prefill_tok_s),
        cache=None if cache_tokens is None else PrefixCacheShape(cache_tokens, cache_block),
        **rest,
    )
    allow_many_descriptors()
    listener = listen(host, port) if unix is None else listen_unix(unix)
    try:
        server = Server(behaviour, listener, None if truth is None else TruthLog(truth))
        _serve(server, until_stdin_closes=until_stdin_closes)
    finally:
        listener.close()
        if unix is not None:
            unix.unlink(missing_ok=True)
    return 0


def _serve(server: Server, *, until_stdin_closes: bool) -> None:
    import gc
    import signal
    import threading

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: server.stop())
    if until_stdin_closes:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    show_json(json.dumps({"schema": "kit/listening/1", "event": "listening", "url": server.url}))
    # What exists now stays; a collection of what comes is rare and short.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    server.run()


def _stop_at_end_of_input(server: Server) -> None:
    import os

    # Not through sys.stdin: a thread that holds its lock would keep the interpreter from ending.
    while os.read(0, 65536):
        pass
    server.stop()
