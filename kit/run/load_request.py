"""What a person asks of a load by hand, and the exact load that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from kit.documents import Load, Loop, OutputTokens, Sessions, Slo, TextPin, Timeouts, TracePin
from kit.documents.shape import Api
from kit.errors import InputError
from kit.metrics.clients import MAX_CLIENTS
from kit.metrics.validation import parse_rule
from kit.plan.chat_body import check_members
from kit.plan.plan import METHOD, TIMEOUTS, seconds_to_ns
from kit.plan.prompts import PromptSet
from kit.plan.schedule import NAME
from kit.plan.target import Access, parse_target
from kit.plan.trace_tables import played_trace
from kit.plan.traces import MAX_AT_MS, NS_PER_MS, pin_trace, read_trace, trace_offsets_ns
from kit.plan.workloads.sessions import check_load, total_turns
from kit.run.model_choice import chosen_model
from kit.storage.names import TRACE

DRAIN_S = 120.0
MAX_TRACE_NS = MAX_AT_MS * NS_PER_MS


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a person asks for: durations in seconds; the window is `window_s`, `requests` or the whole trace.

    `trace` is the bytes of a trace file called `trace_name`; a loop of arrivals "trace" needs it. `prompts` is a
    set, or the name of one of the kit's. `body` and `without` are members of the request that are set and left
    out. Without `access` it is the environment's. With `input_tokens` the prompts are made again, to that length
    by the server's own counts. `client` of `clients` carries out its share from `at_utc` on; 0 is a load of one.
    """

    url: str
    model: str | None
    loop: Loop
    warmup_s: float
    window_s: float | None
    requests: int | None
    prompts: str | PromptSet
    output_tokens: OutputTokens
    ignore_eos: bool
    seed: int
    lane: str = "load"
    access: Access | None = None
    timeouts: Timeouts = TIMEOUTS
    body: Mapping[str, object] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    limit_key: str = "max_tokens"
    api: Api = "chat"
    system: bool = True
    ramp_s: float = 0.0
    slo: Slo | None = None
    validate: str | None = None
    trace: bytes | None = None
    trace_name: str = TRACE
    trace_speed_milli: int = 1000
    max_error_milli: int | None = None
    processes: int | None = None
    input_tokens: int | None = None
    sessions: Sessions | None = None
    clients: int = 1
    client: int = 0
    at_utc: str | None = None


class _Span(TypedDict):
    """How long a load is measured and what stands before."""

    warmup_ns: int
    window_ns: int | None
    requests: int | None
    ramp_ns: int
    trace: TracePin | None


def make_load(request: LoadRequest, prompts: PromptSet) -> Load:
    """The exact load; asks the server for a model name if none is given. `InputError` if it makes no sense."""
    if request.validate is not None:
        parse_rule(request.validate)
    check_members(request.body, request.without)
    _check_clients(request)
    if request.api == "completions" and prompts.chats:
        raise InputError(
            "These prompts are chats, which cannot be sent as raw prompts.",
            "Give a file of texts, or leave out --api completions.",
        )
    if request.sessions is not None:
        other_end = request.requests is not None or request.window_s is not None or request.warmup_s > 0
        check_load(request.sessions, request.loop, prompts, ends_otherwise=other_end)
    span = _span(request)
    target = parse_target(request.url)
    access = Access.from_environment() if request.access is None else request.access
    return Load(
        schema="kit/load/1",
        url=target.base_url,
        model=request.model or chosen_model(target, access),
        loop=request.loop,
        drain_ns=max(seconds_to_ns(DRAIN_S), request.timeouts.total_ns if request.timeouts != TIMEOUTS else 0),
        timeouts=request.timeouts,
        schedule=NAME,
        seed=request.seed,
        lane=request.lane,
        prompts=TextPin(prompts.name, prompts.sha256, prompts.count),
        output_tokens=request.output_tokens,
        extra_body={**({"ignore_eos": True} if request.ignore_eos else {}), **request.body},
        slo=request.slo,
        validate=request.validate,
        max_error_milli=request.max_error_milli,
        processes=request.processes,
        method=METHOD,
        chat="system-user" if request.system else "user",
        prompts_from=prompts.origin,
        without=request.without,
        limit_key="max_completion_tokens" if request.limit_key == "max_completion_tokens" else "max_tokens",
        headers=tuple(name for name, _ in access.headers if name.lower() != "authorization"),
        insecure=access.insecure and target.tls,
        api=request.api,
        sessions=request.sessions,
        clients=request.clients,
        client=request.client,
        at_utc=request.at_utc,
        **span,
    )


