"""`kit-schedule-1`: which prompt, salt, length and arrival time request `id` of a lane has.

Everything is a pure function of (seed, lane, id), so a verifier can ask for any element in any order. The
algorithm and its test vectors are in docs/method.md; a change of one bit here needs a new name.

    u64(seed, lane, stream, i) = first 8 bytes, big-endian, of
        SHA-256("kit-schedule-1/" + seed + "/" + lane + "/" + stream + "/" + i)     (decimal, ASCII)
    below(n)                   = u64 * n >> 64
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Final

from kit.documents import Loop, OutputTokens, PlannedRequest
from kit.metrics.limits import BACKOFF_FIRST_NS, BACKOFF_MAX_NS

NAME: Final = "kit-schedule-1"
_NS_PER_S = Decimal(1_000_000_000)
# Decimal's ln and exp are correctly rounded in every implementation, unlike the C library's: same bits everywhere.
_EXACT = Context(prec=30)
_TWO65 = Decimal(2**65)


def u64(seed: int, lane: str, stream: str, index: int) -> int:
    """The 64-bit draw `index` of a named stream."""
    digest = sha256(f"{NAME}/{seed}/{lane}/{stream}/{index}".encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big")


def below(draw: int, n: int) -> int:
    """An integer in [0, n) from a 64-bit draw."""
    return draw * n >> 64


def pause_ns(failures: int) -> int:
    """How long a worker of a closed loop waits that has just failed, after so many failures in a row before it."""
    return min(BACKOFF_MAX_NS, BACKOFF_FIRST_NS << min(failures, 10))


@lru_cache(maxsize=256)
def prompt_order(seed: int, lane: str, epoch: int, n: int) -> tuple[int, ...]:
    """The order of the n prompts of a set in one pass: Fisher-Yates from the top, draws of `order.<epoch>`."""
    order = list(range(n))
    for last in range(n - 1, 0, -1):
        pick = below(u64(seed, lane, f"order.{epoch}", last), last + 1)
        order[last], order[pick] = order[pick], order[last]
    return tuple(order)


def planned_request(seed: int, lane: str, index: int, prompts: int, output: OutputTokens) -> PlannedRequest:
    """Request `index`: prompt (every prompt once per pass), 16 hex digits of salt, output tokens."""
    epoch, place = divmod(index, prompts)
    span = output.max - output.min + 1
    return PlannedRequest(
        id=index,
        prompt=prompt_order(seed, lane, epoch, prompts)[place],
        salt=f"{u64(seed, lane, 'salt', index):016x}",
        max_tokens=output.min + below(u64(seed, lane, "length", index), span),
    )


def _unit(seed: int, lane: str, stream: str, index: int) -> Decimal:
    """A draw in (0, 1), never its ends."""
    return _EXACT.divide(Decimal(2 * u64(seed, lane, stream, index) + 1), _TWO65)


def _exponential(seed: int, lane: str, stream: str, index: int) -> Decimal:
    return _EXACT.minus(_EXACT.ln(_unit(seed, lane, stream, index)))


def _gamma(seed: int, lane: str, index: int, shape: Decimal) -> Decimal:
    """A gamma draw of that shape and mean `shape`: whole part as exponentials, fraction by Jöhnk's rejection."""
    whole = int(shape)
    total = Decimal(0)
    for part in range(whole):
        total = _EXACT.add(total, _exponential(seed, lane, f"gamma.{part}", index))
    fraction = _EXACT.subtract(shape, Decimal(whole))
    rest = _EXACT.subtract(Decimal(1), fraction)
    attempt = 0
    while fraction > 0:
        u = _EXACT.ln(_unit(seed, lane, f"gamma.u.{attempt}", index))
        v = _EXACT.ln(_unit(seed, lane, f"gamma.v.{attempt}", index))
        x = _EXACT.exp(_EXACT.divide(u, fraction))
        y = _EXACT.exp(_EXACT.divide(v, rest))
        both = _EXACT.add(x, y)
        if 0 < both <= 1:
            part_e = _exponential(seed, lane, f"gamma.e.{attempt}", index)
            return _EXACT.add(total, _EXACT.multiply(_EXACT.divide(x, both), part_e))
        attempt += 1
    return total


def arrivals_ns(seed: int, lane: str, loop: Loop) -> Iterator[int]:
    """Endless arrival offsets in ns, ascending, of an open loop; the first arrival is at 0.

    constant: k / rate; poisson: exponential gaps; gamma: gaps of shape `burstiness` and mean 1 / rate.
    """
    if loop.rate_milli_per_s is None:
        raise ValueError("an open loop needs a rate")
    rate = _EXACT.divide(Decimal(loop.rate_milli_per_s), Decimal(1000))
    shape = _EXACT.divide(Decimal(loop.burstiness_milli or 1000), Decimal(1000))
    at = Decimal(0)
    index = 0
    while True:
        yield int(_EXACT.multiply(at, _NS_PER_S))
        index += 1
        if loop.arrivals == "constant":
            at = _EXACT.divide(Decimal(index), rate)
            continue
        gap = (
            _exponential(seed, lane, "arrival", index)
            if loop.arrivals == "poisson"
            else _EXACT.divide(_gamma(seed, lane, index, shape), shape)
        )
        at = _EXACT.add(at, _EXACT.divide(gap, rate))
