"""Clock and energy of the CPU by /sys: cpufreq, and RAPL where the kernel lets this user read it."""

from __future__ import annotations

from pathlib import Path

from kit.telemetry.files import KeptFile

MAX_CPUS = 8  # clocks of so many, spread over all: to read one may wake its CPU
KHZ_PER_MHZ = 1000


class Frequency:
    """Mean clock of some CPUs; virtual machines have none."""

    name, kind = "cpu_mhz", "cpufreq"

    def __init__(self, sys: Path) -> None:
        found = (sys / "devices" / "system" / "cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
        files = sorted(found, key=lambda file: int(file.parts[-3].removeprefix("cpu")))
        step = max(1, -(-len(files) // MAX_CPUS))
        self._files = [KeptFile(file, 32) for file in files[::step]]

    def read(self) -> dict[str, int]:
        clocks = [khz for file in self._files if (khz := file.number())]
        return {"cpu_mhz": sum(clocks) // len(clocks) // KHZ_PER_MHZ} if clocks else {}


class Rapl:
    """Energy of all packages, counted from the first reading on, through their wrap-around."""

    name, kind = "energy", "rapl"

    def __init__(self, sys: Path) -> None:
        zones = sorted((sys / "class" / "powercap").glob("intel-rapl:*[0-9]"))
        packages = [
            zone for zone in zones if zone.name.count(":") == 1 and _text(zone / "name").startswith("package")
        ]
        self._counters = [_Counter(zone) for zone in packages]

    def read(self) -> dict[str, int]:
        grown = [counter.grown() for counter in self._counters]
        known = [each for each in grown if each is not None]
        return {"package_energy_uj": sum(known)} if known and len(known) == len(grown) else {}


class _Counter:
    def __init__(self, zone: Path) -> None:
        self._file = KeptFile(zone / "energy_uj", 32)
        self._range_uj = KeptFile(zone / "max_energy_range_uj", 32).number() or 0
        self._last_uj: int | None = None
        self._total_uj = 0

    def grown(self) -> int | None:
        now_uj = self._file.number()
        if now_uj is None:
            return None
        if self._last_uj is not None:
            step_uj = now_uj - self._last_uj
            self._total_uj += step_uj if step_uj >= 0 else step_uj + self._range_uj
        self._last_uj = now_uj
        return self._total_uj


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