def _check_clients(request: LoadRequest) -> None:
    """A share is one of at most MAX_CLIENTS, of a load that ends by time, and has a user."""
    if request.clients == 1:
        return
    if not 1 <= request.client <= request.clients <= MAX_CLIENTS:
        raise InputError(
            f"There is no client {request.client} of {request.clients}.",
            f"Give --shard I/N, I from 1 to N, N at most {MAX_CLIENTS}.",
        )
    if request.window_s is None or request.requests is not None or request.sessions is not None:
        raise InputError(
            "A load by several clients ends by time and has no sessions.", "Give --duration to every client."
        )
    if (request.processes or 1) > 1:
        raise InputError(
            "A client of several is one process.", "Leave --processes out, and start a client for each core."
        )
    if request.input_tokens is not None:
        raise InputError("Prompts of a length are made by each client's own counts.", "Leave --input-tokens out.")
    if request.loop.kind == "closed" and (request.loop.concurrency or 1) < request.clients:
        raise InputError(
            f"{request.loop.concurrency or 1} users are fewer than {request.clients} clients.",
            "Give --concurrency for all clients together.",
        )


def _span(request: LoadRequest) -> _Span:
    warmup_ns, ramp_ns = seconds_to_ns(request.warmup_s), seconds_to_ns(request.ramp_s)
    if ramp_ns and request.loop.kind == "open":
        raise InputError("--ramp applies to closed loops only.", "Leave it out.")
    if ramp_ns > warmup_ns:
        raise InputError(
            f"The ramp of {request.ramp_s:g} s is longer than the warm-up of {request.warmup_s:g} s.",
            f"Users must start before the window: give --warmup {request.ramp_s:g} or more.",
        )
    window_ns = None if request.window_s is None else seconds_to_ns(request.window_s)
    pin, requests = None, request.requests
    if request.sessions is not None and request.sessions.count is not None:
        requests = total_turns(request.sessions, request.seed, request.lane)
    if request.trace is not None:
        played = played_trace(request.trace, request.trace_name)
        lines = read_trace(played, request.trace_name)
        pin = pin_trace(played, request.trace_name, lines, request.trace_speed_milli)
        offsets_ns = trace_offsets_ns(lines, request.trace_speed_milli)
        requests = _traced_requests(request, offsets_ns, warmup_ns, window_ns)
    return _Span(warmup_ns=warmup_ns, window_ns=window_ns, requests=requests, ramp_ns=ramp_ns, trace=pin)


def _traced_requests(
    request: LoadRequest, offsets_ns: Sequence[int], warmup_ns: int, window_ns: int | None
) -> int | None:
    """How many requests of a trace are measured: those after the warm-up, or fewer; None with a window."""
    left = sum(offset >= warmup_ns for offset in offsets_ns)
    if not left:
        raise InputError("The trace ends before the warm-up does.", "Give a shorter --warmup.")
    if offsets_ns[-1] > MAX_TRACE_NS:
        raise InputError("The trace takes more than seven days at this speed.", "Give a larger --rate-scale.")
    if window_ns is not None:
        if warmup_ns + window_ns > offsets_ns[-1]:
            raise InputError(
                f"The trace ends {offsets_ns[-1] / 1e9:g} s after its start, before the window does.",
                "Leave --duration out to measure the whole trace.",
            )
        return None
    if request.requests is not None and request.requests > left:
        raise InputError(
            f"The trace has {left} requests after the warm-up, not {request.requests}.", "Leave --requests out."
        )
    return request.requests or left
