"""A toy server and the load on it, in integer arithmetic: the exchanges that a load generator would have seen.

The server has some slots; a request waits for a free one, then its tokens come at a steady step. The workers are
a closed loop as kit.loadgen.session runs it: warm-up, window, drain, and a cut when the window's last has ended.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from kit.documents import CellPlan, Exchange, Plan, PlannedRequest
from kit.plan.schedule import arrivals_ns, pause_ns, planned_request, u64
from kit.plan.workloads.corpus import prompt_count
from kit.plan.workloads.shapes import loop_of, shape_of
from tests.support.streams import DONE, chunk, event, usage

MS = 1_000_000
SENT_AFTER_NS, QUEUE_NS, PREFILL_NS, STEP_NS = 40_000, 300_000, 9 * MS, 2 * MS
PREFILL_NS_PER_TOKEN = 120_000  # of prompts made to a length
LONG_NS = 2 * 10**9  # from so long a window on there is noise, for rules that look at it
SERVED_MODEL = "m"  # as the events of `streams.chunk` say


def exchanges_of(plan: Plan, cell: CellPlan, slots: int, faults: Mapping[int, str]) -> tuple[list[Exchange], int]:
    """The exchanges of one load in the order of their ids, and when the load was over (ns).

    `faults` says which requests fail, and how: "http_status", "connect", "garbage", "empty", or "stall" for one
    that is never answered, so that the load lasts until the drain is over.
    """
    if plan.workload.loop == "open":
        return _open_loop(plan, cell, slots)
    longest_ns = plan.workload.warmup_ns + plan.workload.window_ns + plan.workload.drain_ns
    window_end_ns = plan.workload.warmup_ns + plan.workload.window_ns
    workers = [(0, worker) for worker in range(cell.concurrency)]
    free_ns = [0] * slots
    failures: Counter[int] = Counter()
    made: list[Exchange] = []
    over_ns = window_end_ns
    while True:
        intended_ns, worker = heapq.heappop(workers)
        if intended_ns >= over_ns:
            break
        exchange = _exchange(plan, cell, (len(made), worker, intended_ns), free_ns, faults.get(len(made)))
        made.append(exchange)
        if exchange.sent_ns is not None and exchange.sent_ns < window_end_ns:
            over_ns = min(max(over_ns, exchange.done_ns), longest_ns)
        heapq.heappush(workers, (exchange.done_ns + _pause_ns(exchange, failures), worker))
    over_ns += 30_000
    return [_cut(exchange, over_ns) for exchange in made], over_ns


def _open_loop(plan: Plan, cell: CellPlan, slots: int) -> tuple[list[Exchange], int]:
    """Every arrival up to the end of the load, over whatever connection is free."""
    window_end_ns = plan.workload.warmup_ns + plan.workload.window_ns
    loop = loop_of(plan.workload, shape_of(plan, cell), cell.concurrency)
    free_ns, done_ns = [0] * slots, list[int]()  # by worker: when its connection is free again
    made: list[Exchange] = []
    over_ns = window_end_ns
    for intended_ns in arrivals_ns(plan.seed, cell.lane, loop):
        if intended_ns > over_ns:
            break
        worker = next((at for at, done in enumerate(done_ns) if done <= intended_ns), len(done_ns))
        exchange = _exchange(plan, cell, (len(made), worker, intended_ns), free_ns, None)
        exchange = replace(exchange, connect_ns=intended_ns + 5_000 if worker == len(done_ns) else None)
        done_ns[worker : worker + 1] = [exchange.done_ns]
        made.append(exchange)
        if exchange.sent_ns is not None and exchange.sent_ns < window_end_ns:
            over_ns = max(over_ns, exchange.done_ns)
    over_ns += 30_000
    return [_cut(exchange, over_ns) for exchange in made], over_ns


def request_of(plan: Plan, cell: CellPlan, index: int) -> PlannedRequest:
    """What the schedule gives a request of this cell."""
    shape = shape_of(plan, cell)
    count = plan.prompts.count if shape.input_tokens is None else prompt_count(shape.input_tokens)
    return planned_request(plan.seed, cell.lane, index, count, shape.output_tokens)


def _pause_ns(exchange: Exchange, failures: Counter[int]) -> int:
    """How long the worker waits: not at all after what looks like an answer to the load generator."""
    if exchange.failure is None and exchange.status == 200:
        failures[exchange.worker] = 0
        return 0
    failures[exchange.worker] += 1
    return pause_ns(failures[exchange.worker] - 1)


def _exchange(
    plan: Plan, cell: CellPlan, who: tuple[int, int, int], free_ns: list[int], fault: str | None
) -> Exchange:
    index, worker, intended_ns = who
    request = request_of(plan, cell, index)
    sent_ns = intended_ns + SENT_AFTER_NS
    started_ns = sent_ns + QUEUE_NS if fault else max(sent_ns + QUEUE_NS, heapq.heappop(free_ns))
    body = _body(request.salt, request.max_tokens, shape_of(plan, cell).input_tokens)
    noisy = plan.workload.window_ns >= LONG_NS
    if noisy:  # all slots step together
        started_ns = -(-started_ns // STEP_NS) * STEP_NS
    prefill_ns = max(PREFILL_NS, (shape_of(plan, cell).input_tokens or 0) * PREFILL_NS_PER_TOKEN)
    pieces = [(started_ns + prefill_ns + at * STEP_NS, data) for at, data in enumerate(body)]
    if noisy:
        delays_ns = [_delay_ns(u64(plan.seed, cell.id, f"noise.{index}", at)) for at in range(len(body))]
        pieces = [(at + delay_ns, data) for (at, data), delay_ns in zip(pieces, delays_ns, strict=True)]
    role = event(chunk({"role": "assistant", "content": None}))
    good = Exchange(
        id=index,
        worker=worker,
        intended_ns=intended_ns,
        connect_ns=intended_ns + 5_000 if intended_ns == 0 else None,
        sent_ns=sent_ns,
        headers_ns=started_ns,
        done_ns=pieces[-1][0],
        status=200,
        pieces=((started_ns, role), *pieces),
        complete=True,
    )
    if fault:
        return _broken(good, fault)
    heapq.heappush(free_ns, good.done_ns)
    return good


def _delay_ns(drawn: int) -> int:
    """How late a chunk is: mostly a few hundredths of a millisecond, sometimes almost a step."""
    late_ns = 40_000 * 2**64 // (drawn + 1)
    return late_ns if late_ns < STEP_NS * 9 // 10 else STEP_NS * 9 // 10 - drawn % 100_000


def _body(salt: str, tokens: int, prompt_tokens: int | None = None) -> list[bytes]:
    """The events of one answer: one word a token; the finish, usage and the end mark come with the last."""
    words = [event(chunk({"content": f" {salt[at % 16 :]}{at}"})) for at in range(tokens)]
    counted = usage(tokens, cached=0) | ({} if prompt_tokens is None else {"prompt_tokens": prompt_tokens})
    last = event({"model": SERVED_MODEL, "choices": [], "usage": counted})
    return [*words[:-1], words[-1] + event(chunk({}, "length")) + last + DONE]


def _broken(good: Exchange, fault: str) -> Exchange:
    """The exchange as it would have been with this fault; it ends early."""
    if fault == "connect":
        ended_ns = good.intended_ns + MS
        return replace(
            good,
            connect_ns=good.intended_ns + 5_000,
            sent_ns=None,
            headers_ns=None,
            done_ns=ended_ns,
            status=None,
            pieces=(),
            complete=False,
            failure="connect",
            failure_detail="Connection refused",
        )
    if fault == "stall":
        return replace(good, headers_ns=None, done_ns=10**15, status=None, pieces=(), complete=False)
    assert good.headers_ns is not None
    ended_ns = good.headers_ns + MS
    status, data = {
        "http_status": (500, b'{"error": {"message": "out of memory"}}'),
        "garbage": (200, b"data: {oops\n\n"),
        "empty": (200, event(chunk({}, "stop")) + DONE),
    }[fault]
    return replace(good, done_ns=ended_ns, status=status, pieces=((ended_ns, data),))


def _cut(exchange: Exchange, over_ns: int) -> Exchange:
    """What the end of the load leaves of an exchange that was still going on."""
    if exchange.done_ns <= over_ns:
        return exchange
    pieces = tuple(piece for piece in exchange.pieces if piece[0] <= over_ns)
    return replace(
        exchange,
        pieces=pieces,
        headers_ns=exchange.headers_ns if pieces else None,
        status=200 if pieces else None,
        done_ns=over_ns,
        complete=False,
        unfinished=True,
    )
