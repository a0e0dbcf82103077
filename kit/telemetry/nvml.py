"""GPUs of NVIDIA through NVML, with NVIDIA's own binding. Without a driver that answers there is no data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any


class NvidiaGpus:
    """Every GPU that the driver shows; what it does not support is not asked again."""

    name, kind = "gpu", "nvml"

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._fields: tuple[tuple[str, Callable[[Any], int]], ...] = ()
        self._unsupported: set[tuple[int, str]] = set()
        self._nvml: Any = None
        try:
            import pynvml

            pynvml.nvmlInit()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(pynvml.nvmlDeviceGetCount())]
            self._nvml, self._fields = pynvml, _fields(pynvml)
        except Exception:  # whatever a driver and its library do wrong, the load goes on without them
            self._handles = []

    def read(self) -> list[dict[str, int]]:
        found = [self._one(at, handle) for at, handle in enumerate(self._handles)]
        return found if any(found) else []

    def close(self) -> None:
        """Let go of the driver."""
        if self._nvml is not None:
            with contextlib.suppress(Exception):
                self._nvml.nvmlShutdown()
            self._handles, self._nvml = [], None

    def _one(self, at: int, handle: Any) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, ask in self._fields:
            if (at, name) in self._unsupported:
                continue
            try:
                found[name] = int(ask(handle))
            except self._nvml.NVMLError_NotSupported:
                self._unsupported.add((at, name))
            except Exception:  # an error of this moment, or a function that this driver's library does not have
                continue
        return found


def _fields(nvml: Any) -> tuple[tuple[str, Callable[[Any], int]], ...]:
    return (
        ("power_mw", nvml.nvmlDeviceGetPowerUsage),
        ("energy_mj", nvml.nvmlDeviceGetTotalEnergyConsumption),
        ("sm_mhz", lambda gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
        ("memory_mhz", lambda gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM)),
        ("temperature_c", lambda gpu: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
        ("throttle", lambda gpu: _throttle(nvml, gpu)),
        ("memory_used_bytes", lambda gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).used),
        ("utilization_percent", lambda gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu),
        ("processes", lambda gpu: len(nvml.nvmlDeviceGetComputeRunningProcesses(gpu))),
    )


def _throttle(nvml: Any, gpu: Any) -> int:
    """Reasons for a lower clock; drivers before 535 know the call by its old name."""
    try:
        return int(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu))
    except nvml.NVMLError_FunctionNotFound:
        return int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))
