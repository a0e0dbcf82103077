"""Where a load goes: an OpenAI-compatible base URL taken apart, and the bytes of one request to it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from kit import __version__
from kit.errors import InputError

UNIX = "unix:"
# Printable ASCII without blanks: anything else would break the lines of the request.
_PLAIN_URL = re.compile(r"[!-~]+")
API_KEY_VARIABLE = "KIT_API_KEY"  # sent as a bearer token when set; never written to a record


@dataclass(frozen=True, slots=True)
class Target:
    """The address of a server: `path` is the prefix before /v1, without a trailing slash.

    `unix` is the path of a Unix socket, which then stands for host and port.
    """

    host: str
    port: int
    tls: bool
    path: str
    unix: str | None = None

    @property
    def authority(self) -> str:
        """host:port as it stands in a Host header, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        if self.unix is not None:
            return f"{UNIX}{self.unix}"
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.path}"


def parse_target(url: str) -> Target:
    """A base URL such as http://127.0.0.1:8080 or https://host/v1; `InputError` if it is none."""
    remedy = "Give the base URL of an OpenAI-compatible server, e.g. --url http://127.0.0.1:8080"
    if url.startswith(UNIX):
        path = url.removeprefix(UNIX)
        if not path.startswith("/") or "\0" in path:
            raise InputError(
                f"The URL {url!r} does not name a socket by its whole path.", "Give unix:/path/of/socket."
            )
        return Target("localhost", 80, tls=False, path="", unix=path)
    if not _PLAIN_URL.fullmatch(url):
        raise InputError(f"The URL {url!r} has characters that no URL may have as they are.", remedy)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(f"The URL {url!r} cannot be read: {error}.", remedy) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"The URL {url!r} does not start with http:// or https:// and a host.", remedy)
    if port == 0:
        raise InputError(f"The URL {url!r} has port 0, which no server can use.", remedy)
    if parts.username or parts.query or parts.fragment:
        raise InputError(f"The URL {url!r} has a user, a query or a fragment.", remedy)
    path = parts.path.rstrip("/")
    path = path.removesuffix("/chat/completions").removesuffix("/v1")
    return Target(parts.hostname, port or (443 if parts.scheme == "https" else 80), parts.scheme == "https", path)


def request_head(target: Target) -> bytes:
    """The constant part of every request's header, up to the value of Content-Length."""
    key = os.environ.get(API_KEY_VARIABLE, "")
    if not key.isprintable() or not key.isascii():
        raise InputError(
            f"The variable {API_KEY_VARIABLE} holds characters that no HTTP header may carry.", "Set it again."
        )
    lines = [
        f"POST {target.path}/v1/chat/completions HTTP/1.1",
        f"Host: {target.authority}",
        f"User-Agent: kit/{__version__}",
        "Accept: text/event-stream",
        "Content-Type: application/json",
        *([f"Authorization: Bearer {key}"] if key else []),
        "Content-Length: ",
    ]
    return "\r\n".join(lines).encode("ascii")


def payload(head: bytes, body: bytes) -> bytes:
    """One whole HTTP request."""
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)
