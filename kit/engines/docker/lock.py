"""One kit at a time on an engine: two would measure each other. The lock is a container that never starts.

The engine gives a container's name to one only, at once and for good, so there is no gap in which two could win.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker

from kit.engines.docker.client import RUN_LABEL, MissingError, engine_errors
from kit.engines.docker.containers import container
from kit.engines.protocol import Holder
from kit.errors import EngineError
from kit.text import plain_text
from kit.timestamps import utc_now

LOCK = "kit-lock"
PID_LABEL, HOST_LABEL, SINCE_LABEL = "org.kit.pid", "org.kit.host", "org.kit.since"
BIRTH_LABEL = "org.kit.birth"


@contextlib.contextmanager
def only_kit(client: docker.DockerClient, run: str, image: str, name: str = LOCK) -> Iterator[None]:
    """Hold the lock of this engine in the block; `EngineError` naming who holds it already.

    `image` is any image the engine has, best the load generator's.
    """
    labels = {
        RUN_LABEL: run,
        PID_LABEL: str(os.getpid()),
        HOST_LABEL: socket.gethostname(),
        SINCE_LABEL: utc_now(),
        BIRTH_LABEL: birth(os.getpid()),
    }
    config = {"Image": image, "Labels": labels, "HostConfig": {"NetworkMode": "none"}}
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(container(client, config, name))
        except EngineError:
            found = holder(client, name)
            if found is None:
                raise
            raise _taken(found) from None
        yield


def holder(client: docker.DockerClient, name: str = LOCK) -> Holder | None:
    """Who holds the lock of this engine, or None."""
    api: Any = client.api
    try:
        with engine_errors("look for its lock"):
            labels = api.inspect_container(name)["Config"].get("Labels") or {}
    except MissingError:
        return None
    said = {
        key: plain_text(str(labels.get(key, "?")), 60) for key in (RUN_LABEL, HOST_LABEL, PID_LABEL, SINCE_LABEL)
    }
    return Holder(
        said[RUN_LABEL],
        said[HOST_LABEL],
        said[PID_LABEL],
        said[SINCE_LABEL],
        dead=labels.get(HOST_LABEL) == socket.gethostname()
        and is_gone(str(labels.get(PID_LABEL, "")), str(labels.get(BIRTH_LABEL, ""))),
    )


def birth(pid: int, proc: Path = Path("/proc")) -> str:
    """Which boot of this machine and which tick since then a process comes from; "" where nothing says it.

    A process id alone is given again, after a restart of the machine within minutes.
    """
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        # proc(5): the name, field 2, may contain anything, so count from its last bracket; field 22 is starttime.
        started = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError, UnicodeDecodeError):
        return ""
    return f"{boot}/{started}"


def is_gone(pid: str, born: str) -> bool:
    """True only if there is surely no process `pid` of this machine any more that came from `born`."""
    if not (pid.isascii() and pid.isdecimal()) or int(pid) == 0:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass
    now = birth(int(pid))
    return bool(born and now) and now != born


def _taken(found: Holder) -> EngineError:
    who = f"process {found.pid} on {found.host}, run {found.run}, since {found.since_utc}"
    if found.dead:
        return EngineError(f"A killed kit ({who}) left objects on this engine.", "Remove them: kit clean")
    return EngineError(
        f"Another kit measures on this engine: {who}.",
        "Wait until it ends. If that process no longer exists: kit clean",
    )
