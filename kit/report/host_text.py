"""The machine of a run in words: CPU, GPUs, engine, and the command's machine where it was another. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from kit.documents import ClientHost, EngineFacts, Gpu, Host
from kit.judge.machines import gpus_text
from kit.text import bytes_text, plain_text
from kit.text import cell as safe

MAX_CHARS = 300
_STEP = 80  # how much `kit.text.cell` takes at once


def host_lines(host: Host, size: Callable[[int], str] = bytes_text) -> tuple[str, ...]:
    """What a reader wants to know of the machine, made safe for Markdown."""
    memory = size(host.memory_bytes) if host.memory_bytes else "unknown"
    return (
        f"CPU: {safe(host.cpu_model or 'unknown')}, {host.cpus_usable} of {host.cpus} usable, memory {memory}",
        *(f"{name}: {_safe(words)}" for name, words in beside_cpu(host)),
        f"System: {safe(host.system)} {safe(host.kernel)} {safe(host.architecture)}, Python {safe(host.python)}",
        f"Packages: {safe(packages_text(host.packages))}",
    )


def beside_cpu(host: Host) -> Iterator[tuple[str, str]]:
    """(name, words) of GPUs, engine and the command's machine; nothing of what there is none of. Plain text."""
    if host.gpus:
        yield "GPU", plain_text(_gpus(host.gpus), MAX_CHARS)
    if host.engine is not None:
        yield "Engine", plain_text(_engine(host.engine), MAX_CHARS)
    if host.client is not None:
        yield "Command typed on", plain_text(_client(host.client), MAX_CHARS)


def packages_text(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(packages.items()))


def _gpus(gpus: tuple[Gpu, ...]) -> str:
    """All of them by name, and what their driver says of the first of each kind."""
    first = gpus[0]
    parts = [gpus_text(gpu.name for gpu in gpus)]
    if first.memory_bytes:
        parts.append(f"{bytes_text(first.memory_bytes)}{' each' if len(gpus) > 1 else ''}")
    for name, value in (("driver", first.driver), ("CUDA", first.cuda)):
        parts += [f"{name} {value}"] if value else []
    for name, mhz in (("up to", first.sm_max_mhz), ("set to", first.sm_application_mhz)):
        parts += [f"clock {name} {mhz} MHz"] if mhz else []
    limits = dict.fromkeys(f"{gpu.power_limit_mw / 1000:g} W" for gpu in gpus if gpu.power_limit_mw is not None)
    parts += [f"power limit {' and '.join(limits)}"] if limits else []
    if first.persistence is not None:
        parts.append(f"persistence {'on' if first.persistence else 'off'}")
    return ", ".join(parts)


def _engine(engine: EngineFacts) -> str:
    parts = [f"{engine.name} {engine.version} (API {engine.api_version})", *_known(engine.system, engine.kernel)]
    parts += [f"{engine.cpus} CPUs"] if engine.cpus else []
    parts += [f"memory {bytes_text(engine.memory_bytes)}"] if engine.memory_bytes else []
    return ", ".join(parts)


def _client(client: ClientHost) -> str:
    parts = [client.cpu_model or client.architecture, f"{client.cpus_usable} of {client.cpus} CPUs usable"]
    parts += [f"memory {bytes_text(client.memory_bytes)}"] if client.memory_bytes else []
    return ", ".join([*parts, f"{client.system} {client.kernel}", f"Python {client.python}"])


def _known(*words: str | None) -> Iterable[str]:
    return (word for word in words if word)


def _safe(words: str) -> str:
    return "".join(safe(words[at : at + _STEP]) for at in range(0, len(words), _STEP))
