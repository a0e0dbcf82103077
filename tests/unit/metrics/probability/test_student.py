"""Student's t: the tables of every textbook, and the same digits in any arithmetic context."""

from __future__ import annotations

import decimal
from math import atan, pi, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.metrics.probability import student
from kit.metrics.probability.student import t_limit, two_sided_p

# Two-sided limits as tables print them (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2).
TABLE = {
    0.90: {1: 6.314, 2: 2.920, 3: 2.353, 4: 2.132, 5: 2.015, 9: 1.833, 18: 1.734, 30: 1.697, 100: 1.660},
    0.95: {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 18: 2.101, 30: 2.042, 100: 1.984},
    0.99: {1: 63.657, 2: 9.925, 3: 5.841, 4: 4.604, 5: 4.032, 9: 3.250, 18: 2.878, 30: 2.750, 100: 2.626},
}


@pytest.mark.parametrize("confidence", TABLE)
def test_the_limits_are_those_of_the_tables(confidence: float) -> None:
    """Each to its three digits."""
    found = {df: round(float(t_limit(df, confidence)), 3) for df in TABLE[confidence]}
    assert found == TABLE[confidence]


@pytest.mark.parametrize(
    ("df", "t", "p"),
    [
        (1, 1.0, 0.5),
        (1, 3.0, 1 - 2 * atan(3.0) / pi),
        (2, 3.7, 1 - 3.7 / sqrt(2 + 3.7**2)),
        (4, 0.8, 1 - 0.8 * (6 + 0.8**2) / (4 + 0.8**2) ** 1.5),
    ],
)
def test_tails_of_few_degrees_of_freedom_have_closed_forms(df: int, t: float, p: float) -> None:
    """An angle with 1, roots with 2 and 4."""
    assert two_sided_p(t, df) == pytest.approx(p, rel=1e-13)


@settings(max_examples=40, deadline=None)
@given(st.floats(1, 200), st.floats(0.5, 0.9999))
def test_limit_and_tail_are_inverse(df: float, confidence: float) -> None:
    """What lies within the limit and beyond it is all there is."""
    assert two_sided_p(float(t_limit(df, confidence)), df) == pytest.approx(1 - confidence, rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.floats(1, 100), st.floats(0, 50))
def test_a_tail_is_a_probability_on_both_sides(df: float, t: float) -> None:
    """The same for t and -t."""
    assert 0 <= two_sided_p(t, df) == two_sided_p(-t, df) <= 1


def test_many_degrees_of_freedom_are_the_normal_distribution() -> None:
    """1.96 at 95 %, and no step of the arithmetic is lost on the way."""
    assert float(t_limit(1e7, 0.95)) == pytest.approx(1.959964, abs=1e-6)


def test_extremes_have_ends() -> None:
    """No difference, and one beyond all doubt."""
    assert two_sided_p(0.0, 3) == 1
    assert two_sided_p(1e9, 2) == pytest.approx(1e-18)
    assert two_sided_p(1e12, 300) == 0


def test_the_context_of_whoever_calls_changes_nothing() -> None:
    """Somebody's precision or rounding, or a float trap, is not ours."""
    expected = (float(t_limit(2.5, 0.975)), two_sided_p(2.5, 3.25))
    for cached in (student.t_limit, student._scale):
        cached.cache_clear()
    with decimal.localcontext(decimal.Context(prec=5, rounding=decimal.ROUND_UP)):
        assert (float(t_limit(2.5, 0.975)), two_sided_p(2.5, 3.25)) == expected
