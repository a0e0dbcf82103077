"""Records beside the truth log of the same load: by how much the client is wrong (names as in docs/method.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kit.documents import Record, Window
from kit.metrics.aggregate import sent_in
from kit.metrics.stats import nearest_rank
from kit.reference.truth import Truth


@dataclass(frozen=True, slots=True)
class Errors:
    """Absolute errors in ns of the requests sent in the window, and the chunks lost by all requests.

    `ttft_ns` is of the whole interval from send to first text, `receive_ns` of each chunk's stamp alone (empty
    if the load does not tell its origin), `gap_ns` of each gap between chunks.
    """

    ttft_ns: tuple[int, ...]
    receive_ns: tuple[int, ...]
    gap_ns: tuple[int, ...]
    lost_chunks: int


def _gaps(stamps: Sequence[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(stamps)]


def compare(
    records: Iterable[Record], truths: Iterable[Truth], window: Window | None, origin_ns: int | None
) -> Errors:
    """Match by salt; a chunk that left and is in no record is lost. No window: all requests count."""
    by_salt = {record.salt: record for record in records}
    ttft: list[int] = []
    receive: list[int] = []
    gaps: list[int] = []
    lost = 0
    for truth in truths:
        record = by_salt.get(truth.salt or "")
        seen = [chunk[0] for chunk in record.chunks] if record else []
        left = [stamp for stamp, _ in truth.sent]
        lost += max(0, len(left) - len(seen))
        if record is None or not seen or not left or (window is not None and not sent_in(record, window)):
            continue
        sent_ns = record.sent_ns if record.sent_ns is not None else record.intended_ns
        ttft.append(abs((seen[0] - sent_ns) - (left[0] - truth.received_ns)))
        gaps += [abs(a - b) for a, b in zip(_gaps(seen), _gaps(left), strict=False)]
        if origin_ns is not None:
            receive += [abs(a + origin_ns - b) for a, b in zip(seen, left, strict=False)]
    return Errors(tuple(ttft), tuple(receive), tuple(gaps), lost)


def at_ms(values_ns: Sequence[int], permille: int = 990) -> float | None:
    """A percentile in ms; None without values."""
    return nearest_rank(sorted(values_ns), permille) / 1e6 if values_ns else None


def extent(values_ns: Sequence[int]) -> str:
    """p50 and max, for people."""
    if not values_ns:
        return "no data"
    return f"p50 {at_ms(values_ns, 500):.3f}, max {at_ms(values_ns, 1000):.3f} ms of {len(values_ns):,}"
