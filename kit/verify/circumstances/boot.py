"""The rule about the boot of a run: real time minus monotonic time is one constant over all its cells."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kit.metrics.clocks import clock_was_set
from kit.metrics.limits import BOOT_SLACK_NS, UTC_DRIFT_PER_MILLION
from kit.timestamps import utc_ns
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, loaded_cells

# Linux slews both clocks alike, so over any time they part only by a step. Elsewhere a crystal drifts away.
SLEWED_ALIKE = "Linux"


@rule(
    "time.boot",
    "flag",
    "loads",
    "All loads are of one boot: real time minus monotonic time stays what it was, and both go on",
)
def time_boot(evidence: Evidence) -> Steps:
    era: list[tuple[Loaded, int]] = []
    drifts = evidence.host is not None and evidence.host.system != SLEWED_ALIKE
    for loaded in loaded_cells(evidence):
        yield 1
        try:
            era.append((loaded, utc_ns(loaded.facts.origin_utc) - loaded.facts.origin_ns))
        except ValueError:
            continue  # refused by time.clock
        if clock_was_set(loaded.cell):
            # It says so itself, and counts for nothing: what comes after it has another constant.
            yield from _issues(era[:-1], drifts=drifts)
            era = []
    yield from _issues(era, drifts=drifts)


def _issues(era: list[tuple[Loaded, int]], *, drifts: bool) -> Iterator[Issue]:
    """What parts from the first of its era: many small steps count as one large, and each is told once."""
    if not era:
        return
    (first, constant), *_ = era
    for (before, was), (loaded, offset) in pairwise(era):
        apart_ns = loaded.facts.origin_ns - first.facts.origin_ns
        slack_ns = BOOT_SLACK_NS + (max(apart_ns, 0) * UTC_DRIFT_PER_MILLION // 1_000_000 if drifts else 0)
        stepped = abs(offset - was) > BOOT_SLACK_NS
        if abs(offset - constant) > slack_ns and (stepped or abs(was - constant) <= slack_ns):
            words = (
                f"its clocks stand {(offset - constant) / 1e6:+.0f} ms apart from those of {first.found.name}: "
                "the clock was set, the machine slept or restarted, or this cell is of another run"
            )
            yield Issue(f"{loaded.where}: facts.origin_ns", words)
        elif loaded.facts.origin_ns < before.facts.origin_ns + before.facts.duration_ns:
            words = f"began before the load of {before.found.name} had ended, by the monotonic clock"
            yield Issue(f"{loaded.where}: facts.origin_ns", words)


RULES = (time_boot,)
