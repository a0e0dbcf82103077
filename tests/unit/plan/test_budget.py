"""How a budget becomes windows and replicates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import InputError
from kit.plan.budget import LONGEST_S, PATIENT_S, SHORTEST_S, effort, least_window_s, minutes


@pytest.mark.parametrize(
    ("cells", "engine", "budget_s", "replicates", "window_s"),
    [
        (8, "process", None, 3, 5.0),
        (8, "process", 20 * 60, 3, 39.0),
        (8, "process", 5 * 60, 2, 8.0),
        (8, "process", 3 * 60, 1, 10.0),
        (8, "process", 3600, 5, 60.0),
        (8, "process", 100 * 3600, 5, 60.0),
        (8, "docker", 30 * 60, 3, 12.0),
    ],
)
def test_rather_three_replicates_than_long_windows(
    cells: int, engine: str, budget_s: float | None, replicates: int, window_s: float
) -> None:
    """Then long windows, then five replicates; more time than that gives is not taken."""
    found = effort(cells, engine, SHORTEST_S, budget_s)
    assert (found.replicates, found.window_s) == (replicates, window_s)
    assert found.cells == cells * replicates


@given(cells=st.integers(1, 200), budget_s=st.floats(30, 10**6), least_s=st.integers(5, 180))
def test_what_is_given_fits_into_the_budget_or_is_refused_with_one_that_would_do(
    cells: int, budget_s: float, least_s: float
) -> None:
    """The length that is told is the one that is planned."""
    try:
        found = effort(cells, "process", least_s, budget_s)
    except InputError as error:
        enough = float(str(error).rpartition("--budget ")[2].partition("m")[0]) * 60
        assert enough > budget_s
        assert effort(cells, "process", least_s, enough).whole_s <= enough
        return
    assert found.whole_s <= budget_s + 1e-6
    assert found.window_s >= min(least_s, found.window_s)
    assert found.window_s <= max(LONGEST_S, least_s)


@pytest.mark.parametrize(
    ("model_bytes", "gpu", "seconds"),
    [(None, False, 5.0), (10**8, False, 5.0), (10**9, False, 15.0), (5 * 10**9, False, 75.0),
     (5 * 10**9, True, 6.0), (10**12, False, PATIENT_S)],
)  # fmt: skip
def test_a_slow_model_has_longer_windows(model_bytes: int | None, gpu: bool, seconds: float) -> None:
    """So that one holds a few answers."""
    assert least_window_s(model_bytes, gpu=gpu) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"), [(59.6, "60 s"), (119, "119 s"), (120, "2 min"), (1230, "20 min"), (20_000, "6 h")]
)
def test_lengths_are_told_in_seconds_minutes_or_hours(seconds: float, words: str) -> None:
    """Below two minutes in seconds."""
    assert minutes(seconds) == words
