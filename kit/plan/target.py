"""Where a load goes: a server's URL taken apart, what lets the kit in, and the bytes of one request."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

from kit import __version__
from kit.documents import Load
from kit.documents.shape import Api
from kit.errors import InputError

UNIX = "unix:"
# Printable ASCII without blanks: anything else would break the lines of the request.
_PLAIN_URL = re.compile(r"[!-~]+")
_WHOLE = "/chat/completions"
_RAW = "/completions"
_VERSION = re.compile(r"/v[0-9][a-z0-9]*(?=/|$)")  # /v1, /v3, /v1beta: the API is where the path says
_OTHER = re.compile(
    r"(?:/v[0-9][a-z0-9]*|/api)/(?:completions|models|responses|messages|embeddings|generate|chat)$"
)
_BARE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?(?:/[A-Za-z0-9._/-]*)?"
)  # a host, perhaps with port and path
_SECRET = re.compile(r"key|token|secret|sig|pass|auth|code|cred", re.IGNORECASE)
_REMEDY = "Give the base URL of an OpenAI-compatible server, e.g. http://127.0.0.1:8080"

API_KEY_VARIABLE = "KIT_API_KEY"  # sent as a bearer token when set; never written to a record
HEADERS_VARIABLE = "KIT_HEADERS"  # a JSON object of further headers; values are never written to a record
CA_VARIABLE = "SSL_CERT_FILE"
INSECURE_VARIABLE = "KIT_INSECURE"
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
MAX_HEADERS = 64
# What the kit itself says in each request, or what would change how an answer is framed.
_OWN_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "expect", "te"}
    | {"trailer", "transfer-encoding", "upgrade"}
)


# --- the address ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """The address of a server: `api` is the path before /chat/completions and /models, without a trailing slash.

    `unix` is the path of a Unix socket, which then stands for host and port. `query` goes with every request.
    """

    host: str
    port: int
    tls: bool
    api: str = "/v1"
    unix: str | None = None
    query: str = ""

    @property
    def authority(self) -> str:
        """The value of a Host header: an IPv6 address in brackets, and no port where it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def chat_path(self) -> str:
        """Where chat completions are asked, as it stands in a request."""
        return f"{self.api}{_WHOLE}{self.query}"

    def path_of(self, api: Api) -> str:
        """Where completions are asked by this interface: of a chat, or of a raw prompt, which lies beside it."""
        return self.chat_path if api == "chat" else f"{self.api}{_RAW}{self.query}"

    @property
    def models_path(self) -> str:
        """Where the list of models lies: beside the chat completions."""
        return f"{self.api}/models{self.query}"

    @property
    def root(self) -> str:
        """Scheme and authority."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def base_url(self) -> str:
        """The URL as a load records it; `parse_target` makes the same target of it."""
        if self.unix is not None:
            return f"{UNIX}{self.unix}"
        if not self.query:
            for short in (self.api.removesuffix("/v1"), self.api):
                if _api(short) == self.api:
                    return f"{self.root}{short}"
        return f"{self.root}{self.chat_path}"


def _api(path: str) -> str:
    """The path of the API that a URL with this path means."""
    if path.endswith(_WHOLE):
        return path.removesuffix(_WHOLE)
    return path if _VERSION.search(path) else f"{path}/v1"


def shown(url: str) -> str:
    """A URL as an error may show it: without what may be a user, a password or a key."""
    plain = re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", r"\1...@", url, flags=re.DOTALL)
    return repr(re.sub(r"([?#]).*", r"\1...", plain, flags=re.DOTALL))


def parse_target(url: str) -> Target:
    """The target of a base URL, a prefix or a whole endpoint; `InputError`, which shows no secret, if it is none.

    A path that ends in /chat/completions is meant as it stands, and so is one with a version in it (/v1, /v3,
    /v1beta/openai); any other has its API at /v1.
    """
    if url.startswith(UNIX):
        path = url.removeprefix(UNIX)
        if not path.startswith("/") or "\0" in path:
            raise InputError(
                f"The URL {url!r} does not name a socket by its whole path.", "Give unix:/path/of/socket."
            )
        return Target("localhost", 80, tls=False, unix=path)
    if "@" in re.split(r"[/?#]", url.partition("//")[2])[0]:
        raise _with_user(url)
    if not _PLAIN_URL.fullmatch(url):
        raise InputError(f"The URL {shown(url)} has characters that no URL may have as they are.", _REMEDY)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        # A password with a slash in it leaves half of itself where the port should be.
        words = _with_user(url) if "@" in url else None
        raise words or InputError(f"The URL {shown(url)} cannot be read: {error}.", _REMEDY) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        bare = _BARE.fullmatch(url)
        raise InputError(
            f"The URL {shown(url)} does not start with http:// or https:// and a host.",
            f"Write http://{url}" if bare else _REMEDY,
        )
    if port == 0:
        raise InputError(f"The URL {shown(url)} has port 0, which no server can use.", _REMEDY)
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    _check_path(url, path, parts.query, parts.fragment)
    tls = parts.scheme == "https"
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.hostname, port or (443 if tls else 80), tls, _api(path), query=query)


def _with_user(url: str) -> InputError:
    return InputError(
        f"The URL {shown(url)} has a user or a password.",
        f"Take it out: a key goes into the variable {API_KEY_VARIABLE}, anything else into --header.",
    )


def _check_path(url: str, path: str, query: str, fragment: str) -> None:
    whole = path.endswith(_WHOLE)
    if fragment or (query and not whole):
        raise InputError(
            f"The URL {shown(url)} has a query or a fragment.",
            f"Only a whole endpoint may have a query: .../v1{_WHOLE}?api-version=...",
        )
    if any(_SECRET.search(name) for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise InputError(
            f"The query of the URL {shown(url)} seems to hold a secret, and URLs are recorded.",
            "Send it as a header: --header 'Name: value'.",
        )
    if not whole and _OTHER.search(path):
        raw = " and ask for raw prompts with --api completions" if path.endswith(_RAW) else ""
        raise InputError(
            f"The URL {shown(url)} names another interface than chat completions.",
            f"Leave out its last part{raw}, or give the whole path of /chat/completions.",
        )


# --- being let in ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Access:
    """What lets the kit in: headers of every request, Authorization included, and whom to trust over TLS.

    Values of headers are secrets: `repr` does not show them and no record holds them. Without `ca_file` the
    system's authorities count; `insecure` trusts any certificate.
    """

    headers: tuple[tuple[str, str], ...] = ()
    ca_file: str | None = None
    insecure: bool = False

    def __repr__(self) -> str:
        return f"Access({', '.join(name for name, _ in self.headers)}, {self.ca_file}, {self.insecure})"

    @classmethod
    def from_environment(cls) -> Access:
        """As the variables say; `InputError`, which shows no value, if one of them cannot be used."""
        key = os.environ.get(API_KEY_VARIABLE, "")
        if not key.isprintable() or not key.isascii():
            raise InputError(
                f"The variable {API_KEY_VARIABLE} holds characters that no HTTP header may carry.", "Set it again."
            )
        headers = _headers_of(os.environ.get(HEADERS_VARIABLE, ""))
        if key and not any(name.lower() == "authorization" for name, _ in headers):
            headers = (("Authorization", f"Bearer {key}"), *headers)
        insecure = os.environ.get(INSECURE_VARIABLE, "") not in ("", "0")
        return cls(headers, os.environ.get(CA_VARIABLE) or None, insecure)

    def environment(self) -> dict[str, str]:
        """The variables of which `from_environment` makes the same access: for a child of the kit."""
        found = {API_KEY_VARIABLE: "", HEADERS_VARIABLE: json.dumps(dict(self.headers))}
        if self.ca_file is not None:
            found[CA_VARIABLE] = self.ca_file
        return found | {INSECURE_VARIABLE: "1" if self.insecure else ""}

    def with_headers(self, more: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """These headers and `more`; of those with the same name the last counts."""
        found = tuple({name.lower(): (name, value) for name, value in (*self.headers, *more)}.values())
        if len(found) > MAX_HEADERS:
            raise InputError(f"{len(found)} headers are too many.", f"Give at most {MAX_HEADERS}.")
        return found


def with_access(load: Load, access: Access) -> Load:
    """The load with what of `access` is recorded: names of headers, and whether any certificate is trusted."""
    return replace(
        load,
        headers=tuple(name for name, _ in access.headers if name.lower() != "authorization"),
        insecure=access.insecure and load.url.startswith("https:"),
    )


def _headers_of(text: str) -> tuple[tuple[str, str], ...]:
    if not text:
        return ()
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise InputError(f"The variable {HEADERS_VARIABLE} is not a JSON object.", 'Set it like {"X-Team": "a"}.')
    return Access().with_headers((name, checked_header(name, value)) for name, value in document.items())


def checked_header(name: str, value: object) -> str:
    """The value of a header that may be sent; `InputError` naming the header, never the value, if it may not."""
    if not _HEADER_NAME.fullmatch(name):
        words = "What stands before the colon is not the name of a header."
        raise InputError(words, "Write --header 'Name: value'.")
    if name.lower() in _OWN_HEADERS:
        raise InputError(f"The header {name} is the kit's own.", "Leave it out.")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise InputError(
            f"The value of the header {name} holds characters that no header may carry.", "Give it again."
        )
    return value.strip()


# --- one request ----------------------------------------------------------------------------------------


def head_lines(target: Target, access: Access, first: str, more: Mapping[str, str]) -> list[str]:
    """The lines of a request's head: the first, Host and who asks, `more`, and what `access` adds or replaces."""
    own = {"Host": target.authority, "User-Agent": f"kit/{__version__}", **more}
    given = {name.lower() for name, _ in access.headers}
    kept = [f"{name}: {value}" for name, value in own.items() if name.lower() not in given]
    hosts = [f"Host: {value}" for name, value in access.headers if name.lower() == "host"]
    rest = [f"{name}: {value}" for name, value in access.headers if name.lower() != "host"]
    return [first, *hosts, *kept, *rest]


def request_head(
    target: Target, access: Access | None = None, *, accept: str = "text/event-stream", api: Api = "chat"
) -> bytes:
    """The constant part of the head of every request, up to the value of Content-Length.

    Without `access` it is the environment's.
    """
    lines = head_lines(
        target,
        Access.from_environment() if access is None else access,
        f"POST {target.path_of(api)} HTTP/1.1",
        {"Accept": accept, "Content-Type": "application/json"},
    )
    return "\r\n".join([*lines, "Content-Length: "]).encode("ascii")


def get_request(target: Target, path: str, access: Access) -> bytes:
    """The bytes of a whole GET request."""
    lines = head_lines(target, access, f"GET {path} HTTP/1.1", {"Accept": "application/json"})
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def payload(head: bytes, body: bytes) -> bytes:
    """One whole HTTP request."""
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)
