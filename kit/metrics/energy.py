"""Energy of a window, minus what the idle machine takes: of the GPUs where they worked, else of the CPU package.

A card that has a counter and tells its power is believed where the two agree. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from kit.documents.telemetry import GpuSample, TelemetrySample
from kit.metrics.limits import MAX_ENERGY_DISAGREEMENT_PERCENT
from kit.metrics.series import Series, series

MJ_PER_MW_NS = Fraction(1, 10**9)
NET, GROSS = "minus idle", "idle included"


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules and where they are from, or None and why there are none; neither where nothing was sampled."""

    joules: Fraction | None
    source: str | None


def energy_of(
    samples: Sequence[TelemetrySample], look: Sequence[TelemetrySample], start_ns: int, end_ns: int
) -> Energy:
    """The energy of [start_ns, end_ns]; `look` are samples of the idle machine, if there are any."""
    if _gpus_worked(samples, start_ns, end_ns):
        counted, integrated = (_gpu_mj(samples, start_ns, end_ns, by) for by in (_counter_mj, _power_mj))
        if counted is not None and integrated is not None and _disagree(counted, integrated):
            return Energy(None, "none: power and energy counter of the GPU disagree")
        for name, total, by in (("gpu counter", counted, _counter_mj), ("gpu power", integrated, _power_mj)):
            if total is not None:
                rate = _idle_rate(look, partial(_gpu_mj, look, of_one=by))
                return _net(name, total / 1000, None if rate is None else rate / 1000, end_ns - start_ns)
        return Energy(None, None)
    package = series(samples, lambda s: s.package_energy_uj).growth(start_ns, end_ns)
    if package is None:
        return Energy(None, None)
    idle = series(look, lambda s: s.package_energy_uj)
    rate = _idle_rate(look, idle.growth)
    return _net("cpu package", package / 10**6, None if rate is None else rate / 10**6, end_ns - start_ns)


def gpu_power_mw(samples: Sequence[TelemetrySample], start_ns: int, end_ns: int) -> Fraction | None:
    """Mean power of all GPUs together."""
    total_mj = _gpu_mj(samples, start_ns, end_ns, _power_mj)
    return None if total_mj is None else total_mj / MJ_PER_MW_NS / (end_ns - start_ns)


def _net(name: str, joules: Fraction, idle_rate: Fraction | None, length_ns: int) -> Energy:
    if idle_rate is None:
        return Energy(joules, f"{name}, {GROSS}")
    return Energy(max(Fraction(0), joules - idle_rate * length_ns), f"{name}, {NET}")


def _idle_rate(look: Sequence[TelemetrySample], energy: Callable[[int, int], Fraction | None]) -> Fraction | None:
    """Energy a nanosecond, from the first to the last sample of the look that has any."""
    if len(look) < 2 or look[-1].at_ns <= look[0].at_ns:
        return None
    found = energy(look[0].at_ns, look[-1].at_ns)
    return None if found is None else found / (look[-1].at_ns - look[0].at_ns)


# --- GPUs ---------------------------------------------------------------------------------------------------


def _gpus_worked(samples: Sequence[TelemetrySample], start_ns: int, end_ns: int) -> bool:
    """Whether the window is one of GPUs: where their load is told, some of it is needed."""
    gpus = [gpu for each in samples if start_ns <= each.at_ns <= end_ns for gpu in each.gpus]
    told = [gpu.utilization_percent for gpu in gpus if gpu.utilization_percent is not None]
    return any(told) if told else bool(gpus)


def _gpu_series(
    samples: Sequence[TelemetrySample], index: int, value: Callable[[GpuSample], int | None]
) -> Series:
    return series(samples, lambda s: value(s.gpus[index]) if index < len(s.gpus) else None)


def _counter_mj(samples: Sequence[TelemetrySample], index: int, start_ns: int, end_ns: int) -> Fraction | None:
    return _gpu_series(samples, index, lambda gpu: gpu.energy_mj).growth(start_ns, end_ns)


def _power_mj(samples: Sequence[TelemetrySample], index: int, start_ns: int, end_ns: int) -> Fraction | None:
    area = _gpu_series(samples, index, lambda gpu: gpu.power_mw).integral(start_ns, end_ns)
    return None if area is None else area * MJ_PER_MW_NS


def _gpu_mj(
    samples: Sequence[TelemetrySample],
    start_ns: int,
    end_ns: int,
    of_one: Callable[[Sequence[TelemetrySample], int, int, int], Fraction | None],
) -> Fraction | None:
    """All GPUs together; None where one of them does not tell."""
    count = max((len(each.gpus) for each in samples), default=0)
    found = [of_one(samples, index, start_ns, end_ns) for index in range(count)]
    known = [each for each in found if each is not None]
    return sum(known, Fraction(0)) if known and len(known) == len(found) else None


def _disagree(one: Fraction, other: Fraction) -> bool:
    return abs(one - other) * 100 > MAX_ENERGY_DISAGREEMENT_PERCENT * max(one, other)
