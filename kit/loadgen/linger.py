"""How long the load generator waits before it looks at its connections again.

Where the kernel stamps what arrives, nobody has to hurry to read it: one wake-up can serve all that came
meanwhile, and a wake-up costs ten times what reading a token does. But what one stream sends within one wait may
be read in one piece, with one stamp: the wait stays well below the time between two tokens of a stream.
"""

from __future__ import annotations

SHORTEST_NS = 500_000  # the error of a stamp in a stream too fast for its tokens to be told apart
LONGEST_NS = 2_000_000  # a client that is done sends its next request so much later at most
SHARE_OF_GAP = 4  # a stream that began amid the span seems slower than it is
WORTH_PIECES = 1.5  # with fewer in a wait, the wait is a wake-up more and not one less


def linger_ns(pieces: int, most: int, span_ns: int) -> int:
    """The wait that suits `pieces` read in `span_ns`, `most` of them from one connection; 0 where none pays."""
    if pieces <= 0 or span_ns <= 0:
        return 0
    gap_ns = span_ns // max(1, most)
    wait_ns = min(LONGEST_NS, max(SHORTEST_NS, gap_ns // SHARE_OF_GAP))
    return wait_ns if pieces * wait_ns >= WORTH_PIECES * span_ns else 0
