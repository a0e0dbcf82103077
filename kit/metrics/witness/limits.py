"""How far honest servers differ from themselves and from others; measured, see docs/method.md.

`python -m benchmarks.witness` measures them again, and simulates how often they err.
"""

from __future__ import annotations

from fractions import Fraction

# Where two answers part, the other word was nearly as likely: kernels for one request and for several round
# differently. Of a server against itself what is looked for is another word altogether; of a server against a
# reference it is other weights, which move a word by as much.
NEAR_MILLINATS, NEAR_REFERENCE_MILLINATS = 500, 350
# Of the mean distance of log probabilities from those of the reference, over the tokens that both have.
MAX_DISTANCE_MILLINATS = 75
MIN_COMMON_TOKENS = 4  # fewer say nothing about a mean
# Without log probabilities nobody knows near ties: only the beginnings are compared, which hold fewer of them.
TEXT_CHARS = 40
# Shares that honest servers may reach: answers that differ under load with and without known margins, from the
# reference with and without them, and answers that do not move with their question.
HONEST_DIFFER, HONEST_DIFFER_BY_TEXT = Fraction(1, 10), Fraction(1, 4)
HONEST_REFERENCE, HONEST_REFERENCE_BY_TEXT = Fraction(1, 10), Fraction(1, 4)
HONEST_UNANSWERED = Fraction(1, 20)
HONEST_UNMOVED = Fraction(1, 3)  # small models often go on as if nothing had been added
MAX_BY_CHANCE = Fraction(1, 1000)  # of each limit
MAX_BY_CHANCE_PAIRED = Fraction(1, 100)  # McNemar's; the share must be beyond the honest one as well
INSTANT_NS_PER_TOKEN = 200_000  # as for replayed answers
MAX_INSTANT_SHARE = Fraction(1, 2)
