"""HTTP/1.1 answers out of bytes as they arrive (RFC 9112): framing only, no sockets.

The load generator feeds what it reads, with the stamp of the read, and learns when the answer is complete.
Nothing of the body is looked at. Hostile bytes end in `error` and never in an exception, and no state grows
beyond the limits below.
"""

from __future__ import annotations

import re

MAX_HEAD_BYTES = 64 << 10  # status lines, headers and trailers together, interim answers included
MAX_HEADERS = 128  # the same bound by number; real servers send about ten
MAX_SIZE_LINE_BYTES = 1 << 10  # a chunk size has 16 digits at most; the rest is for extensions
MAX_CHUNK_BYTES = 16 << 20  # sixteen times the largest event that kit.stream.sse accepts
MAX_BODY_BYTES = 64 << 20  # a million tokens at 64 bytes each; bounds the memory of one answer
MAX_PIECES = 1_000_000  # each piece costs about 130 bytes beside its data, which could be one byte

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: .*)?", re.DOTALL)
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(.*)", re.DOTALL)
_LENGTH = re.compile(r"[0-9]{1,18}")
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?", re.DOTALL)
_PLAIN = frozenset({"", "identity"})  # what a body is that nobody asked to be anything else
# The size lines of almost all chunks: one look-up both checks and converts them.
_SMALL_SIZES = {form % size: size for size in range(1, 1024) for form in (b"%x", b"%X")}

# What the framer is in the midst of: a line of some kind, or a body.
_STATUS, _HEADERS, _SIZE, _CHUNK_END, _TRAILERS, _CHUNK, _BODY, _UNTIL_CLOSE, _OVER = range(9)


