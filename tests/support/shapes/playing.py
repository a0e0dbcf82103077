"""Shapes sent over a socket to the real client of the load generator: what its record says then."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kit.documents import CONTENT, REASONING, Exchange, Metrics, PlannedRequest, Record, Window
from kit.loadgen.http1 import ResponseFramer
from kit.metrics.aggregate import cell_metrics
from kit.plan.schedule import planned_request
from kit.stream.record import record
from tests.support.hostile import Peer, Play, asked, carried_out, limits, serving
from tests.support.scripted import MS, PROMPTS
from tests.support.shapes.shape import ANY, IDLE_MS, MAX_TOKENS, Shape, Truth

_LETTERS = {CONTENT: "c", REASONING: "r"}
_LOAD = asked("http://127.0.0.1", tokens=(MAX_TOKENS, MAX_TOKENS))


@dataclass(frozen=True, slots=True)
class Played:
    """What became of one shape: the record and the text that is kept of it."""

    record: Record
    text: str

    @property
    def first_text_ms(self) -> float:
        """From the request to the first chunk of text; 0 without one."""
        sent_ns = self.record.sent_ns or 0
        return (self.record.chunks[0][0] - sent_ns) / MS if self.record.chunks else 0

    @property
    def arrivals(self) -> int:
        """At how many different times the chunks came."""
        return len({stamp for stamp, _, _ in self.record.chunks})

    @property
    def metrics(self) -> Metrics:
        """The numbers of a cell of this one request."""
        window = Window(0, self.record.done_ns + 1)
        return cell_metrics([self.record], window, open_loop=False, method=2)

    def differences(self, truth: Truth) -> dict[str, tuple[object, object]]:
        """What the record says and what is true, by name, where the two are not the same."""
        said = self._said(truth)
        true = {name: getattr(truth, name) for name in said}
        return {name: (said[name], true[name]) for name in said if said[name] != true[name]}

    def _said(self, truth: Truth) -> dict[str, object]:
        """The record in the words of a truth, without what the truth leaves open."""
        record = self.record
        said: dict[str, object] = {
            "outcome": record.outcome,
            "error": record.error,
            "detail": truth.detail if truth.detail in record.error_detail else record.error_detail,
            "text": self.text,
        }
        if truth.finish != ANY or (truth.outcome == "ok" and not record.finish_reason):
            said["finish"] = record.finish_reason
        if truth.channels:
            said["channels"] = "".join(_LETTERS.get(channel, "t") for _, _, channel in record.chunks)
        if truth.outcome == "ok":
            said |= {
                "tokens": record.completion_tokens,
                "by": record.token_source,
                "chunk_tokens": record.chunk_tokens,
                "reasoning_tokens": record.reasoning_tokens,
                "untimed": record.untimed_tokens,
                "fault": record.count_fault,
                "dialect": record.dialect,
                "model": record.model,
            }
        return said


def script(shape: Shape) -> Play:
    """The server's part."""

    def play(peer: Peer) -> None:
        while peer.request():
            for pause_ms, data in shape.writes:
                if pause_ms:
                    peer.wait(pause_ms / 1000)
                peer.send(data)
            if shape.http.then == "reset":
                peer.reset()
            if shape.http.then != "keep":
                return

    return play


def _request() -> PlannedRequest:
    return planned_request(_LOAD.seed, _LOAD.lane, 0, len(PROMPTS), _LOAD.output_tokens)


def played(shape: Shape) -> Played:
    """Send the shape once, over a socket; only one that falls silent meets a short limit."""
    times = limits(idle_ms=IDLE_MS) if shape.truth.error == "timeout_idle" else limits()
    with serving(script(shape)) as server:
        ran = carried_out(replace(_LOAD, url=server.url, timeouts=times))
    return Played(*record(ran.exchanges[0], _request()))


def in_pieces(shape: Shape, size: int) -> Played:
    """The shape as it would be if every read gave so many bytes, without a socket."""
    framer = ResponseFramer()
    data = b"".join(part for _, part in shape.writes)
    for at in range(0, len(data), size):
        framer.feed(at, data[at : at + size])
    exchange = Exchange(0, 0, 0, None, 0, 0, len(data), framer.status, tuple(framer.pieces), framer.complete)
    return Played(*record(exchange, _request()))
