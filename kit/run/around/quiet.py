"""Before something is measured: a look at the machine, and a wait, bounded, until it is quiet."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kit.documents import Plan
from kit.engines.protocol import Engine
from kit.metrics.disturbance import accelerator_of, look_disturbances
from kit.run.around.busiest import busiest, moment
from kit.run.telemetry import Sampled, look
from kit.storage.names import TELEMETRY
from kit.storage.run_folder import METHOD_OF_ATTEMPTS
from kit.storage.telemetry_file import write_samples

AFTER_ONE_IN_VAIN = 10  # a machine that stayed busy for a whole wait is waited for a tenth as long the next time
SAME_CLOCK_NS = 5_000_000_000  # a look that ended longer ago by our own clock was at another machine


class QuietObserver(Protocol):
    """Who wants to know that the machine is looked at, and that it is busy."""

    def looking(self) -> None: ...

    def busy(self, reasons: tuple[str, ...], programs: tuple[str, ...], left_s: float) -> None:
        """Why it is not quiet, the programs that compute most (safe to print), and how long it is waited for."""


@dataclass(slots=True)
class Quiet:
    """How a run waits for a quiet machine. Plans before method 3 neither look nor wait.

    Whether the last wait was in vain is kept: a machine that is never quiet would else cost a wait for each cell.
    """

    plan: Plan
    engine: Engine
    observer: QuietObserver
    in_vain: bool = False

    def before_the_start(self, run: Path) -> None:
        """Wait, and keep what was seen last as the idle machine of the run; one that goes on keeps its first."""
        found = self.wait()
        if found is not None and not (run / TELEMETRY).is_file():
            write_samples(run / TELEMETRY, found.samples)

    def wait(self) -> Sampled | None:
        """Look until the machine is quiet or the plan's time is over; the last look."""
        if self.plan.method < METHOD_OF_ATTEMPTS:
            return None
        wait_ns = self.plan.quiet_wait_ns // (AFTER_ONE_IN_VAIN if self.in_vain else 1)
        ends_ns = time.monotonic_ns() + wait_ns
        while True:
            self.observer.looking()
            before, seen, after = moment(), self._look(), moment()
            reasons = look_disturbances(self.plan, seen.samples, seen.cpus)
            if not reasons:
                self.in_vain = False
                return seen
            here = abs(after.at_ns - seen.samples[-1].at_ns) < SAME_CLOCK_NS
            left_s = max(0.0, (ends_ns - after.at_ns) / 1e9)
            self.observer.busy(reasons, busiest(before, after, without=os.getpid()) if here else (), left_s)
            if not left_s:
                self.in_vain = True
                return seen

    def _look(self) -> Sampled:
        with tempfile.TemporaryDirectory(prefix="kit-look-") as scratch:
            return look(self.engine, Path(scratch).resolve(), accelerator_of(self.plan))