class ResponseFramer:
    """One answer. Feed it until `feed` says True; read `error` first, then the rest.

    `pieces` are (stamp_ns, bytes) of the body without its framing, one for each feed that held any of it;
    `headers_ns` is the stamp of the feed with the first byte of the final status line (1xx are skipped).
    """

    __slots__ = (
        "_body_bytes",
        "_connection",
        "_head_bytes",
        "_headers_seen",
        "_held",
        "_left",
        "_max_bytes",
        "_max_pieces",
        "_state",
        "_version",
        "closed_ns",
        "complete",
        "error",
        "headers",
        "headers_ns",
        "keep_alive",
        "pieces",
        "status",
    )

    def __init__(self, max_body_bytes: int | None = None, max_pieces: int | None = None) -> None:
        self._max_bytes = MAX_BODY_BYTES if max_body_bytes is None else max_body_bytes
        self._max_pieces = MAX_PIECES if max_pieces is None else max_pieces
        self.status: int | None = None
        self.headers: dict[str, str] = {}  # names in lower case, the first value of each
        self.headers_ns: int | None = None
        self.pieces: list[tuple[int, bytes]] = []
        self.complete = False
        self.keep_alive = False  # whether the connection may carry another request
        self.closed_ns: int | None = None
        self.error: str | None = None
        self._state = _STATUS
        self._left = 0  # bytes of the chunk or body still to come
        self._held = bytearray()  # a line whose end has not come yet
        self._head_bytes = 0
        self._headers_seen = 0
        self._body_bytes = 0
        self._version = 1
        self._connection = ""

    def feed(self, stamp_ns: int, data: bytes) -> bool:
        """Take bytes in the order of arrival; True when the answer is complete or `error` is set."""
        if self._state == _SIZE and not self._held:
            # The hot path: a read that is one small chunk, which is how servers send tokens.
            end = data.find(b"\r\n", 0, 8)
            if _SMALL_SIZES.get(data[:end]) == len(data) - end - 4 and data.endswith(b"\r\n"):
                body = data[end + 2 : -2]
                if self._body_bytes + len(body) <= self._max_bytes and len(self.pieces) < self._max_pieces:
                    self._body_bytes += len(body)
                    self.pieces.append((stamp_ns, body))
                    return False
                self._keep(stamp_ns, body)  # which says what is too much
                return True
        parts: list[bytes] = []
        at = self._whole_chunks(data, parts) if self._state == _SIZE and not self._held else 0
        if at < len(data):
            self._walk(stamp_ns, data, at, parts)
        if parts:
            self._keep(stamp_ns, parts[0] if len(parts) == 1 else b"".join(parts))
        return self.complete or self.error is not None

    def _whole_chunks(self, data: bytes, parts: list[bytes]) -> int:
        """Take the small chunks at the start that came whole, which is how servers send tokens; where they end.

        The hot path: it finds nothing that the walk would not find, but in a quarter of the time.
        """
        at = 0
        while (end := data.find(b"\r\n", at, at + 8)) > 0:
            size = _SMALL_SIZES.get(data[at:end])
            if size is None or data[end + 2 + size : end + 4 + size] != b"\r\n":
                break
            parts.append(data[end + 2 : end + 2 + size])
            at = end + 4 + size
        return at

    def eof(self, stamp_ns: int) -> None:
        """The peer closed: the end of a body without length, and the end of the connection for any other."""
        self.closed_ns = stamp_ns
        if self._state == _UNTIL_CLOSE:
            self.complete = True
        self.keep_alive = False

    def _keep(self, stamp_ns: int, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > self._max_bytes:
            self._fail(f"a body of more than {self._max_bytes} bytes")
        elif len(self.pieces) >= self._max_pieces:
            self._fail(f"a body in more than {self._max_pieces} pieces")
        else:
            self.pieces.append((stamp_ns, data))

    def _fail(self, reason: str) -> None:
        self.error = reason
        self.keep_alive = False
        self._state = _OVER

    # --- the walk over one feed -------------------------------------------------------------------------

    def _walk(self, stamp_ns: int, data: bytes, at: int, parts: list[bytes]) -> None:
        while at < len(data) and self.error is None:
            if self._state == _OVER:
                if not data[at:].strip(b"\r\n"):
                    return  # an empty line behind the last chunk, which some servers write
                self._fail("data after the end of the answer")
            elif self._state < _CHUNK:
                at = self._take_line(stamp_ns, data, at)
            else:
                part = data[at : at + self._left]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
                if not self._left:
                    self._body_part_ended()

    def _body_part_ended(self) -> None:
        if self._state == _CHUNK:
            self._state = _CHUNK_END
        elif self._state == _BODY:
            self._end()
        else:
            self._fail(f"a body of more than {self._max_bytes} bytes")

    def _take_line(self, stamp_ns: int, data: bytes, at: int) -> int:
        """Take what there is of the current line and return where it ends; LF alone ends a line too."""
        if self.headers_ns is None:
            self.headers_ns = stamp_ns
        end = data.find(b"\n", at)
        stop = end if end >= 0 else len(data)
        if len(self._held) + stop - at > self._room():
            self._line_too_long()
            return stop
        if end < 0:
            self._held += data[at:]
            return stop
        line = data[at:end] if not self._held else bytes(self._held + data[at:end])
        self._held.clear()
        self._line_ended(line.removesuffix(b"\r"))
        return end + 1

    def _line_too_long(self) -> None:
        if self._state == _CHUNK_END:
            self._fail("a chunk longer than its size")
        elif self._state == _SIZE:
            self._fail(f"a chunk size line of more than {MAX_SIZE_LINE_BYTES} bytes")
        else:
            self._fail(f"more than {MAX_HEAD_BYTES} bytes of headers")

    def _room(self) -> int:
        if self._state == _CHUNK_END:
            return 1  # the CR
        return MAX_SIZE_LINE_BYTES if self._state == _SIZE else MAX_HEAD_BYTES - self._head_bytes

    # --- lines ------------------------------------------------------------------------------------------

    def _line_ended(self, line: bytes) -> None:
        if self._state == _SIZE:
            self._size_line(line)
        elif self._state != _CHUNK_END:
            self._head_line(line)
        elif line:
            self._fail("a chunk longer than its size")
        else:
            self._state = _SIZE

    def _size_line(self, line: bytes) -> None:
        found = _SIZE_LINE.fullmatch(line)
        if found is None:
            self._fail("a chunk size that is not a number")
            return
        self._left = int(found[1], 16)
        self._state = _CHUNK if self._left else _TRAILERS
        if self._left > MAX_CHUNK_BYTES:
            self._fail(f"a chunk of more than {MAX_CHUNK_BYTES} bytes")

    def _head_line(self, line: bytes) -> None:
        self._head_bytes += len(line) + 1
        if b"\0" in line or b"\r" in line:
            self._fail("a control character in the headers")
        elif self._state == _STATUS and not line:
            self.headers_ns = None  # that empty line again, come late: the answer has not begun
        elif self._state == _STATUS:
            self._status_line(line)
        elif line:
            self._header_line(line)
        elif self._state == _TRAILERS:
            self._end()
        else:
            self._headers_ended()

    def _status_line(self, line: bytes) -> None:
        found = _STATUS_LINE.fullmatch(line)
        if found is None:
            self._fail("no HTTP/1 status line")
            return
        self._version, self.status = int(found[1]), int(found[2])
        self._state = _HEADERS
        if self.status == 101:
            self._fail("a switch to another protocol")

    def _header_line(self, line: bytes) -> None:
        found = _HEADER.fullmatch(line)
        self._headers_seen += 1
        if found is None:
            self._fail("a line that is not a header")
        elif self._headers_seen > MAX_HEADERS:
            self._fail(f"more than {MAX_HEADERS} headers")
        elif self._state == _HEADERS:
            self._header(found[1].decode("ascii").lower(), found[2].strip(b" \t").decode("latin-1"))

    def _header(self, name: str, value: str) -> None:
        if name == "connection":
            self._connection += f",{value.lower()}"
        elif name == "transfer-encoding" and value.lower() != "chunked":
            self._fail("a transfer encoding other than chunked")
        elif name == "transfer-encoding" and name in self.headers:
            self._fail("the header Transfer-Encoding twice, which RFC 9112 forbids")
        elif name == "content-length" and self.headers.get(name, value) != value:
            self._fail("two different content lengths")
        self.headers.setdefault(name, value)

    def _headers_ended(self) -> None:
        length = self.headers.get("content-length", "0")
        if self.status is not None and self.status < 200:
            self._state, self.status, self.headers_ns = _STATUS, None, None
            self.headers, self._connection = {}, ""
        elif self._is_answer() and (encoding := self.headers.get("content-encoding", "").lower()) not in _PLAIN:
            self._fail(f"a compressed body (Content-Encoding: {encoding[:40]}), though nobody asked for one")
        elif self.status in (204, 304):
            self._end()
        elif "transfer-encoding" in self.headers:
            self._state = _SIZE
        elif not _LENGTH.fullmatch(length) or int(length) > self._max_bytes:
            self._fail(f"a content length that is not between 0 and {self._max_bytes}")
        elif "content-length" not in self.headers:
            self._state, self._left = _UNTIL_CLOSE, self._max_bytes + 1
        elif int(length):
            self._state, self._left = _BODY, int(length)
        else:
            self._end()

    def _is_answer(self) -> bool:
        """Whether the status is one of success; of a failure it says more than the words of its body."""
        return self.status is not None and self.status < 300

    def _end(self) -> None:
        """The answer is complete and said so itself; see RFC 9112, 9.3, for what keeps a connection open."""
        self.complete = True
        self._state = _OVER
        words = {word.strip() for word in self._connection.split(",")}
        both = "transfer-encoding" in self.headers and "content-length" in self.headers  # RFC 9112, 6.3: suspect
        self.keep_alive = not both and ("close" not in words if self._version else "keep-alive" in words)
