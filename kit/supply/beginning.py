"""The beginning of a large file behind an address, read piece by piece: enough to describe a model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from kit.errors import SourceError
from kit.publish.web import Answer, TooLargeError, Web
from kit.supply.hub import authorization
from kit.text import plain_text, without_password

FIRST_BYTES, NEXT_BYTES = 2 << 20, 8 << 20
_WHOLE_S = 120.0
_RANGE = re.compile(r"bytes [0-9]{1,18}-[0-9]{1,18}/([0-9]{1,18}|\*)")


@dataclass(slots=True)
class Beginning:
    """Gives the bytes of a file in their order, as many as are asked for; `size` is that of the whole file."""

    url: str
    size: int | None
    _have: bytes = b""
    _taken: int = 0
    _asked: int = field(default=0)

    def read(self, count: int) -> bytes:
        """At most so many bytes, none at the end of the file."""
        if self._taken == len(self._have):
            self._have, self._taken = self._next(), 0
        found = self._have[self._taken : self._taken + count]
        self._taken += len(found)
        return found

    def _next(self) -> bytes:
        if self.size is not None and self._asked >= self.size:
            return b""
        wanted = NEXT_BYTES if self._asked else FIRST_BYTES
        answer = _piece(self.url, self._asked, wanted)
        total = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if total is not None and total[1] != "*":
            self.size = int(total[1])
        if answer.status == 200:  # it sends the whole file, which is short
            self.size = len(answer.body)
        self._asked += len(answer.body)
        return answer.body


def _piece(url: str, start: int, count: int) -> Answer:
    headers = {**authorization(url), "Range": f"bytes={start}-{start + count - 1}"}
    shown = plain_text(without_password(url.partition("?")[0]), 300)
    with Web(whole_s=_WHOLE_S) as web:
        try:
            answer = web.ask("GET", url, max_bytes=count, headers=headers)
        except TooLargeError:
            raise SourceError(
                f"{shown} cannot be read in pieces, so nothing is known of it before it is here.",
                "Download it first: kit models fetch",
            ) from None
    if answer.status == 416:
        return Answer(answer.status, {}, b"", url)
    if not answer.ok:
        gated = answer.status in (401, 403)
        raise SourceError(
            f"{shown} cannot be read: HTTP status {answer.status}.",
            "Of a gated repository: accept its terms and set HF_TOKEN." if gated else "Check the address.",
        )
    return answer


def beginning_of(url: str, size: int | None) -> Beginning:
    """The file behind an address, of which nothing was read yet but its size, where that has to be asked for."""
    found = Beginning(url, size)
    if size is None:
        found.read(0)
    return found
