"""What a service may do and how much of it: capabilities, security options, open files, CPUs, its port."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kit.runtimes.compose.place import Place

MAX_FILES = 1 << 20

# With one of these a container is as good as root on its host.
ROOT_CAPABILITIES = frozenset(
    {"ALL", "BPF", "DAC_READ_SEARCH", "MKNOD", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_RAWIO"}
)
SECURITY = (
    "no-new-privileges",
    "no-new-privileges:true",
    "no-new-privileges=true",
    "seccomp:unconfined",
    "seccomp=unconfined",
    "apparmor:unconfined",
    "apparmor=unconfined",
    "label:disable",
    "label=disable",
)

_CAPABILITY = re.compile(r"(?:CAP_)?([A-Z][A-Z_]{1,30})")
_CPUS = re.compile(r"[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*")
_HOST = r"(?:\[[0-9a-fA-F:.]{2,45}\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}):"
_PORT = re.compile(rf"(?:(?:{_HOST})?(?P<host>[0-9]{{0,5}}):)?(?P<port>[0-9]{{1,5}})(?:/(?P<protocol>[a-z]+))?")
_PORT_FORM = "a port, host:port or address:host:port, one port each"


def port_of(service: Place, has: Mapping[str, Place]) -> int:
    """Where the server listens inside: the one container port under `ports` and `expose`."""
    ports = {_port(place) for key in ("ports", "expose") if key in has for place in has[key].items()}
    if len(ports) != 1:
        there = ", ".join(map(str, sorted(ports))) or "none"
        service.refuse(
            f"a service has one port inside, here there are: {there}",
            "Name the port on which the server listens under ports or expose.",
        )
    return ports.pop()


def _port(place: Place) -> int:
    if isinstance(place.value, dict):
        fields = place.fields()
        if "protocol" in fields:
            fields["protocol"].choice(["tcp"])
        if "target" not in fields:
            place.refuse("no target", "Name the port inside the container as target.")
        return fields["target"].whole(1, 65535)
    match = _PORT.fullmatch(place.text())
    if match is None:
        place.wrong(_PORT_FORM)
    if match["protocol"] not in (None, "tcp"):
        place.refuse("a server is asked over tcp", "Leave the protocol out.")
    for number in (match["host"], match["port"]):
        if number and not 1 <= int(number) <= 65535:
            place.wrong("ports from 1 to 65535")
    return int(match["port"])


def capabilities(place: Place | None, *, adding: bool) -> tuple[str, ...]:
    """Names without "CAP_"; those that would make a container root on its host are not given."""
    names = []
    for item in place.items() if place else ():
        match = _CAPABILITY.fullmatch(item.string())
        if match is None:
            item.wrong("a capability such as SYS_PTRACE, in capitals")
        if adding and match[1] in ROOT_CAPABILITIES:
            item.refuse(f"with {match[1]} a container is as good as root on its host", "Leave it out.")
        names.append(match[1])
    return tuple(names)


def security(place: Place | None) -> tuple[str, ...]:
    """Security options without files: a profile on the caller's disk means nothing to an engine elsewhere."""
    return tuple(item.choice(SECURITY) for item in place.items()) if place else ()


def open_files(place: Place | None) -> int | None:
    """The limit of open files, soft and hard alike."""
    nofile = place.fields().get("nofile") if place else None
    if nofile is None or not isinstance(nofile.value, dict):
        return nofile.whole(1, MAX_FILES) if nofile else None
    fields = nofile.fields()
    if fields.keys() != {"soft", "hard"}:
        nofile.wrong("soft and hard")
    soft, hard = (fields[key].whole(1, MAX_FILES) for key in ("soft", "hard"))
    if soft != hard:
        nofile.refuse(
            f"soft {soft} is not hard {hard}, and a server may raise one to the other", "Write one number."
        )
    return soft


def cpus(place: Place | None) -> str | None:
    """CPUs as in "0-3,8"."""
    return place.form(_CPUS, 'CPUs such as "0-3,8"') if place else None
