"""One sample: every source read, in the form of a line of telemetry.jsonl (kit.documents.telemetry).

A source that takes long is read less often, so that all of them together stay below a hundredth of a CPU.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kit.telemetry.amdgpu import AmdGpus
from kit.telemetry.machine import Frequency, Rapl
from kit.telemetry.nvml import NvidiaGpus
from kit.telemetry.proc import Cpu, Pressure, Swap
from kit.telemetry.watching import ROLES, Part, Watch, part_of

NS_PER_S = 1_000_000_000
REAL_EPOCH_NS = 1_577_836_800 * NS_PER_S  # kit.documents.telemetry.REAL_EPOCH_S
SLOWLY_NS = NS_PER_S  # memory, clocks and new processes change slowly
COST_DIVISOR = 500  # of a CPU, for each source at most
MAX_VALUE = 10**18 - 1  # what the readers of documents take

Read = Callable[[], dict[str, Any]]


class Paced:
    """A source with its own pace: at least `every_ns`, and longer where it takes much CPU time."""

    def __init__(self, read: Read, every_ns: int = 0) -> None:
        self._read, self._every_ns, self._next_ns = read, every_ns, 0

    def read(self, now_ns: int, *, always: bool = False) -> dict[str, Any]:
        if now_ns < self._next_ns and not always:
            return {}
        began_ns = time.thread_time_ns()
        found = self._read()
        cost_ns = time.thread_time_ns() - began_ns
        # A little early, so that one that is due with this sample does not wait for the next.
        self._next_ns = now_ns + max(self._every_ns, cost_ns * COST_DIVISOR) * 15 // 16
        return found


class _Role:
    """The parts of one role, which come and go with what is to be watched."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._parts: dict[str, Part] = {}

    @property
    def kinds(self) -> list[str]:
        return sorted({part.kind for part in self._parts.values()})

    def follow(self, watch: Watch, proc: Path) -> None:
        words = watch.roles.get(self.name, [])
        self._parts = {word: self._parts.get(word) or part_of(word, watch, proc) for word in words}
        self.scan()

    def scan(self) -> dict[str, Any]:
        for part in self._parts.values():
            part.scan()
        return {}

    def cpu(self) -> dict[str, Any]:
        times = [part.cpu_ns() for part in self._parts.values()]
        known = [each for each in times if each is not None]
        if not known or len(known) < len(times):
            return {}
        found = {f"{self.name}_ns": sum(known)}
        stopped = [each for part in self._parts.values() if (each := part.throttled_ns()) is not None]
        if stopped and self.name != "own":
            found[f"{self.name}_throttled_ns"] = sum(stopped)
        return found

    def memory(self) -> dict[str, Any]:
        found = [each for part in self._parts.values() if (each := part.memory()) is not None]
        values = {
            "server_memory_bytes": sum(now for now, _ in found),
            "server_peak_bytes": sum(p for _, p in found),
        }
        return {name: value for name, value in values.items() if value}


class Sampler:
    """All sources of a machine; paths can be given so that recorded machines stand in for this one."""

    def __init__(self, watch: Watch, proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> None:
        self._proc = proc
        self._roles = {name: _Role(name) for name in ROLES}
        cpu, pressure, swap = Cpu(proc), Pressure(proc), Swap(proc)
        frequency, rapl, self._nvidia, amd = Frequency(sys), Rapl(sys), NvidiaGpus(), AmdGpus(sys)
        self.cpus = cpu.cpus
        self.sources: dict[str, str] = {}
        server = self._roles["server"]
        self._paced = [
            *(self._named(each.name, each.kind, Paced(each.read)) for each in (cpu, pressure, rapl)),
            *(self._named(each.name, each.kind, Paced(each.read, SLOWLY_NS)) for each in (frequency, swap)),
            *(self._named("gpu", each.kind, Paced(_gpus(each))) for each in (self._nvidia, amd)),
            *(self._role(role, Paced(role.cpu)) for role in self._roles.values()),
            Paced(server.memory, SLOWLY_NS).read,
        ]
        self._scans = [Paced(role.scan, SLOWLY_NS) for role in self._roles.values()]
        self.follow(watch)

    def follow(self, watch: Watch) -> None:
        """Watch these from now on; `ValueError` if one of them is nothing that can be watched."""
        for role in self._roles.values():
            role.follow(watch, self._proc)

    def sample(self, *, always: bool = False) -> dict[str, Any]:
        """What there is to say now; `always` of every source, also of those that are read less often."""
        at_ns, real_ns = time.monotonic_ns(), time.time_ns()
        found: dict[str, Any] = {}
        for scan in self._scans:
            scan.read(at_ns, always=always)
        for read in self._paced:
            found |= read(at_ns, always=always)
        if "own_ns" in found:
            found["own_ns"] += time.process_time_ns()
        kept = {name: value for name, value in found.items() if name == "gpus" or 0 <= value <= MAX_VALUE}
        return {**kept, "at_ns": at_ns, "real_ns": max(0, real_ns - REAL_EPOCH_NS)}

    def close(self) -> None:
        self._nvidia.close()

    def _named(self, name: str, kind: str, paced: Paced) -> Callable[..., dict[str, Any]]:
        def read(now_ns: int, *, always: bool) -> dict[str, Any]:
            found = paced.read(now_ns, always=always)
            if found:
                self.sources.setdefault(name, kind)
            return found

        return read

    def _role(self, role: _Role, paced: Paced) -> Callable[..., dict[str, Any]]:
        def read(now_ns: int, *, always: bool) -> dict[str, Any]:
            found = paced.read(now_ns, always=always)
            if found:
                self.sources.setdefault(role.name, ",".join(role.kinds))
            return found

        return read


def _gpus(source: NvidiaGpus | AmdGpus) -> Read:
    def read() -> dict[str, Any]:
        kept = [{name: value for name, value in gpu.items() if 0 <= value <= MAX_VALUE} for gpu in source.read()]
        return {"gpus": kept} if kept else {}

    return read


def line(sample: dict[str, Any]) -> bytes:
    """A sample as a line of telemetry.jsonl, the very bytes that `kit.strict.write_jsonl_line` would write."""
    return json.dumps(sample, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
