"""Samples of a machine that is always the same: constant rates, ten samples a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from kit.documents.telemetry import GpuSample, TelemetrySample
from kit.telemetry.watching import INTERVAL_NS

REAL_NS = 200_000_000_000_000_000  # of the first sample
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Machine:
    """CPU time a nanosecond of each part; `other` is what is none of them. Power in mW, where it has a GPU."""

    server: Fraction = Fraction(3, 4)
    loadgen: Fraction = Fraction(1, 20)
    own: Fraction = Fraction(1, 200)
    other: Fraction = Fraction(1, 100)
    package_mw: int = 30_000
    power_mw: int | None = None
    counter_percent: int = 100  # of what the card's power says

    def sample(self, at_ns: int, since_ns: int) -> TelemetrySample:
        """What it says at a moment, `since_ns` after its first sample."""
        parts = [int(part * since_ns) for part in (self.server, self.loadgen, self.own, self.other)]
        return TelemetrySample(
            at_ns=at_ns,
            real_ns=REAL_NS + since_ns,
            busy_ns=sum(parts),
            steal_ns=0,
            iowait_ns=0,
            server_ns=parts[0],
            loadgen_ns=parts[1],
            own_ns=parts[2],
            cpu_pressure_ns=since_ns // 50,
            memory_pressure_ns=0,
            io_pressure_ns=0,
            server_memory_bytes=GIB,
            server_peak_bytes=GIB + since_ns // 1_000_000,
            swap_used_bytes=0,
            package_energy_uj=self.package_mw * since_ns // 10**6,
            gpus=() if self.power_mw is None else (self._gpu(self.power_mw, since_ns),),
        )

    def _gpu(self, power_mw: int, since_ns: int) -> GpuSample:
        counted_mj = power_mw * since_ns * self.counter_percent // 10**11
        return GpuSample(power_mw, 5_000_000 + counted_mj, 1500, 9000, 60, 0, 8 * GIB, 90, 1)


def samples_of(
    start_ns: int, end_ns: int, machine: Machine = Machine(), interval_ns: int = INTERVAL_NS
) -> Iterator[TelemetrySample]:
    """From `start_ns` on, the last one at or after `end_ns`."""
    at_ns = start_ns
    while True:
        yield machine.sample(at_ns, at_ns - start_ns)
        if at_ns >= end_ns:
            return
        at_ns += interval_ns
