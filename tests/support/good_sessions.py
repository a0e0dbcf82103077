"""A good run of sessions, made by code: the load generator's own users and a toy server in integer arithmetic."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256

from kit.documents import Cell, CellPlan, Exchange, Load, Plan, Record, Sessions, Span
from kit.loadgen.talking import Talks
from kit.metrics.results import make_result
from kit.plan.plan import cell_load, planned_entry
from kit.plan.prompts import load_prompts
from kit.plan.schedule import pause_ns
from kit.plan.workloads.session_records import turn_record
from kit.storage.bundle import pack_files
from kit.strict import plain, write_json
from tests.support.calibrations import START_NS, good_calibration
from tests.support.good_bundle import Files, cell_of, good_files, good_plan
from tests.support.streams import DONE, chunk, event
from tests.support.toy_server import MS, SERVED_MODEL

ASKED = Sessions(
    schedule="kit-sessions-1",
    kind="chat",
    turns=Span(2, 4),
    first_tokens=Span(20, 60),
    turn_tokens=Span(5, 20),
    think_ns=Span(0, 20 * MS),
)
SENT_AFTER_NS, STEP_NS, PREFILL_NS = 40_000, 3 * MS, 20_000
Judged = tuple[Record, str]
Change = Callable[[Sequence[Judged]], Sequence[Judged]]


def sessions_plan() -> Plan:
    """The good plan with sessions, and with the caches that they bring."""
    plan = good_plan()
    workload = replace(plan.workload, sessions=ASKED)
    entries = tuple(planned_entry(entry, 2, caches=True) for entry in plan.entries)
    return replace(plan, platform="sessions-short", workload=workload, entries=entries)


def build(messages: list[dict[str, str]], max_tokens: int) -> bytes:
    return json.dumps([messages, max_tokens]).encode()


def talks(load: Load) -> Talks:
    assert load.sessions is not None
    return Talks(load, load.sessions, load_prompts(load.prompts.name).texts, build)


@dataclass(slots=True)
class Toy:
    """A server with a prefix cache of words: it knows each chat that it has answered."""

    faults: Mapping[int, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def answer(self, exchange: Exchange, payload: bytes) -> Exchange:
        """The exchange of a request that was sent with this payload."""
        messages, tokens = json.loads(payload)
        prompt = " ".join(each["content"] for each in messages)
        cached = max((len(text.split()) for text in self.known if prompt.startswith(text)), default=0)
        words = [f" w{len(prompt) % 97}x{at}" for at in range(tokens)]
        self.known.add(prompt + " " + "".join(words))
        count = len(prompt.split())
        sent_ns = exchange.intended_ns + SENT_AFTER_NS
        first_ns = sent_ns + 8 * MS + (count - cached) * PREFILL_NS
        if self.faults.get(exchange.id) == "http_status":
            return replace(
                exchange, sent_ns=sent_ns, headers_ns=first_ns, done_ns=first_ns, status=500, complete=True
            )
        used = {
            "prompt_tokens": count,
            "completion_tokens": tokens,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
        last = event({"model": SERVED_MODEL, "choices": [], "usage": used})
        texts = [event(chunk({"content": word})) for word in words]
        texts[-1] += event(chunk({}, "length")) + last + DONE
        return replace(
            exchange,
            connect_ns=exchange.intended_ns + 5_000 if exchange.intended_ns == 0 else None,
            sent_ns=sent_ns,
            headers_ns=first_ns,
            done_ns=first_ns + (tokens - 1) * STEP_NS,
            status=200,
            pieces=tuple((first_ns + at * STEP_NS, text) for at, text in enumerate(texts)),
            complete=True,
        )


def blank(id_: int, worker: int, intended_ns: int) -> Exchange:
    return Exchange(id_, worker, intended_ns, None, None, None, intended_ns, None, (), complete=False)


def exchanges_of(load: Load, toy: Toy) -> tuple[list[Exchange], int]:
    """The exchanges of a load by time in the order of their ids, and when it was over."""
    users = talks(load)
    assert load.window_ns is not None
    end_ns = load.warmup_ns + load.window_ns
    due = [(0, worker) for worker in range(load.loop.concurrency or 1)]
    failures: dict[int, int] = {}
    made: list[Exchange] = []
    over_ns = end_ns
    while due:
        intended_ns, worker = heapq.heappop(due)
        if intended_ns >= over_ns:
            break
        payload = users.payload(worker)
        exchange = users.heard(toy.answer(blank(len(made), worker, intended_ns), payload))
        made.append(exchange)
        if exchange.sent_ns is not None and exchange.sent_ns < end_ns:
            over_ns = max(over_ns, exchange.done_ns)
        good, think_ns, _ = users.went_on(exchange)
        assert think_ns is not None
        before = failures.get(worker, 0)
        failures[worker] = 0 if good else before + 1
        heapq.heappush(due, (exchange.done_ns + think_ns + (0 if good else pause_ns(before)), worker))
    over_ns += 30_000
    return [_cut(each, over_ns) for each in made], over_ns


def _cut(exchange: Exchange, over_ns: int) -> Exchange:
    if exchange.done_ns <= over_ns:
        return exchange
    pieces = tuple(piece for piece in exchange.pieces if piece[0] <= over_ns)
    return replace(exchange, pieces=pieces, done_ns=over_ns, complete=False, unfinished=True)


def judged_of(plan: Plan, planned: CellPlan, toy: Toy) -> tuple[list[Judged], int]:
    """Records and texts of a cell, and when its load was over."""
    load = cell_load(plan, planned, "http://127.0.0.1:40001", SERVED_MODEL)
    exchanges, over_ns = exchanges_of(load, toy)
    assert load.sessions is not None
    return [turn_record(load, load.sessions, each, limited=True) for each in exchanges], over_ns


def keep(judged: Sequence[Judged]) -> Sequence[Judged]:
    return judged


def session_files(change: Change = keep, faults: Mapping[int, str] | None = None) -> Files:
    """The files of a run of sessions; `change` is made to records and texts of its last cell."""
    plan = sessions_plan()
    files = {name: data for name, data in good_files().items() if not name.startswith("cells/")}
    files["plan.json"] = write_json(plain(plan))
    cells: dict[str, Cell] = {}
    start_ns = START_NS
    for planned in plan.cells:
        judged, over_ns = judged_of(plan, planned, Toy(faults or {}))
        last = planned == plan.cells[-1]
        cell, more = cell_of(plan, planned, start_ns, change(judged) if last else judged, over_ns)
        cells[planned.id] = cell
        files |= {f"cells/{planned.id}/{name}": data for name, data in more.items()}
        files[f"cells/{planned.id}/cell.json"] = write_json(plain(cell))
        start_ns += cell.duration_ns + 20 * MS
    calibration = good_calibration(plan.workload.concurrencies)
    result = make_result(plan, sha256(files["plan.json"]).hexdigest(), cells, calibration)
    files["result.json"] = write_json(plain(result))
    return files


@cache
def session_bundle() -> bytes:
    """The archive of the good run of sessions."""
    return pack_files(session_files()).data


def changed_sessions(change: Change) -> bytes:
    """The same run after a change to one cell, everything that follows from it made again."""
    return pack_files(session_files(change)).data


def in_turn(turn: int, change: Callable[[Judged], Judged]) -> Change:
    """Change the first ok record of that turn that another one of its session follows."""

    def apply(judged: Sequence[Judged]) -> Sequence[Judged]:
        at = next(
            place
            for place, (record, _) in enumerate(judged)
            if record.turn == turn and record.outcome == "ok" and record.turn + 1 < record.turns
        )
        return [*judged[:at], change(judged[at]), *judged[at + 1 :]]

    return apply


def turn_fields(turn: int, /, **values: object) -> Change:
    return in_turn(turn, lambda each: (replace(each[0], **values), each[1]))  # type: ignore[arg-type]


def other_answer(each: Judged) -> Judged:
    """Another text of the same length, whose digest fits: only the turns after it can tell."""
    record, text = each
    other = text[:-1] + ("y" if text[-1] != "y" else "z")
    return replace(record, text_sha256=sha256(other.encode()).hexdigest()), other
