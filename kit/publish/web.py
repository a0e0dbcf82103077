"""HTTP with every bound there is: bytes, time, redirects, and where a password may go."""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from kit import __version__
from kit.debuglog import logged
from kit.errors import SourceError, UnreachableError
from kit.publish.places import is_loopback
from kit.text import plain_text, without_password

CONNECT_S = 15.0
SILENCE_S = 60.0  # between two pieces of an answer; a registry may take this long to write a large blob away
WHOLE_S = 1800.0  # an answer with all of its redirects
MAX_REDIRECTS = 5
MAX_ERROR_BYTES = 16 * 1024
MAX_HEADER_CHARS = 8 * 1024
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status below 500 or not, names of headers in small letters, a body within its bound."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class TooLargeError(SourceError):
    """More came than was allowed."""


class Web:
    """Questions to servers that nobody vouches for. Redirects are followed here, not by httpx."""

    def __init__(self, *, whole_s: float = WHOLE_S, silence_s: float = SILENCE_S) -> None:
        self._client = httpx.Client(
            follow_redirects=False,
            verify=_trust(),
            timeout=httpx.Timeout(silence_s, connect=CONNECT_S),
            headers={"User-Agent": f"llm-repro-kit/{__version__}", "Accept-Encoding": "identity"},
        )
        self._whole_s = whole_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(
        self,
        method: str,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """One answer. Only GET and HEAD follow redirects; `Authorization` stays with the server it was meant for.

        `TooLargeError` if a good answer is larger than `max_bytes`, `UnreachableError` if nobody answers,
        `SourceError` if the connection breaks, takes too long, or leads from https to http.
        """
        until = time.monotonic() + self._whole_s
        asked, sent = url, dict(headers or {})
        for _ in range(MAX_REDIRECTS + 1):
            if urlsplit(asked).scheme == "http" and not is_loopback(urlsplit(asked).netloc):
                sent.pop("Authorization", None)  # a password in clear text never leaves the machine
            answer = self._once(method, asked, sent, content, max_bytes, until)
            if method not in ("GET", "HEAD") or answer.status not in _MOVED:
                return answer
            where = _next(asked, answer.headers.get("location", ""))
            if not same_server(where, asked):
                sent.pop("Authorization", None)
            asked = where
        raise SourceError(f"{_shown(url)} leads from one address to the next without end.", "Check the address.")

    @logged("web", lambda _, method, url, *__: f"{method} {url}")
    def _once(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, max_bytes: int, until: float
    ) -> Answer:
        with (
            _words_for_failures(url),
            self._client.stream(method, url, headers=headers, content=content) as answer,
        ):
            ok = answer.is_success
            body = _body(answer, max_bytes if ok else MAX_ERROR_BYTES, until, whole=ok)
            kept = {name.lower(): value[:MAX_HEADER_CHARS] for name, value in answer.headers.items()}
            return Answer(answer.status_code, kept, body, url)


@cache
def _trust() -> ssl.SSLContext:
    """The authorities of this machine, read once: it takes a fifth of a second."""
    return httpx.create_ssl_context()


def same_server(one: str, other: str) -> bool:
    """Whether two addresses are of one server: scheme, host and port."""
    return _origin(one) == _origin(other)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _next(asked: str, location: str) -> str:
    """Where a redirect leads; https stays https."""
    try:
        where = urljoin(asked, location)
        parts = urlsplit(where)
        stays = parts.scheme == "https" or (parts.scheme == "http" == urlsplit(asked).scheme)
        good = bool(location and stays and parts.hostname and re.fullmatch(r"[!-~]+", where) and _origin(where))
    except ValueError:  # no number behind the colon, half an IPv6 address
        where, good = location, False
    if not good:
        raise SourceError(
            f"{_shown(asked)} leads to {_shown(where)}, which is not followed: only https to https is.",
            "Give the address that it should lead to.",
        )
    return where


def _body(answer: httpx.Response, max_bytes: int, until: float, *, whole: bool) -> bytes:
    """The body; where it need not be whole (the words of a refusal), what fits of it."""
    pieces: list[bytes] = []
    have = 0
    for piece in answer.iter_raw():
        pieces.append(piece)
        have += len(piece)
        if time.monotonic() > until:
            raise SourceError(f"{_shown(str(answer.url))} takes too long.", "Try again.")
        if have > max_bytes:
            if whole:
                raise TooLargeError(
                    f"{_shown(str(answer.url))} sends more than the {max_bytes:,} bytes allowed here.",
                    "It is not what the reference says: do not use it.",
                )
            break
    return b"".join(pieces)[:max_bytes]


@contextlib.contextmanager
def _words_for_failures(url: str) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        reason = plain_text(str(error) or type(error).__name__, 200)
        what, todo = f"Nobody answers at {_shown(url)}: {reason}.", "Check the address and the network."
        if "WRONG_VERSION_NUMBER" in reason:  # OpenSSL's word for an answer without TLS
            what, todo = f"{_shown(url)} answers without TLS.", "For a server of your own give --plain-http."
        raise UnreachableError(what, todo) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = plain_text(str(error) or type(error).__name__, 200)
        raise SourceError(f"The exchange with {_shown(url)} broke off: {reason}.", "Try again.") from None


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return plain_text(without_password(parts._replace(query="", fragment="").geturl()), 200)
