"""The connection to a Docker Engine, and its errors as ours. Only this package imports docker-py."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException, NotFound
from docker.transport import UnixHTTPAdapter

from kit.debuglog import watch_answers
from kit.engines.docker.contexts import CHOOSE, EngineAddress, engine_address
from kit.engines.docker.relay import SCHEME, SshRelay
from kit.errors import EngineError, InputError
from kit.text import plain_text, without_password

RUN_LABEL = "org.kit.run"
OLDEST_API = (1, 41)
TIMEOUT_S = 120
START_REMEDY = "Install and start Docker (see docs/platforms.md), or set DOCKER_HOST to an engine that runs."
SSH_REMEDY = "This must answer without asking anything (keys, ssh-agent, known_hosts): ssh {host} docker version"


def connect() -> docker.DockerClient:
    """A client of the engine that the docker program would speak to; `EngineError` if none answers.

    ssh://[USER@]HOST[:PORT][/SOCKET] is an engine on another machine, reached through the `ssh` of this one.
    """
    try:
        address = engine_address()
    except DockerException as error:
        raise InputError(
            f"The certificates for the Docker Engine cannot be used: {reason(error)}.",
            "Check DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, or the context: docker context inspect",
        ) from None
    if address.host.startswith(SCHEME):
        return _connect_by_ssh(address)
    try:
        client = docker.DockerClient(version="auto", timeout=TIMEOUT_S, **address.options)
        _check_age(client)
    except (DockerException, requests.RequestException, OSError, ValueError) as error:
        remedy = f"Start it. {CHOOSE}" if address.context else START_REMEDY
        words = without_password(reason(error))
        raise EngineError(f"No Docker Engine answers{_named(address)}: {words}.", remedy) from None
    return client


def _named(address: EngineAddress) -> str:
    return f' in the context "{address.context}"' if address.context else ""


def reason(error: BaseException) -> str:
    """Why a request came to nothing, in the words of the system where they are found below those of libraries."""
    seen: list[BaseException] = [error]
    for each in seen:
        if isinstance(each, OSError) and each.strerror and not isinstance(each, requests.RequestException):
            return each.strerror
        below = (*each.args, each.__cause__, each.__context__, getattr(each, "reason", None))
        seen += [found for found in below if isinstance(found, BaseException) and found not in seen]
    return plain_text(str(error), 200)


class _Relayed(UnixHTTPAdapter):
    """Through a relay, which ends with it.

    docker-py keeps a connection for each address it was ever asked for; here each costs a start of ssh, so all
    share one pool.
    """

    def __init__(self, relay: SshRelay) -> None:
        super().__init__(relay.address.removeprefix("unix://"), TIMEOUT_S)
        # At the end of the kit at the latest.
        self._close_relay = weakref.finalize(self, relay.close)

    def get_connection(self, url: str | bytes, proxies: Any = None) -> Any:  # noqa: ARG002
        return super().get_connection("http+docker://localhost")

    def close(self) -> None:
        super().close()
        self._close_relay()


def _connect_by_ssh(address: EngineAddress) -> docker.DockerClient:
    # docker-py's own ssh needs a library of its own and loses what an engine says first on a stream.
    relay = SshRelay(address.host)
    try:
        client = docker.DockerClient(base_url=relay.address, version="auto", timeout=TIMEOUT_S)
        client.api.mount("http+docker://", _Relayed(relay))
        _check_age(client)
    except (DockerException, requests.RequestException, OSError) as error:
        words = relay.last_words() or reason(error)
        relay.close()
        raise EngineError(
            f"No Docker Engine answers at {plain_text(address.host, 200)}{_named(address)}: {words}.",
            SSH_REMEDY.format(host=relay.host),
        ) from None
    except BaseException:
        relay.close()
        raise
    return client


def _check_age(client: docker.DockerClient) -> None:
    watch_answers(client.api)
    client.ping()
    found = str(client.api.api_version)
    if tuple(int(part) for part in found.split(".")) < OLDEST_API:
        oldest = ".".join(map(str, OLDEST_API))
        raise EngineError(
            f"The engine speaks API {found}; the kit needs {oldest} (Docker 20.10) or newer.", "Update it."
        )


class MissingError(EngineError):
    """The engine has no such container, network, volume, image or file."""


@contextlib.contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn docker-py's errors in the block into `EngineError`: "The engine refused to <doing>: <its words>."."""
    try:
        yield
    except APIError as error:
        words = plain_text(str(error.explanation or error), 300)
        kind = MissingError if isinstance(error, NotFound) else EngineError
        raise kind(f"The engine refused to {doing}: {words}.", "This is the engine's own message.") from None
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise EngineError(f"The engine took too long to {doing}.", "Check that it runs: docker info") from None
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise EngineError(
            f"The engine went away while it was to {doing}: {reason(error)}.",
            "Check that it runs: docker info",
        ) from None
