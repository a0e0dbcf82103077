"""A hub of models as Hugging Face's: what a repository holds at a revision, and what its files hash to.

The token of HF_TOKEN goes to the hub's own host and to nobody else, and never over a line that others can read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote, urlsplit

from kit.errors import InputError, SourceError
from kit.publish.places import is_loopback
from kit.publish.web import Answer, Web, same_server
from kit.strict import Json, read_json
from kit.text import plain_text

ENDPOINT_VARIABLE, TOKEN_VARIABLE = "HF_ENDPOINT", "HF_TOKEN"
ENDPOINT = "https://huggingface.co"
MAIN = "main"
MAX_LISTING_BYTES = 16 << 20
MAX_POINTER_BYTES = 1024
MAX_FILES = 100_000
MAX_NAMED = 40  # files that an error names
_WHOLE_S = 60.0
_TOKEN = re.compile(r"[!-~]{1,4096}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_POINTER = re.compile(rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,15})\n")
# A path inside a repository: no step up, no empty step, nothing that is read otherwise in an address.
_PATH = re.compile(r"(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f]{1,200}(?:/(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f]{1,200}){0,8}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository; None is what the listing does not say."""

    path: str
    bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit: the same files for ever."""

    name: str
    commit: str
    files: tuple[HubFile, ...]
    license: str | None = None


def endpoint() -> str:
    """The hub's address: HF_ENDPOINT, or Hugging Face's own."""
    given = os.environ.get(ENDPOINT_VARIABLE, "").rstrip("/") or ENDPOINT
    parts = urlsplit(given)
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or "@" in parts.netloc
        or not given.isprintable()
    ):
        raise InputError(f"{ENDPOINT_VARIABLE} is no address of a hub.", f"For example: {ENDPOINT}")
    return given


def authorization(url: str) -> dict[str, str]:
    """The header that says who asks, for an address of the hub alone; nothing without a token."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token or not url.startswith(("https://", "http://")) or not same_server(url, endpoint()):
        return {}
    if urlsplit(url).scheme != "https" and not is_loopback(urlsplit(url).netloc):
        return {}
    if not _TOKEN.fullmatch(token):
        raise InputError(f"{TOKEN_VARIABLE} holds characters that no token has.", "Set it again, without spaces.")
    return {"Authorization": f"Bearer {token}"}


def file_url(repository: str, commit: str, path: str) -> str:
    """Where a file of a repository can be fetched."""
    return f"{endpoint()}/{repository}/resolve/{commit}/{quote(path)}"


def repository_at(name: str, revision: str | None) -> Repository:
    """What a repository holds at a branch, tag or commit (main if None); `SourceError` with what to do if not."""
    wanted = revision or MAIN
    url = f"{endpoint()}/api/models/{name}/revision/{quote(wanted, safe='')}?blobs=true"
    with Web(whole_s=_WHOLE_S) as web:
        answer = web.ask("GET", url, max_bytes=MAX_LISTING_BYTES, headers=authorization(url))
    if not answer.ok:
        refused(answer, name, wanted)
    said = read_json(answer.body, f"listing of {name}", max_bytes=MAX_LISTING_BYTES)
    commit = said.get("sha") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise SourceError(f"The hub's answer about {name} names no commit.", f"Check {ENDPOINT_VARIABLE}.")
    return Repository(name, commit, tuple(_files(said.get("siblings"))), _license(said))


def with_hash(repository: Repository, file: HubFile) -> HubFile:
    """The file with its sha256: of the listing, or of the pointer that stands in the repository in its place."""
    if file.sha256 is not None:
        return file
    url = f"{endpoint()}/{repository.name}/raw/{repository.commit}/{quote(file.path)}"
    headers = {**authorization(url), "Range": f"bytes=0-{MAX_POINTER_BYTES - 1}"}
    with Web(whole_s=_WHOLE_S) as web:
        try:
            answer = web.ask("GET", url, max_bytes=MAX_POINTER_BYTES, headers=headers)
        except SourceError:
            return file
    pointer = _POINTER.search(answer.body) if answer.ok else None
    return file if pointer is None else HubFile(file.path, int(pointer[2]), pointer[1].decode())


def refused(answer: Answer, name: str, revision: str) -> NoReturn:
    """`SourceError` that says what the hub refused, and what the user can do about it."""
    status, code = answer.status, answer.headers.get("x-error-code", "")
    page, token = f"{endpoint()}/{name}", bool(os.environ.get(TOKEN_VARIABLE))
    if code == "RevisionNotFound":
        raise SourceError(
            f"{name} has no revision {plain_text(revision)!r}.", f"{page}/commits names those it has."
        )
    if status in (401, 403):
        if token:
            raise SourceError(
                f"The hub does not let the owner of {TOKEN_VARIABLE} read {name} (HTTP status {status}).",
                f"Check its name; if it is gated, accept its terms at {page} with the account of the token.",
            )
        raise SourceError(
            f"{name} is gated, private, or not there: the hub wants to know who asks (HTTP status {status}).",
            f"Check its name; accept its terms at {page}, make a token to read with, and set {TOKEN_VARIABLE}.",
        )
    if status == 404:
        raise SourceError(f"The hub has no repository {name}, or none for you.", f"Check its name: {page}")
    raise SourceError(f"The hub answered for {name} with HTTP status {status}.", "Try again later.")


def _license(said: Mapping[str, Json]) -> str | None:
    card = said.get("cardData")
    found = card.get("license") if isinstance(card, dict) else None
    return plain_text(found, 60) if isinstance(found, str) and found else None


def _files(siblings: Json) -> list[HubFile]:
    found = []
    for each in siblings[:MAX_FILES] if isinstance(siblings, list) else []:
        path = each.get("rfilename") if isinstance(each, dict) else None
        if not isinstance(each, dict) or not isinstance(path, str) or not _PATH.fullmatch(path):
            continue
        lfs = each.get("lfs")
        stored = lfs if isinstance(lfs, dict) else {}
        digest, size = stored.get("sha256"), stored.get("size", each.get("size"))
        good = isinstance(digest, str) and _SHA256.fullmatch(digest) is not None
        found.append(
            HubFile(path, size if type(size) is int and size >= 0 else None, str(digest) if good else None)
        )
    return found
