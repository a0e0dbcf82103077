"""Noise of interleaved replicates, as logarithms of figures whose true value is 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random

Logs = list[list[float]]  # by runtime and replicate
SMALL, LARGE = 0.01, 0.05


@dataclass(frozen=True, slots=True)
class Model:
    """A model of noise; `make` gives the logarithms of so many runtimes' figures over so many replicates."""

    name: str
    about: str
    make: Callable[[Random, int, int], Logs]


def _normal(spread: float) -> Callable[[Random, int, int], Logs]:
    return lambda rng, runtimes, n: [[rng.gauss(0, spread) for _ in range(n)] for _ in range(runtimes)]


def _heavy(rng: Random, runtimes: int, n: int) -> Logs:
    """Student's t with 3 degrees of freedom: now and then far off."""

    def draw() -> float:
        return 0.02 * rng.gauss(0, 1) / sqrt(sum(rng.gauss(0, 1) ** 2 for _ in range(3)) / 3)

    return [[draw() for _ in range(n)] for _ in range(runtimes)]


def _shared(rng: Random, runtimes: int, n: int) -> Logs:
    """The same prompts and lengths for all runtimes of a replicate, others in the next."""
    common = [rng.gauss(0, 0.04) for _ in range(n)]
    return [[each + rng.gauss(0, 0.02) for each in common] for _ in range(runtimes)]


def _drift(rng: Random, runtimes: int, n: int) -> Logs:
    """10 % slower from the first cell to the last; each replicate begins with another runtime, as in a run."""

    def shift(runtime: int, replicate: int) -> float:
        place = replicate * runtimes + (runtime - replicate) % runtimes
        return 0.05 - 0.10 * place / (runtimes * n - 1)

    return [[rng.gauss(0, SMALL) + shift(who, at) for at in range(n)] for who in range(runtimes)]


def _cold(rng: Random, runtimes: int, n: int) -> Logs:
    return [[rng.gauss(0, SMALL) + (log(0.8) if at == 0 else 0) for at in range(n)] for _ in range(runtimes)]


def _disturbed(rng: Random, runtimes: int, n: int) -> Logs:
    def draw() -> float:
        return rng.gauss(0, SMALL) + (log(rng.uniform(0.5, 0.9)) if rng.random() < 0.1 else 0)

    return [[draw() for _ in range(n)] for _ in range(runtimes)]


def _rounded(rng: Random, runtimes: int, n: int) -> Logs:
    """Whole numbers between 50 and 100: steps of 1 to 2 %."""
    true = rng.uniform(50, 100)
    return [[log(round(true * exp(rng.gauss(0, SMALL))) / true) for _ in range(n)] for _ in range(runtimes)]


def _unequal(rng: Random, runtimes: int, n: int) -> Logs:
    return [[rng.gauss(0, 0.10 if who % 2 else SMALL) for _ in range(n)] for who in range(runtimes)]


MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model("1 %", "lognormal, 1 %", _normal(SMALL)),
        Model("5 %", "lognormal, 5 %", _normal(LARGE)),
        Model("heavy tail", "Student's t with 3 degrees of freedom, scale 2 %", _heavy),
        Model("shared", "4 % of the replicate, 2 % of the cell", _shared),
        Model("drift", "10 % slower over the run, and 1 %", _drift),
        Model("cold start", "first replicate 20 % slower, and 1 %", _cold),
        Model("disturbed", "one figure in ten at 0.5 to 0.9 of itself, and 1 %", _disturbed),
        Model("rounded", "1 %, rounded to whole numbers between 50 and 100", _rounded),
        Model("unequal", "1 % and 10 %, every other runtime", _unequal),
    )
}
