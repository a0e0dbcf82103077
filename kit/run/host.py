"""Facts about this machine, by allow list: what bears on a measurement and names nobody."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kit.cpus import usable_cpus
from kit.documents import Host
from kit.text import plain_text

PACKAGES = ("llm-repro-kit", "click", "httpx", "jsonschema", "pyyaml", "rich", "tabulate", "xllamacpp")


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


def _memory_bytes() -> int | None:
    kib = _first("/proc/meminfo", r"^MemTotal:\s+([0-9]+) kB")
    if kib:
        return int(kib) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _version(package: str) -> str | None:
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
        cpu_model=_first("/proc/cpuinfo", r"^model name\s*:\s*(.+)$") or platform.processor() or None,
        cpus=os.cpu_count() or 1,
        cpus_usable=usable_cpus(),
        memory_bytes=_memory_bytes(),
        cpu_governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        clock_source=_read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        python=platform.python_version(),
        packages={package: number for package, number in found.items() if number},
    )
