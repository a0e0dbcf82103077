"""Student's t distribution, in decimal arithmetic: the same digits on every machine. Pure.

Intervals are in result.json, which `kit verify` recomputes bit for bit on other machines. The logarithm and the
exponential of the C library differ between machines in the last digit; those of `decimal` are correctly rounded by
definition, like its sums, products and roots.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache

# Twice the digits of a float, so that what is made of it is rounded once.
ARITHMETIC = Context(
    prec=34, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, capitals=1, clamp=0, flags=[],
    traps=[DivisionByZero, InvalidOperation, Overflow],
)  # fmt: skip
PI = Decimal("3.141592653589793238462643383279502884")
ONE, TWO, HALF = Decimal(1), Decimal(2), Decimal("0.5")
ENOUGH = Decimal("1e-28")  # relative, of a sum or a root that is approached
TINY = Decimal("1e-300")
MAX_STEPS = 10_000
# Stirling's series of ln gamma: B(2k) / (2k (2k - 1)) as numerator and denominator.
STIRLING = (
    (1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360_360), (1, 156), (-3617, 122_400),
    (43_867, 244_188), (-174_611, 125_400), (77_683, 5796), (-236_364_091, 1_506_960),
)  # fmt: skip
STIRLING_FROM = 40  # there the first term that is left out is below 1e-33


def two_sided_p(t: float, df: float) -> float:
    """How likely a t at least so far from 0 is by chance alone, with `df` degrees of freedom."""
    with localcontext(ARITHMETIC):
        return float(_tail(abs(Decimal(t)), Decimal(df)))


@lru_cache(maxsize=1 << 14)
def t_limit(df: float, confidence: float) -> Decimal:
    """How far from 0 a t lies at most with this confidence: 4.303 for 2 degrees of freedom and 0.95."""
    with localcontext(ARITHMETIC):
        freedom, wanted = Decimal(df), ONE - Decimal(confidence)
        scale = _scale(freedom)
        t = Decimal(0)
        # The tail falls ever more slowly as t grows, so each of Newton's steps stays short of the root.
        for _ in range(MAX_STEPS):
            density = scale * _power(ONE + t * t / freedom, -(freedom + 1) / 2)
            step = (_tail(t, freedom) - wanted) / (2 * density)
            t += step
            if step <= ENOUGH * t:
                return t
    raise AssertionError("Newton's method ends")


def _tail(t: Decimal, df: Decimal) -> Decimal:
    """Both tails beyond t: the regularised incomplete beta function at df / (df + t^2) with df / 2 and 1 / 2."""
    if not t:
        return ONE
    a, x = df / 2, df / (df + t * t)
    front = _scale(df) * df.sqrt() * _power(x, a) * (ONE - x).sqrt()  # x^a (1 - x)^(1/2) / B(a, 1/2)
    if x < (a + 1) / (a + HALF + 2):
        return front / a * _fraction(a, HALF, x)
    return ONE - front / HALF * _fraction(HALF, a, ONE - x)


@lru_cache(maxsize=1 << 12)
def _scale(df: Decimal) -> Decimal:
    """The density at 0: gamma((df + 1) / 2) / (sqrt(pi df) gamma(df / 2))."""
    return (_ln_gamma((df + 1) / 2) - _ln_gamma(df / 2)).exp() / (PI * df).sqrt()


def _ln_gamma(x: Decimal) -> Decimal:
    below = ONE
    while x < STIRLING_FROM:
        below *= x
        x += 1
    series = sum(
        (Decimal(top) / (bottom * x ** (2 * k + 1)) for k, (top, bottom) in enumerate(STIRLING)), Decimal(0)
    )
    return (x - HALF) * x.ln() - x + (TWO * PI).ln() / 2 + series - below.ln()


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    """`**` of decimals is only nearly rounded for such exponents; its parts are rounded correctly."""
    return (exponent * base.ln()).exp()


def _fraction(a: Decimal, b: Decimal, x: Decimal) -> Decimal:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = ONE, ONE / (ONE - (a + b) * x / (a + 1))
    found = d
    for m in range(1, MAX_STEPS):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = ONE / ((ONE + factor * d) or TINY)
            c = (ONE + factor / c) or TINY
            found *= c * d
        if abs(c * d - ONE) < ENOUGH:
            return found
    raise AssertionError("the fraction converges")
