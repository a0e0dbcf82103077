"""Facts about this machine, by allow list: what bears on a measurement and names nobody."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kit import __version__
from kit.cpus import usable_cpus
from kit.documents import Host
from kit.machine.gpus import describe_gpus
from kit.machine.look import Look
from kit.text import plain_text

KIT = "llm-repro-kit"
PACKAGES = (KIT, "click", "httpx", "jsonschema", "pyyaml", "rich", "tabulate", "xllamacpp")
CPUINFO = "/proc/cpuinfo"
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def _read(path: str) -> str | None:
    try:
        return plain_text(Path(path).read_text(encoding="utf-8", errors="replace").strip(), 120) or None
    except OSError:
        return None


def _first(path: str, pattern: str) -> str | None:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(pattern, text, re.MULTILINE)
    return plain_text(found.group(1).strip(), 120) if found else None


def _cpu_model() -> str | None:
    """The CPU's name; where the kernel has none (Arm), the numbers of its maker and part."""
    maker, part = (_first(CPUINFO, rf"^CPU {word}\s*:\s*(\S+)$") for word in ("implementer", "part"))
    numbers = f"implementer {maker}, part {part}" if maker and part else None
    return _first(CPUINFO, r"^model name\s*:\s*(.+)$") or numbers or platform.processor() or None


def _memory_bytes() -> int | None:
    kib = _first("/proc/meminfo", r"^MemTotal:\s+([0-9]+) kB")
    if kib:
        return int(kib) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _version(package: str) -> str | None:
    if package == KIT:
        return __version__  # what runs; in a source tree or a container another one, or none, may be installed
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_host() -> Host:
    """host.json of this machine."""
    found = {package: _version(package) for package in PACKAGES}
    return Host(
        schema="kit/host/1",
        system=platform.system(),
        kernel=platform.release(),
        architecture=platform.machine(),
        cpu_model=_cpu_model(),
        cpus=os.cpu_count() or 1,
        cpus_usable=usable_cpus(),
        memory_bytes=_memory_bytes(),
        cpu_governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        clock_source=_read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        python=platform.python_version(),
        packages={package: number for package, number in found.items() if number},
        gpus=describe_gpus(),
    )


def look_here() -> Look:
    """This machine, and by what it is known again from a container."""
    return Look(describe_host(), _read(BOOT_ID))
