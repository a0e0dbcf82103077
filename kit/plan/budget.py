"""How long a run may take, made into windows and replicates; and how short a window may be for a model. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from kit.errors import InputError
from kit.plan.plan import OVERHEADS_S

REPLICATES = 3  # the fewest of which a table can say how far they lie apart
MORE_REPLICATES = 5  # where there is time for more than long windows
SHORTEST_S, USUAL_S, LONGEST_S = 5.0, 10.0, 60.0
PATIENT_S = 180.0  # the longest window that a slow model is given where nobody says otherwise
# What weights are read with at the least, so that an answer of one user takes at most its tokens times their bytes
# by this: a laptop's memory by a few cores, a small GPU's.
SLOW_CPU_BYTES_S, SLOW_GPU_BYTES_S = 8e9, 100e9
ANSWERS = 3  # that a window should hold of each user
MEAN_ANSWER_TOKENS = 40
BEFORE_S = 25.0  # the look at the machine, and calibrating the load generator


@dataclass(frozen=True, slots=True)
class Effort:
    """Warm-up and window of each cell, how often each is measured, and how long all takes."""

    warmup_s: float
    window_s: float
    replicates: int
    cells: int
    whole_s: float


def least_window_s(model_bytes: int | None, *, gpu: bool) -> float:
    """The shortest window that holds a few answers even on a slow machine; whole seconds."""
    bytes_s = SLOW_GPU_BYTES_S if gpu else SLOW_CPU_BYTES_S
    answers_s = ANSWERS * MEAN_ANSWER_TOKENS * (model_bytes or 0) / bytes_s
    return float(min(PATIENT_S, max(SHORTEST_S, ceil(answers_s))))


def effort(cells: int, engine: str, least_s: float, budget_s: float | None) -> Effort:
    """What `budget_s` gives for so many cells of one replicate; None is a first look.

    Rather three replicates than long windows, rather long windows than five. `InputError` if it is too short for
    one replicate of the shortest window.
    """
    warmup_s = float(max(1, round(least_s / 5)))
    beside_s = OVERHEADS_S[engine] + warmup_s
    if budget_s is None:
        return _effort(cells, REPLICATES, warmup_s, least_s, beside_s)
    for replicates in (MORE_REPLICATES, REPLICATES, 2, 1):
        window_s = floor((budget_s - BEFORE_S) / (cells * replicates) - beside_s)
        wanted_s = LONGEST_S if replicates > REPLICATES else least_s
        if window_s >= wanted_s:
            return _effort(cells, replicates, warmup_s, min(float(window_s), max(LONGEST_S, least_s)), beside_s)
    needed_s = _effort(cells, 1, warmup_s, least_s, beside_s).whole_s
    raise InputError(
        f"The budget of {minutes(budget_s)} is too short: {cells} cells take {minutes(needed_s)} at the least.",
        f"Give --budget {ceil(needed_s / 60)}m, fewer users or fewer runtimes.",
    )


def once(cells: int, engine: str, window_s: float) -> Effort:
    """So many cells of one replicate each, with windows of `window_s`."""
    warmup_s = float(max(1, round(window_s / 5)))
    return _effort(cells, 1, warmup_s, window_s, OVERHEADS_S[engine] + warmup_s)


def _effort(cells: int, replicates: int, warmup_s: float, window_s: float, beside_s: float) -> Effort:
    whole_s = BEFORE_S + cells * replicates * (beside_s + window_s)
    return Effort(warmup_s, window_s, replicates, cells * replicates, whole_s)


def minutes(seconds: float) -> str:
    """A length for people: seconds below two minutes, minutes below three hours, else hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3 * 3600 else f"{seconds / 3600:.0f} h"
