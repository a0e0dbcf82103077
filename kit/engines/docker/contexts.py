"""Which engine is meant: DOCKER_HOST, DOCKER_CONTEXT or what `docker context use` chose, in docker's own order.

Only files of the user are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from kit.errors import InputError
from kit.text import plain_text

HOST_VARIABLE, CONTEXT_VARIABLE, FOLDER_VARIABLE = "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"
DEFAULT = "default"
MAX_FILE_BYTES = 4 << 20
CHOOSE = "Choose another (docker context ls, docker context use NAME), or set DOCKER_HOST."
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.+-]{0,254}")


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where an engine is. `options` are for docker-py; `context` names the context that says so, or is ""."""

    host: str
    context: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def engine_address(environment: Mapping[str, str] | None = None) -> EngineAddress:
    """The engine that the docker program would speak to; `InputError` if the context is gone or broken."""
    given = os.environ if environment is None else environment
    host = given.get(HOST_VARIABLE, "")
    folder = Path(given.get(FOLDER_VARIABLE) or Path("~/.docker").expanduser())
    name = DEFAULT if host else given.get(CONTEXT_VARIABLE) or _current(folder / "config.json") or DEFAULT
    if name == DEFAULT:
        return EngineAddress(host, options=kwargs_from_env(dict(given)))
    return _of_context(folder / "contexts", name)


def _current(file: Path) -> str:
    """The context that is in use, as the user's configuration says; "" if it says nothing."""
    if not file.exists():
        return ""
    value = _document(file, "The configuration of Docker").get("currentContext", "")
    return value if isinstance(value, str) else ""


def _of_context(folder: Path, name: str) -> EngineAddress:
    shown = plain_text(name, 60)
    place = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    file = folder / "meta" / place / "meta.json"
    if not _NAME.fullmatch(name) or not file.is_file():
        raise InputError(f'The Docker context "{shown}" does not exist.', CHOOSE)
    endpoints = _document(file, f'The Docker context "{shown}"').get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = endpoint.get("Host") if isinstance(endpoint, dict) else None
    if not isinstance(endpoint, dict) or not isinstance(host, str) or not host:
        raise InputError(f'The Docker context "{shown}" names no engine.', CHOOSE)
    tls = _tls(folder / "tls" / place / "docker", skip=endpoint.get("SkipTLSVerify") is True)
    options = {"base_url": host} | ({"tls": tls} if tls and host.startswith("tcp://") else {})
    return EngineAddress(host, name, options)


def _tls(folder: Path, *, skip: bool) -> TLSConfig | None:
    """The certificates of a context; None where it has none and does without TLS."""
    ca, cert, key = (folder / f"{part}.pem" for part in ("ca", "cert", "key"))
    if not folder.is_dir() and not skip:
        return None
    own = (str(cert), str(key)) if cert.is_file() and key.is_file() else None
    return TLSConfig(client_cert=own, ca_cert=str(ca) if ca.is_file() else None, verify=not skip)


def _document(file: Path, what: str) -> dict[str, Any]:
    try:
        with file.open("rb") as data:
            value = json.loads(data.read(MAX_FILE_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise InputError(f"{what} cannot be read ({file}): {words}.", "Repair it, or set DOCKER_HOST.") from None
    return value if isinstance(value, dict) else {}
