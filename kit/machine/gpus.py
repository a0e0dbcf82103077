"""The GPUs of this machine as their drivers describe them: NVML, else NVIDIA's files in /proc; AMD's in /sys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from kit.documents import Gpu
from kit.text import plain_text

MAX_CHARS = 120
AMD = "0x1002"  # the vendor's number on the bus
_CARD = re.compile(r"card([0-9]+)")
# "NVIDIA UNIX x86_64 Kernel Module  550.54.15  ..." or "NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  ..."
_KERNEL_MODULE = re.compile(r"Kernel Module(?: for \S+)?\s+([0-9][0-9.]*)")
_MODEL = re.compile(r"^Model:\s*(\S.*)$", re.MULTILINE)
_MHZ = re.compile(r"(?<![0-9])([0-9]{1,9})\s{0,9}mhz", re.IGNORECASE)


def describe_gpus(root: Path = Path("/")) -> tuple[Gpu, ...]:
    """Every GPU that this process can see; nothing where no driver answers."""
    return (*(_nvml() or tuple(_nvidia_files(root))), *_amd_files(root))


# --- NVIDIA -----------------------------------------------------------------------------------------------


def _nvml() -> tuple[Gpu, ...]:
    """By NVIDIA's own library; nothing without it, or where it finds no driver."""
    try:
        nvml: Any = import_module("pynvml")
    except ImportError:
        return ()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return ()
    try:
        count = int(_asked(nvml, "nvmlDeviceGetCount") or 0)
        handles = [_asked(nvml, "nvmlDeviceGetHandleByIndex", index) for index in range(count)]
        return tuple(_nvml_gpu(nvml, handle) for handle in handles if handle is not None)
    finally:
        nvml.nvmlShutdown()


def _nvml_gpu(nvml: Any, handle: Any) -> Gpu:
    memory = _asked(nvml, "nvmlDeviceGetMemoryInfo", handle)
    cuda = _asked(nvml, "nvmlSystemGetCudaDriverVersion_v2")
    persistence = _asked(nvml, "nvmlDeviceGetPersistenceMode", handle)
    return Gpu(
        name=_words(_asked(nvml, "nvmlDeviceGetName", handle)) or "NVIDIA GPU",
        memory_bytes=int(memory.total) if memory is not None else None,
        driver=_words(_asked(nvml, "nvmlSystemGetDriverVersion")),
        cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
        sm_max_mhz=_asked(nvml, "nvmlDeviceGetMaxClockInfo", handle, nvml.NVML_CLOCK_SM),
        memory_max_mhz=_asked(nvml, "nvmlDeviceGetMaxClockInfo", handle, nvml.NVML_CLOCK_MEM),
        sm_application_mhz=_asked(nvml, "nvmlDeviceGetApplicationsClock", handle, nvml.NVML_CLOCK_SM),
        power_limit_mw=_asked(nvml, "nvmlDeviceGetEnforcedPowerLimit", handle),
        persistence=None if persistence is None else bool(persistence),
    )


def _asked(nvml: Any, question: str, *about: Any) -> Any:
    """An answer of the library; None for what card, driver or library do not know."""
    try:
        return getattr(nvml, question)(*about)
    except (nvml.NVMLError, AttributeError):
        return None


def _words(found: object) -> str | None:
    """Text of the library, which older versions give as bytes."""
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
    return plain_text(text.strip(), MAX_CHARS) or None if isinstance(text, str) else None


def _nvidia_files(root: Path) -> Iterator[Gpu]:
    """Name and driver by the driver's own files, which containers see without its library."""
    folder = root / "proc/driver/nvidia"
    driver = _found(_KERNEL_MODULE, _text(folder / "version"))
    for place in sorted(folder.glob("gpus/*/information")):
        yield Gpu(name=_found(_MODEL, _text(place)) or "NVIDIA GPU", driver=driver)


# --- AMD --------------------------------------------------------------------------------------------------


def _amd_files(root: Path) -> Iterator[Gpu]:
    cards = {int(match[1]): path for path in (root / "sys/class/drm").glob("card*") if (match := _card(path))}
    for _, path in sorted(cards.items()):
        device = path / "device"
        if _text(device / "vendor").strip() != AMD:
            continue
        number = plain_text(_text(device / "device").strip(), 20)
        cap_uw = next((_number(each) for each in sorted(device.glob("hwmon/hwmon*/power1_cap"))), None)
        yield Gpu(
            name=plain_text(_text(device / "product_name").strip(), MAX_CHARS) or f"AMD GPU {number}".strip(),
            memory_bytes=_number(device / "mem_info_vram_total"),
            driver=plain_text(_text(root / "sys/module/amdgpu/version").strip(), MAX_CHARS) or None,
            sm_max_mhz=_highest_mhz(device / "pp_dpm_sclk"),
            memory_max_mhz=_highest_mhz(device / "pp_dpm_mclk"),
            power_limit_mw=None if cap_uw is None else cap_uw // 1000,
        )


def _card(path: Path) -> re.Match[str] | None:
    """A card, and none of its connectors ("card0-DP-1")."""
    return _CARD.fullmatch(path.name)


def _highest_mhz(path: Path) -> int | None:
    return max(map(int, _MHZ.findall(_text(path))), default=None)


# --- files ------------------------------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return plain_text(match[1].strip(), MAX_CHARS) if match else None
