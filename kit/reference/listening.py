"""The listening socket of the reference endpoint."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

from kit.errors import InputError, PortInUseError

BACKLOG = 4096


def listen(host: str, port: int) -> socket.socket:
    """A TCP listener; port 0 takes a free one. `InputError` for a bad host, `PortInUseError` for a taken port."""
    remedy = "Check --host, e.g. 127.0.0.1 or ::1."
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise InputError(f"The host {host!r} has no address.", remedy) from None
    family, _, _, _, address = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(f"Port {port} is in use.", "Give another --port, or 0 for a free one.") from None
        raise InputError(f"{host}:{port} cannot be listened on: {error.strerror}.", remedy) from None
    return listener


def listen_unix(path: Path) -> socket.socket:
    """A Unix socket; one that a dead endpoint left behind is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_abandoned(path):
            path.unlink()
        listener.bind(str(path))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(f"{path} exists already.", "Give another --unix.") from None
        raise InputError(f"{path} cannot be listened on: {error.strerror or error}.", "Check --unix.") from None
    return listener


def _is_abandoned(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                return probe.connect_ex(str(path)) == errno.ECONNREFUSED
    return False


def url_of(listener: socket.socket) -> str:
    """What to give to a load generator: http://host:port, or unix:path."""
    name = listener.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allow_many_descriptors() -> None:
    """Raise the soft limit of open files of this process to the hard one, where there is such a thing."""
    if os.name != "posix":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
