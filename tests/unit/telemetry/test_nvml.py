"""NVML through a real shared library that answers like a card: the sampler finds it as it finds NVIDIA's."""

from __future__ import annotations

import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from kit.documents.telemetry import GpuSample, TelemetrySample, TelemetrySummary
from kit.engines.process import ProcessEngine
from kit.metrics.telemetry import telemetry_summary
from kit.run.telemetry import Sampled, sampled
from tests.support.not_tested import not_tested

SOURCE = Path(__file__).parents[2] / "support" / "nvml.c"
S = 1_000_000_000


def sampling(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, folder: Path, *defines: str, seconds: float
) -> Sampled:
    """What the sampler saw of a card whose library was built with these."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        not_tested(request, "a C compiler builds the library that stands for NVIDIA's (Debian: gcc)")
    library = folder / "driver" / "libnvidia-ml.so.1"
    library.parent.mkdir()
    command = [
        compiler,
        "-O1",
        "-Wall",
        "-Wno-unused-function",
        "-Werror",
        "-shared",
        "-fPIC",
        *defines,
        "-o",
        str(library),
        str(SOURCE),
    ]
    subprocess.run(command, check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    out = folder / "out"
    out.mkdir()
    with sampled(ProcessEngine(), out, "nvidia") as found:
        deadline = time.monotonic() + 20
        while not (out / "telemetry.jsonl").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(seconds)
    assert found.ended == "stopped"
    return found


def window(found: Sampled) -> tuple[int, int]:
    """From the second sample to the last but one, and a little inside: its edges are between samples."""
    return found.samples[1].at_ns + 30_000_000, found.samples[-2].at_ns - 30_000_000


def summary(found: Sampled) -> TelemetrySummary:
    made = telemetry_summary(found.samples, *window(found), found.cpus, tokens=100.0)
    assert made is not None
    return made


def area_j(start_ns: int, end_ns: int) -> float:
    """The energy of the card between two moments, by small steps: the library's own formula is not used."""
    steps = [start_ns + (end_ns - start_ns) * at // 20_000 for at in range(20_001)]

    def power_w(at_ns: int) -> float:
        phase = at_ns % (2 * S) / S
        return 200 + 200 * min(phase, 2 - phase)

    return sum((power_w(a) + power_w(b)) / 2 * (b - a) / S for a, b in pairwise(steps))


def gpu_of(sample: TelemetrySample) -> GpuSample:
    (gpu,) = sample.gpus
    return gpu


def test_a_card_is_read_and_its_energy_is_right(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Power between its bounds, all else as the card says; joules as the area below its power, within 1 %."""
    found = sampling(request, monkeypatch, tmp_path, seconds=1.6)
    assert found.sources["gpu"] == "nvml"
    first = gpu_of(found.samples[0])
    assert (first.sm_mhz, first.memory_mhz, first.temperature_c) == (1980, 2619, 57)
    assert (first.throttle, first.memory_used_bytes, first.utilization_percent) == (4, 71303168000, 97)
    assert first.processes == 2
    powers = [gpu.power_mw for each in found.samples for gpu in each.gpus]
    assert all(power is not None and 200_000 <= power <= 400_000 for power in powers)
    assert len(set(powers)) > 5
    made = summary(found)
    expected = area_j(*window(found))
    assert made.energy_source == "gpu counter, idle included"
    assert made.energy_j == pytest.approx(expected, rel=0.01)
    assert made.joules_per_token == pytest.approx(expected / 100, rel=0.01)
    assert made.gpu_power_w is not None
    assert made.gpu_power_w * (window(found)[1] - window(found)[0]) / S == pytest.approx(expected, rel=0.05)
    assert (made.gpu_temperature_c, made.gpu_memory_peak_bytes, made.gpu_throttle) == (57, 71303168000, 4)


def test_a_counter_that_disagrees_is_not_believed(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By ten percent: neither of the two is."""
    made = summary(sampling(request, monkeypatch, tmp_path, "-DCOUNTER_PERCENT=110", seconds=1.2))
    assert (made.energy_j, made.joules_per_token) == (None, None)
    assert made.energy_source == "none: power and energy counter of the GPU disagree"
    assert made.gpu_power_w is not None


def test_an_old_driver_gives_what_it_has(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No counter, and the call for throttling by its old name: energy by its power."""
    found = sampling(request, monkeypatch, tmp_path, "-DOLD", seconds=1.2)
    first = gpu_of(found.samples[0])
    assert (first.energy_mj, first.throttle) == (None, 4)
    made = summary(found)
    assert made.energy_source == "gpu power, idle included"
    assert made.energy_j == pytest.approx(area_j(*window(found)), rel=0.05)


def test_a_broken_driver_is_no_data(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As after an update without a reboot; all else is sampled."""
    found = sampling(request, monkeypatch, tmp_path, "-DBROKEN", seconds=0.3)
    assert "gpu" not in found.sources
    assert all(each.gpus == () for each in found.samples)
    assert found.samples[-1].busy_ns is not None
