"""When two runs ran on one machine: by its facts, never by its platform's name (docs/comparing.md). Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase

from kit.documents import Gpu, Host
from kit.documents.pins import Hardware
from kit.documents.study import Machine, Study
from kit.text import bytes_text, plain_text

GIB = 1 << 30
# A kernel keeps some megabytes more or fewer for itself than the one before; no memory module is this small.
MEMORY_SLACK_BYTES = GIB // 2
MAX_CHARS = 80
_MARKS = re.compile(r"\((?:R|TM)\)|\b(?:CPU|Processor|[0-9]+-Core)\b", re.IGNORECASE)


def machine_of(host: Host, hardware: Hardware | None = None) -> Machine:
    """What decides whether two machines are one. GPUs count where the platform computes on them."""
    gpus: tuple[Gpu, ...] = () if hardware is None or hardware.accelerator == "none" else host.gpus
    drivers = sorted({gpu.driver for gpu in gpus if gpu.driver})
    limits = [gpu.power_limit_mw for gpu in gpus if gpu.power_limit_mw is not None]
    return Machine(
        architecture=host.architecture,
        cpu_model=host.cpu_model,
        cpus=host.cpus_usable,
        memory_bytes=host.memory_bytes,
        gpus=tuple(sorted(gpu.name for gpu in gpus)),
        driver=", ".join(drivers) or None,
        power_limits_mw=tuple(sorted(limits)),
        kernel=host.kernel,
        cpu_governor=host.cpu_governor,
    )


def machine_differences(a: Machine, b: Machine) -> tuple[str, ...]:
    """Why these are two machines, `CPU: EPYC 7763 and Xeon 8375C`; empty if every fact that decides is the same.

    What is known of one side only is a difference.
    """
    found = [
        f"{name}: {_shown(left)} and {_shown(right)}"
        for name, left, right in (
            ("architecture", a.architecture, b.architecture),
            ("CPU", a.cpu_model, b.cpu_model),
            ("usable CPUs", a.cpus, b.cpus),
        )
        if left != right
    ]
    if not _same_memory(a.memory_bytes, b.memory_bytes):
        found.append(f"memory: {_size(a.memory_bytes)} and {_size(b.memory_bytes)}")
    if a.gpus != b.gpus:
        found.append(f"GPU: {gpus_text(a.gpus) or 'not stated'} and {gpus_text(b.gpus) or 'not stated'}")
    if a.driver != b.driver:
        found.append(f"GPU driver: {_shown(a.driver)} and {_shown(b.driver)}")
    if a.power_limits_mw != b.power_limits_mw:
        found.append(f"GPU power limit: {_limits(a)} and {_limits(b)}")
    return tuple(found)


def machine_remarks(a: Machine, b: Machine) -> tuple[str, ...]:
    """What changed on one machine, and must be said beside a comparison."""
    pairs = (("kernel", a.kernel, b.kernel), ("CPU governor", a.cpu_governor, b.cpu_governor))
    return tuple(f"Different {name}: {_shown(x)} and {_shown(y)}." for name, x, y in pairs if x != y)


def _same_memory(a: int | None, b: int | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= MEMORY_SLACK_BYTES


def facts_of_two(a: Study, b: Study) -> str:
    """By which facts two studies are of two machines; empty if they are of one, or one of them states none."""
    if a.machine is None or b.machine is None:
        return ""
    return "; ".join(machine_differences(a.machine, b.machine))


def why_two(a: Study, b: Study) -> str:
    """Why two studies are of two machines; empty if they are of one.

    By facts where both have them. Where nobody states any (imported results), all that is left is the platform's
    device; facts of one side only leave it open, which is not one machine.
    """
    if a.machine is not None and b.machine is not None:
        return facts_of_two(a, b)
    device_a, device_b = (each.hardware.device if each.hardware else None for each in (a, b))
    if a.machine is None and b.machine is None:
        return "" if a.hardware == b.hardware else f"{_shown(device_a)} and {_shown(device_b)}"
    return f"the machine of {plain_text(a.name if a.machine is None else b.name)} is not stated"


def by_machine(studies: Sequence[Study]) -> tuple[tuple[Study, ...], ...]:
    """The studies of each machine together, in order of their first."""
    groups: list[list[Study]] = []
    for study in studies:
        home = next((group for group in groups if not why_two(group[0], study)), None)
        if home is None:
            groups.append([study])
        else:
            home.append(study)
    return tuple(map(tuple, groups))


# --- in words ---------------------------------------------------------------------------------------------


def machine_text(study: Study) -> str:
    """A machine in a few words, `EPYC 7763, 8 CPUs, 32 GB`, with its GPUs first; plain text."""
    if study.machine is None:
        return plain_text(study.hardware.device, MAX_CHARS) if study.hardware else "machine not stated"
    found = study.machine
    cpus = f"{found.cpus} CPU{'s' * (found.cpus != 1)}"
    gpus = gpus_text(found.gpus)
    if gpus and found.driver:
        gpus += f" (driver {found.driver})"
    parts = [gpus, cpu_name(found.cpu_model or found.architecture), cpus]
    parts += [_size(found.memory_bytes)] if found.memory_bytes else []
    return plain_text(", ".join(part for part in parts if part), 2 * MAX_CHARS)


def cpu_name(model: str) -> str:
    """The name of a CPU without what says nothing: `AMD EPYC 7763 64-Core Processor` is `AMD EPYC 7763`."""
    short = " ".join(_MARKS.sub(" ", model).split())
    return plain_text(short or model, MAX_CHARS)


def gpus_text(names: Iterable[str]) -> str:
    """`NVIDIA H200`, `2 x NVIDIA H200`; nothing without GPUs."""
    counted = Counter(names)
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counted.items())


def named_machines(studies: Sequence[Study]) -> tuple[str, ...]:
    """For each study the machine it ran on, `a: EPYC 7763, 8 CPUs, 32 GB`; empty where all ran on one.

    And empty for those that state none.
    """
    groups = by_machine([study for study in studies if study.machine is not None])
    if len(groups) < 2:
        return ("",) * len(studies)
    names = {
        id(study): f"{letter}: {machine_text(group[0])}"
        for group, letter in zip(groups, _letters(), strict=False)
        for study in group
    }
    return tuple(names.get(id(study), "") for study in studies)


def _letters() -> Iterator[str]:
    """a, b, ..., z, a2, b2, ..."""
    round_ = 1
    while True:
        yield from (f"{letter}{round_ if round_ > 1 else ''}" for letter in ascii_lowercase)
        round_ += 1


def _shown(value: object) -> str:
    return "not stated" if value is None else plain_text(str(value), MAX_CHARS)


def _size(memory_bytes: int | None) -> str:
    return "not stated" if memory_bytes is None else bytes_text(memory_bytes)


def _limits(machine: Machine) -> str:
    watts = dict.fromkeys(f"{limit / 1000:g} W" for limit in machine.power_limits_mw)
    return ", ".join(watts) or "not stated"
