"""Every figure by its path: what people call it, its unit, its digits, and whether higher or lower is better.

Paths are places in the metrics document ("throughput_tok_s", "ttft_ms.p50") and the further figures of a study.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from kit.text import hint, number

Better = Literal["higher", "lower", "neither"]

PREFILL, PREFILL_TOTAL = "prefill_tok_s.p50", "prefill_total_tok_s"
THROUGHPUT, DECODE, GOODPUT, ERROR_RATE = "throughput_tok_s", "decode_tok_s", "goodput_req_s", "error_rate"
TTFT_P50, TTFT_P99, ITL_P50, ITL_P99 = "ttft_ms.p50", "ttft_ms.p99", "itl_ms.p50", "itl_ms.p99"
# What each distribution is called, and with how many digits its times in ms are given.
TIMES: Mapping[str, tuple[str, int]] = {
    "ttft_ms": ("TTFT", 1),
    "tpot_ms": ("TPOT", 2),
    "itl_ms": ("ITL", 2),
    "e2e_ms": ("end to end", 1),
}
PARTS = ("n", "min", "p50", "p90", "p95", "p99", "p999", "max", "mean")
# From, and below which number of tokens an answer is short, medium or long; the edges are probador's.
LENGTHS = (("short", 0, 32), ("medium", 32, 129), ("long", 129, None))


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. `better` is "neither" for counts that only describe the load.

    `about` follows the name where there is room, `detail` the unit over a table of the figure. A table shows the
    figure at `fallback` where this one has too few samples, and a share as percent with `percent_digits`.
    """

    path: str
    name: str
    unit: str
    digits: int
    better: Better
    about: str = ""
    detail: str = ""
    fallback: str | None = None
    percent_digits: int | None = None

    @property
    def title(self) -> str:
        return f"{self.name} {self.about}".rstrip()

    @property
    def label(self) -> str:
        """Name and unit, `decode (tok/s)`."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def heading(self) -> str:
        """What stands over a table of it."""
        return replace(self, name=self.name[0].upper() + self.name[1:], unit=self.detail or self.unit).label

    def shown(self, value: float | None) -> str:
        """A value in a table; a dash for no data."""
        if value is None or self.percent_digits is None:
            return number(value, self.digits)
        return f"{number(value * 100, self.percent_digits)} %"


def _described(path: str, digits: int = 1) -> Metric:
    return Metric(path, path, "", digits, "neither")


def _time(name: str, part: str) -> Metric:
    word, digits = TIMES[name.replace("_from_intended", "")]
    path = f"{name}.{part}"
    if part == "n":
        return _described(path, 0)
    fallback = f"{name}.max" if part == "p99" else None  # a p99 needs many samples; the largest is never less
    return Metric(path, f"{word} {part}", "ms", digits, "lower", fallback=fallback)


_SCALARS = (
    Metric(THROUGHPUT, "throughput", "tok/s", 1, "higher", detail="tokens/s, all users together"),
    Metric(DECODE, "decode", "tok/s", 1, "higher", "per user", "tokens/s per user"),
    Metric("request_rate_s", "requests finished", "req/s", 2, "higher"),
    Metric(ERROR_RATE, "error rate", "", 4, "lower", percent_digits=1),
    _described("mean_in_flight"),
    Metric("goodput_share", "goodput share", "", 4, "higher"),
    Metric(GOODPUT, "goodput", "req/s", 2, "higher"),
)
# Figures that only some runs have, and then a table of each: of prompts made to a length, and of open loops, whose
# users wait from the moment when they came.
_PREFILLS = (
    Metric(
        PREFILL,
        "prefill p50",
        "tok/s",
        1,
        "higher",
        "of a request",
        "prompt tokens/s until a request's first text",
    ),
    Metric(PREFILL_TOTAL, "prefill", "tok/s", 1, "higher", "together", "prompt tokens/s, all users together"),
)
_ARRIVED = tuple(
    replace(_time(f"{name}_from_intended_ms", part), name=f"{word} {part} from arrival", fallback=None)
    for name, word in (("ttft", "TTFT"), ("e2e", "end to end"))
    for part in ("p50", "p99")
)
# cold_start_ms: from the start of the server until it is ready, weights loaded; pass_rate: of the answers to the
# correctness prompts; *_tokens_mean: for each ok request; tpot_cv: deviation / mean of the requests' TPOT;
# tpot_ms.by_output.*: mean TPOT of requests with answers of that length; the rest is what telemetry would say.
_EXTRAS = (
    _described("requests.ok"),
    Metric("requests.failed", "requests failed", "", 0, "lower"),
    _described("requests.unfinished"),
    _described("tokens.completion"),
    _described("tokens.prompt"),
    _described("prompt_tokens_mean"),
    _described("output_tokens_mean"),
    Metric("tpot_cv", "variation of TPOT", "", 3, "lower"),
    Metric("spikes", "spikes", "", 0, "lower"),
    Metric("decode_us_per_layer", "decode per layer", "us", 1, "lower"),
    Metric("cold_start_ms", "cold start", "ms", 0, "lower"),
    Metric("pass_rate", "correct answers", "", 3, "higher"),
    Metric("memory_max_mb", "memory", "MB", 0, "lower"),
    Metric("power_mean_w", "power", "W", 1, "lower"),
    Metric("joules_per_token", "energy", "J/token", 3, "lower"),
    *(_time("tpot_ms", f"by_output.{name}") for name, _, _ in LENGTHS),
)
HIT_RATE = "hit_rate"
_SESSIONS = (
    Metric(
        HIT_RATE,
        "cache hit rate",
        "",
        4,
        "higher",
        detail="share of prompt tokens, by the server",
        percent_digits=1,
    ),
    Metric("later_hit_rate", "cache hit rate of later turns", "", 4, "higher", percent_digits=1),
    Metric("ttft_first_ms.p50", "TTFT p50 of first turns", "ms", 1, "lower"),
    Metric("ttft_later_ms.p50", "TTFT p50 of later turns", "ms", 1, "lower"),
    Metric("ttft_later_ms.p99", "TTFT p99 of later turns", "ms", 1, "lower", fallback="ttft_later_ms.max"),
    Metric("ttft_later_ms.max", "TTFT maximum of later turns", "ms", 1, "lower"),
    Metric("session_ms.p50", "session p50", "ms", 0, "lower", detail="ms, whole sessions"),
)
# Rates of all users together: a load generator that is late, or at its limit, can only make them lower.
LOWERED = (THROUGHPUT, "request_rate_s")
SCALARS = tuple(each.path for each in _SCALARS)
METRICS: Mapping[str, Metric] = {
    each.path: each
    for each in (
        *_SCALARS,
        *(_time(name, part) for name in TIMES for part in PARTS),
        *_EXTRAS,
        *_PREFILLS,
        *_ARRIVED,
        *_SESSIONS,
    )
}
# What is known of sessions (`Metrics.sessions`), by the same kind of path.
SESSIONS = tuple(each.path for each in _SESSIONS)
# What there is a table of, in their order.
TABLES = tuple(METRICS[path] for path in (THROUGHPUT, DECODE, TTFT_P50, TTFT_P99, ITL_P50, ITL_P99, ERROR_RATE))
PREFILL_PATHS, ARRIVAL_PATHS = (tuple(each.path for each in group) for group in (_PREFILLS, _ARRIVED))
MORE_TABLES = (*_PREFILLS, *_ARRIVED)
SESSION_TABLES = tuple(
    METRICS[path] for path in (HIT_RATE, "ttft_first_ms.p50", "ttft_later_ms.p50", "session_ms.p50")
)


def meant_metric(word: str, known: Collection[str], otherwise: str) -> str:
    """What to do about a figure that nobody knows: `ttft` means its median, else the nearest, else `otherwise`."""
    folded = word.strip().lower().replace("-", "_")
    medians = [path for path in (f"{folded}_ms.p50", f"{folded}.p50", folded, f"{folded}_tok_s") if path in known]
    return hint(medians[0] if medians else word, known, otherwise)
