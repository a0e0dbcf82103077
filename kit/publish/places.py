"""What a destination or a source means, from its text alone. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from kit.errors import InputError
from kit.text import plain_text, without_password

RESULTS = "results"  # the results folder of a branch, unless another is named
FORMS = (
    "Give a folder, oci://HOST/NAME[:TAG], or git+https://HOST/PATH#BRANCH (also git+ssh, git+file).",
    "Give a file, oci://HOST/NAME[:TAG|@DIGEST], git+https://HOST/PATH#BRANCH[:PATH], or https://HOST/PATH.",
)
# The grammar of names, tags and digests: OCI distribution specification 1.1, "Pulling manifests".
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?")
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,15}")
_MAX_CHARS = 1000
_MAX_NAME_CHARS = 255
_HUB = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
GIT_SCHEMES = ("https", "ssh", "file")


@dataclass(frozen=True, slots=True)
class OciPlace:
    """A repository of a registry, with the tag or digest that was given."""

    host: str
    name: str
    tag: str | None = None
    digest: str | None = None
    plain_http: bool = False

    @property
    def base(self) -> str:
        """Where the registry's API has this repository."""
        return f"{'http' if self.plain_http else 'https'}://{self.host}/v2/{self.name}"

    def text(self) -> str:
        """As it is given to `kit fetch`; a digest outranks a tag."""
        end = f"@{self.digest}" if self.digest else f":{self.tag}" if self.tag else ""
        return f"oci://{self.host}/{self.name}{end}"


@dataclass(frozen=True, slots=True)
class GitPlace:
    """A branch of a repository, and a folder or file in it."""

    url: str
    scheme: str
    branch: str
    path: str | None = None

    def text(self) -> str:
        return f"git+{without_password(self.url)}#{self.branch}" + (f":{self.path}" if self.path else "")


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file behind an address, and the sha256 that it must have if one was given."""

    url: str
    sha256: str | None = None

    def text(self) -> str:
        return without_password(self.url)


@dataclass(frozen=True, slots=True)
class LocalPath:
    """A file or folder of this machine."""

    path: Path

    def text(self) -> str:
        return str(self.path)


Destination = OciPlace | GitPlace | LocalPath
Source = OciPlace | GitPlace | WebFile | LocalPath


def destination(text: str, *, plain_http: bool = False) -> Destination:
    """Where a bundle is to go; `InputError` for what is no such place."""
    found = _place(text, FORMS[0], plain_http=plain_http)
    if isinstance(found, WebFile):
        raise InputError(f"Nothing can be published to {_shown(text)}: it is the address of a file.", FORMS[0])
    if isinstance(found, OciPlace) and found.digest:
        raise InputError(f"{_shown(text)} names a digest, which only the content decides.", "Give a tag, or none.")
    return found


def source(text: str, *, plain_http: bool = False, sha256: str | None = None) -> Source:
    """Where a bundle is to come from; `InputError` for what is no such place."""
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise InputError(f'"{plain_text(sha256, 70)}" is not a sha256.', "Give 64 of 0-9 and a-f.")
    found = _place(text, FORMS[1], plain_http=plain_http)
    if isinstance(found, WebFile):
        return replace(found, sha256=sha256)
    return found


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine by its name or number."""
    name = host.rsplit(":", 1)[0] if re.fullmatch(r"[^:]*:[0-9]+|\[.*\]:[0-9]+", host) else host
    name = name.strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _place(text: str, forms: str, *, plain_http: bool) -> Source:
    if not text or len(text) > _MAX_CHARS or not text.isprintable():
        raise InputError("This is no place: empty, too long, or with characters that nobody can see.", forms)
    scheme = text.split("://", 1)[0] if "://" in text else ""
    if text.startswith("oci:"):
        return _oci(text, plain_http=plain_http)
    if text.startswith("git+"):
        return _git(text)
    if text.startswith(("https:", "http:")):
        return _web(text, plain_http=plain_http)
    if scheme:
        raise InputError(f'"{plain_text(scheme, 40)}://" is not a kind of place that the kit knows.', forms)
    return LocalPath(Path(text))


def _oci(text: str, *, plain_http: bool) -> OciPlace:
    host, _, rest = text.removeprefix("oci://").partition("/")
    rest, _, digest = rest.partition("@")
    name, _, tag = rest.partition(":")
    wrong = (
        "its host" if not _HOST.fullmatch(host)
        else "its name" if not _NAME.fullmatch(name) or len(name) > _MAX_NAME_CHARS
        else "its tag" if (tag or ":" in rest) and not _TAG.fullmatch(tag)
        else "its digest" if (digest or "@" in text) and not DIGEST.fullmatch(digest)
        else None
    )  # fmt: skip
    if wrong:
        raise InputError(
            f"{_shown(text)} is not an artifact of a registry: {wrong} is not one.",
            "An example: oci://ghcr.io/name/results:smol",
        )
    return OciPlace(_HUB.get(host.lower(), host), name, tag or None, digest or None, plain_http)


def _git(text: str) -> GitPlace:
    url, _, fragment = text.removeprefix("git+").partition("#")
    branch, _, path = fragment.partition(":")
    parts = _split(url)
    allowed = parts.scheme in GIT_SCHEMES and parts.path.strip("/")
    if (
        not allowed
        or parts.query
        or bool(parts.netloc) == (parts.scheme == "file")
        or parts.netloc.startswith("-")
    ):
        raise InputError(
            f"{_shown(text)} is not a repository: git+https, git+ssh and git+file are.",
            "An example: git+https://github.com/name/results#main",
        )
    if not _is_branch(branch):
        raise InputError(
            f"{_shown(text)} names no branch.", "Put it behind the address: git+https://HOST/PATH#BRANCH"
        )
    if path and not _PATH.fullmatch(path):
        raise InputError(f"{_shown(text)} has a path that cannot be in a results folder.", "Correct the path.")
    return GitPlace(url, parts.scheme, branch, path or None)


def _is_branch(name: str) -> bool:
    """Whether git takes it for a branch and nothing else (git-check-ref-format), by a smaller alphabet."""
    parts = name.split("/")
    clean = all(part and not part.startswith(".") and not part.endswith((".lock", ".")) for part in parts)
    return bool(_BRANCH.fullmatch(name)) and clean and ".." not in name


def _web(text: str, *, plain_http: bool) -> WebFile:
    parts = _split(text)
    if parts.scheme == "http" and not plain_http:
        raise InputError(
            f"{_shown(text)} is not encrypted.",
            "Give an https address; for a server on this machine --plain-http.",
        )
    if not parts.hostname or not parts.path.strip("/") or parts.fragment:
        raise InputError(f"{_shown(text)} is not the address of a file.", FORMS[1])
    return WebFile(urlunsplit(parts))


def _split(url: str) -> SplitResult:
    """An address in its parts; without any where it is malformed."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises where it is no number)
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def _shown(text: str) -> str:
    return plain_text(without_password(text), 200)
