"""What an engine says it ran, as `ContainerFacts`. Pure: its own answers go in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kit.documents import EngineFacts
from kit.documents.container import ContainerFacts, PassthroughMethod
from kit.text import plain_text
from kit.timestamps import utc_text

Answer = Mapping[str, Any]

NEVER = "0001-01-01"
NANOSECONDS = 1_000_000_000
MAX_RUNTIMES, MAX_COUNT = 100, 10**15


def container_facts(
    container: Answer, image: Answer, version: Answer, passthrough: PassthroughMethod
) -> ContainerFacts:
    """Facts out of the engine's answers about a container, its image and itself."""
    config, state = container.get("Config") or {}, container.get("State") or {}
    running = bool(state.get("Running"))
    return ContainerFacts(
        engine=engine_name(version),
        engine_version=str(version.get("Version", "")),
        api_version=str(version.get("ApiVersion", "")),
        passthrough=passthrough,
        image=str(config.get("Image", "")),
        image_id=str(container.get("Image", "")),
        repo_digests=tuple(sorted(str(digest) for digest in image.get("RepoDigests") or ())),
        architecture=str(image.get("Architecture", "")),
        command=(str(container.get("Path", "")), *(str(word) for word in container.get("Args") or ())),
        environment=dict(sorted(_pair(str(text)) for text in config.get("Env") or ())),
        labels={str(key): str(value) for key, value in sorted((config.get("Labels") or {}).items())},
        created_utc=engine_time(container.get("Created")) or "",
        started_utc=engine_time(state.get("StartedAt")) or "",
        finished_utc=None if running else engine_time(state.get("FinishedAt")),
        exit_code=exit_code(container),
        oom_killed=bool(state.get("OOMKilled")),
        memory_bytes=_memory_bytes(container.get("HostConfig")),
    )


def _memory_bytes(host: object) -> int | None:
    """The limit of memory; engines write 0 for none."""
    limit = host.get("Memory") if isinstance(host, Mapping) else None
    return limit if type(limit) is int and limit > 0 else None


def exit_code(container: Answer) -> int | None:
    """How the program of a container ended; None while it runs, or if it never did."""
    state = container.get("State") or {}
    code = state.get("ExitCode")
    ended = state.get("Status") in ("exited", "dead", "removing", "stopped")
    return code if ended and isinstance(code, int) else None


def engine_name(version: Answer) -> str:
    """ "Engine" is Docker's own name for itself; podman speaks the same language and says who it is."""
    parts = version.get("Components") or [{}]
    name = str(parts[0].get("Name", "")) if isinstance(parts[0], Mapping) else ""
    return "Docker Engine" if name in ("", "Engine") else name


def engine_facts(version: Answer, info: Answer) -> EngineFacts:
    """What an engine says of itself and its machine, without that machine's name."""
    runtimes = info.get("Runtimes")
    named = [str(name) for name in runtimes] if isinstance(runtimes, Mapping) else []
    return EngineFacts(
        name=_words(engine_name(version)) or "",
        version=_words(version.get("Version")) or "",
        api_version=_words(version.get("ApiVersion")) or "",
        system=_words(info.get("OperatingSystem")),
        kernel=_words(info.get("KernelVersion")),
        architecture=_words(info.get("Architecture")),
        cpus=_positive(info.get("NCPU")),
        memory_bytes=_positive(info.get("MemTotal")),
        runtimes=tuple(sorted(plain_text(name, 100) for name in named))[:MAX_RUNTIMES],
    )


def _words(found: object) -> str | None:
    return plain_text(found.strip(), 120) or None if isinstance(found, str) else None


def _positive(found: object) -> int | None:
    return found if type(found) is int and 0 < found <= MAX_COUNT else None


def engine_time(text: object) -> str | None:
    """A time of the engine, whatever its zone, in the form of `kit.timestamps`; None if it has not come yet."""
    if not isinstance(text, str) or text.startswith(NEVER):
        return None
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    whole = stamp.replace(microsecond=0).astimezone(UTC)
    return utc_text(int(whole.timestamp()) * NANOSECONDS + stamp.microsecond * 1000)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value
