"""How long the load generator waits before it looks at its connections again.

Where the kernel stamps what arrives, nobody has to hurry to read it: one wake-up can serve all that came
meanwhile, and a wake-up costs several times what reading a token does. But what one stream sends within one wait
may be read in one piece, with one stamp: the wait stays well below the time between two tokens of a stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

SHORTEST_NS = 500_000  # the error of a stamp in a stream too fast for its tokens to be told apart
LONGEST_NS = 2_000_000  # a client that is done sends its next request so much later at most
OF_GAP = 2, 5  # the wait's share of the shortest gap of late; more, and two tokens of a jittery stream meet
TICKS = 8  # as many spans are "of late": in one in which all streams begin, they seem slower than they are
WORTH_PIECES = 1.5  # with fewer in a wait, the wait is a wake-up more and not one less


def linger_ns(pieces: int, gap_ns: int, span_ns: int) -> int:
    """The wait for `pieces` read in `span_ns`, those of the fastest stream `gap_ns` apart; 0 if none pays."""
    if pieces <= 0 or span_ns <= 0:
        return 0
    wait_ns = min(LONGEST_NS, max(SHORTEST_NS, gap_ns * OF_GAP[0] // OF_GAP[1]))
    return wait_ns if pieces * wait_ns >= WORTH_PIECES * span_ns else 0


class Pace:
    """The gap between the tokens of the fastest stream, from what each connection gave in the last spans."""

    def __init__(self) -> None:
        self._gaps_ns: deque[int] = deque(maxlen=TICKS)

    def linger_ns(self, read: Sequence[int], span_ns: int) -> int:
        """The wait that suits, when a span ends in which `read` pieces were read of each connection."""
        self._gaps_ns.append(span_ns // max(1, max(read, default=0)))
        return linger_ns(sum(read), min(self._gaps_ns), span_ns)
