"""What is asked of an OCI registry (distribution specification 1.1): manifests, blobs, referrers.

Of what it answers nothing is believed but what its digest proves.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import quote, urljoin, urlsplit

from kit.errors import PublishError, SourceError
from kit.publish.artifact import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    MAX_INDEX_BYTES,
    MAX_MANIFEST_BYTES,
    Descriptor,
    digest_of,
    read_index,
    referrers_index,
    referrers_tag,
)
from kit.publish.login import Login, authorization, find_login
from kit.publish.places import OciPlace
from kit.publish.web import Answer, Web, same_server
from kit.strict import StrictError, read_json
from kit.text import plain_text

_BINARY = "application/octet-stream"
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _ACCEPTED = 401, 403, 404, 202
_MAX_ERRORS = 3


class Registry:
    """One repository of one registry."""

    def __init__(self, web: Web, place: OciPlace) -> None:
        self._web = web
        self._place = place
        self._authorization: str | None = None
        self._login: Login | None = None
        self._looked = False

    # --- reading ---

    def manifest(self, reference: str) -> bytes:
        """A manifest by tag or digest; `SourceError` if there is none, or its bytes have another digest."""
        url = f"{self._place.base}/manifests/{reference}"
        answer = self._ask("GET", url, max_bytes=MAX_MANIFEST_BYTES, headers={"Accept": MANIFEST_TYPE})
        if not answer.ok:
            raise self._failure(SourceError, f"no manifest {reference}", answer)
        if ":" in reference:
            _check_digest(answer.body, reference, url)
        return answer.body

    def blob(self, descriptor: Descriptor) -> bytes:
        """The bytes of a descriptor, each of them covered by its digest."""
        url = f"{self._place.base}/blobs/{descriptor.digest}"
        answer = self._ask("GET", url, max_bytes=descriptor.size_bytes)
        if not answer.ok:
            raise self._failure(SourceError, f"no blob {descriptor.digest}", answer)
        _check_digest(answer.body, descriptor.digest, url)
        return answer.body

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        """What refers to a manifest, of one kind; by the tag of that name where the registry has no such API."""
        url = f"{self._place.base}/referrers/{digest}?artifactType={quote(artifact_type, safe='')}"
        answer = self._ask("GET", url, max_bytes=MAX_INDEX_BYTES, headers={"Accept": INDEX_TYPE})
        found = read_index(answer.body, url) if answer.ok else self._tagged_referrers(digest)
        return tuple(each for each in found if each.artifact_type == artifact_type)

    def _tagged_referrers(self, digest: str) -> tuple[Descriptor, ...]:
        url = f"{self._place.base}/manifests/{referrers_tag(digest)}"
        answer = self._ask("GET", url, max_bytes=MAX_INDEX_BYTES, headers={"Accept": INDEX_TYPE})
        if answer.status == _NOT_FOUND:
            return ()
        if not answer.ok:
            raise self._failure(SourceError, "no list of referrers", answer)
        return read_index(answer.body, url)

    # --- writing ---

    def put_blob(self, data: bytes) -> None:
        """Have the registry keep some bytes; what it has already is not sent again."""
        digest = digest_of(data)
        if self._ask("HEAD", f"{self._place.base}/blobs/{digest}", max_bytes=0).ok:
            return
        start = f"{self._place.base}/blobs/uploads/"
        begun = self._ask(
            "POST", start, max_bytes=MAX_MANIFEST_BYTES, headers={"Content-Length": "0"}, content=b""
        )
        location = begun.headers.get("location", "")
        if begun.status != _ACCEPTED or not location:
            raise self._failure(PublishError, "no upload", begun)
        where = self._upload_address(start, location)
        target = f"{where}{'&' if urlsplit(where).query else '?'}digest={quote(digest, safe='')}"
        done = self._ask(
            "PUT", target, max_bytes=MAX_MANIFEST_BYTES, headers={"Content-Type": _BINARY}, content=data
        )
        if not done.ok:
            raise self._failure(PublishError, f"a blob of {len(data):,} bytes was refused", done)

    def put_manifest(self, data: bytes, reference: str, media_type: str = MANIFEST_TYPE) -> Answer:
        """Have the registry keep a manifest under a tag or its digest."""
        url = f"{self._place.base}/manifests/{reference}"
        answer = self._ask(
            "PUT", url, max_bytes=MAX_MANIFEST_BYTES, headers={"Content-Type": media_type}, content=data
        )
        said = answer.headers.get("docker-content-digest", digest_of(data))
        if not answer.ok or said != digest_of(data):
            raise self._failure(PublishError, f"the manifest {reference} was refused", answer)
        return answer

    def put_referrer(self, data: bytes, subject: Descriptor, artifact_type: str) -> Descriptor:
        """Have it keep a manifest that refers to another, and list it where the registry does not do so itself."""
        made = Descriptor(MANIFEST_TYPE, digest_of(data), len(data), artifact_type)
        answer = self.put_manifest(data, made.digest)
        if answer.headers.get("oci-subject") != subject.digest:
            listed = self._tagged_referrers(subject.digest)
            if all(each.digest != made.digest for each in listed):
                self.put_manifest(
                    referrers_index((*listed, made)), referrers_tag(subject.digest), media_type=INDEX_TYPE
                )
        return made

    def _upload_address(self, start: str, location: str) -> str:
        where = urljoin(start, location)
        if urlsplit(where).scheme not in ("https", urlsplit(start).scheme) or not urlsplit(where).hostname:
            raise PublishError(
                f"The registry wants the upload sent to {plain_text(where, 120)}, which is not encrypted.",
                "Ask who runs it.",
            )
        return where

    # --- asking ---

    def _ask(
        self,
        method: str,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """One answer of the registry; if it wants to know who asks, it is told, once."""
        for again in (True, False):
            sent = dict(headers or {})
            if self._authorization and same_server(url, self._place.base):
                sent["Authorization"] = self._authorization
            answer = self._web.ask(method, url, max_bytes=max_bytes, headers=sent, content=content)
            if not again or answer.status != _UNAUTHORIZED or not same_server(answer.url, self._place.base):
                break
            if not self._logged_in(answer.headers.get("www-authenticate", "")):
                break
        return answer

    def _logged_in(self, challenge: str) -> bool:
        if not self._looked:
            self._login, self._looked = find_login(self._place.host), True
        said = authorization(self._web, challenge, self._login, plain_http=self._place.plain_http)
        if said is None:
            return False
        self._authorization = said
        return True

    def _failure(
        self, kind: type[PublishError | SourceError], what: str, answer: Answer
    ) -> PublishError | SourceError:
        words = _own_words(answer.body)
        remedy = "Check the reference."
        if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
            remedy = f"Log in with `docker login {self._place.host}`, and check that this account may do this."
        elif answer.status >= 500:
            remedy = "The registry has a problem: try again later."
        said = f": {words}" if words else ""
        return kind(f"{self._place.text()}: {what} (status {answer.status}{said}).", remedy)


def _check_digest(data: bytes, digest: str, url: str) -> None:
    found = digest_of(data)
    if not hmac.compare_digest(found, digest):
        raise SourceError(
            f"What came from {plain_text(url, 200)} has the digest {found}, not {digest}.",
            "Somebody changed it, or the registry is damaged: do not use it.",
        )


def _own_words(body: bytes) -> str:
    """What a registry says when it refuses, on one line."""
    try:
        document = read_json(body, "answer", max_bytes=len(body) + 1)
    except StrictError:
        return ""
    errors = document.get("errors") if isinstance(document, dict) else None
    found = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    words = [f"{each.get('code', '')} {each.get('message', '')}".strip() for each in found[:_MAX_ERRORS]]
    return plain_text("; ".join(words), 200)
