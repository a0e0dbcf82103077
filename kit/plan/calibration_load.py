"""What a calibration asks of the reference endpoint: its loads, and how long they are. Pure."""

from __future__ import annotations

from kit.documents import Load, Loop, OutputTokens, TextPin, Window
from kit.plan.plan import TIMEOUTS, seconds_to_ns
from kit.plan.prompts import load_prompts
from kit.plan.schedule import NAME, planned_request

# An answer streams for about this long, longer where many streams would begin too many requests a second; lengths
# vary by a quarter, so that streams do not stay in step.
STREAM_S, LONGEST_STREAM_S = 0.2, 1.2
REQUESTS_PER_S = 200
WINDOW_STREAMS = 1.3  # a window is as long as so many answers at least, so that every worker sends in it
PROMPTS, SEED = "micro", 2026
DRAIN_NS = 5_000_000_000
# Of a run's own calibration: the warm-up of each load, the window of a point and that of a step of the search.
WARMUP_NS, WINDOW_NS, STEP_WINDOW_NS = 300_000_000, 1_700_000_000, 700_000_000


def stream_s(concurrency: int) -> float:
    """How long an answer streams, about."""
    return min(LONGEST_STREAM_S, max(STREAM_S, concurrency / REQUESTS_PER_S))


def output_tokens(rate_tok_s: float, lasting_s: float) -> OutputTokens:
    """Lengths with which a stream at this pace lasts about so long, give or take a quarter."""
    mean = rate_tok_s * lasting_s
    low = max(2, round(mean * 0.75))
    return OutputTokens("uniform", low, max(low, round(mean * 1.25)))


def long_enough_ns(concurrency: int, window_ns: int) -> int:
    """The length of a window in which every worker sends."""
    return max(window_ns, seconds_to_ns(WINDOW_STREAMS * stream_s(concurrency)))


def run_window(concurrency: int, *, step: bool) -> Window:
    """The window of a point, or of a step of the search, of a run's own calibration."""
    length_ns = long_enough_ns(concurrency, STEP_WINDOW_NS if step else WINDOW_NS)
    return Window(WARMUP_NS, WARMUP_NS + length_ns)


def lane(concurrency: int) -> str:
    """The lane of the schedule that a load has."""
    return f"calibrate-c{concurrency}"


def asked_tokens(concurrency: int, rate_tok_s: float, index: int) -> int:
    """How long the answer to a request was asked to be; each chunk has one token."""
    lengths = output_tokens(rate_tok_s, stream_s(concurrency))
    # the prompt makes no difference to it, so one will do
    return planned_request(SEED, lane(concurrency), index, 1, lengths).max_tokens


def calibration_load(url: str, concurrency: int, rate_tok_s: float, warmup_ns: int, window_ns: int) -> Load:
    """The closed loop of one point."""
    prompts = load_prompts(PROMPTS)
    return Load(
        schema="kit/load/1",
        url=url,
        model="reference",
        loop=Loop("closed", concurrency),
        warmup_ns=warmup_ns,
        window_ns=long_enough_ns(concurrency, window_ns),
        requests=None,
        drain_ns=DRAIN_NS,
        timeouts=TIMEOUTS,
        schedule=NAME,
        seed=SEED,
        lane=lane(concurrency),
        prompts=TextPin(prompts.name, prompts.sha256, len(prompts.texts)),
        output_tokens=output_tokens(rate_tok_s, stream_s(concurrency)),
        extra_body={},
    )
