"""GPUs of AMD by what the driver amdgpu shows in /sys: no library, and no right beyond reading."""

from __future__ import annotations

from pathlib import Path

from kit.telemetry.files import KeptFile

VENDOR = b"0x1002"


class AmdGpus:
    """Every GPU of AMD, in the order of its card; values that a card does not have are left out."""

    name, kind = "gpu", "amdgpu"

    def __init__(self, sys: Path) -> None:
        cards = sorted(
            (sys / "class" / "drm").glob("card[0-9]*/device/vendor"), key=lambda file: _number(file.parts[-3])
        )
        self._gpus = [_Gpu(file.parent) for file in cards if (KeptFile(file, 16).read() or b"").strip() == VENDOR]

    def read(self) -> list[dict[str, int]]:
        found = [gpu.read() for gpu in self._gpus]
        return found if any(found) else []


class _Gpu:
    def __init__(self, device: Path) -> None:
        sensors = next(iter(sorted((device / "hwmon").glob("hwmon*"))), device / "hwmon")
        # Value, its file, and by how much the driver's unit is divided. Newer cards have an input of power, older
        # ones an average.
        self._fields = [
            (name, KeptFile(file, 32), unit)
            for name, file, unit in (
                ("power_mw", sensors / "power1_average", 1000),
                ("power_mw", sensors / "power1_input", 1000),
                ("sm_mhz", sensors / "freq1_input", 1_000_000),
                ("memory_mhz", sensors / "freq2_input", 1_000_000),
                ("temperature_c", sensors / "temp1_input", 1000),
                ("memory_used_bytes", device / "mem_info_vram_used", 1),
                ("utilization_percent", device / "gpu_busy_percent", 1),
            )
            if file.is_file()
        ]

    def read(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, file, unit in self._fields:
            value = None if name in found else file.number()
            if value is not None:
                found[name] = value // unit
        return found


def _number(card: str) -> int:
    digits = card.removeprefix("card")
    return int(digits) if digits.isdigit() else 1 << 30  # a connector ("card0-DP-1") is no card
