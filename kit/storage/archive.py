"""The canonical archive of a bundle: a set of files has one tar stream, and any other stream is refused.

Writing: ustar headers, names in byte order, mode 0644, time, owner and group 0, no directories, two zero blocks
and nothing behind them; around it gzip without a name or a time. Reading: nothing is extracted, and each header
must equal, byte for byte, the one that `pack` writes for its name and size. That keeps out links, devices, PAX,
GNU and sparse members, foreign modes, owners and times, and bytes hidden in unused fields.

Deflate itself is not pinned: zlib and zlib-ng give different bytes for one content, and padding bits mean
nothing. So the same files can have different archives, and the identity of a bundle is that of its manifest.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, chain, count
from typing import Literal

from kit.errors import InputError

Reason = Literal[
    "end",  # a single zero block, then more members
    "gzip",  # not gzip, a header or trailer of another writer, damaged deflate data, wrong CRC
    "header",  # checksum, mode, owner, time, unused fields: not as `pack` writes it
    "name",  # outside the name rules, or below another file
    "order",  # unsorted or twice
    "padding",  # bytes between the end of a file and the next block
    "ratio",  # expands like a bomb, or is longer than its content
    "size",  # a size field that is not eleven octal digits
    "too-big",
    "too-many",
    "trailing",  # bytes after the end, inside or outside the gzip stream
    "truncated",
    "type",  # link, device, directory, extension: anything but a regular file
]

_MIB = 1024 * 1024
_WHOLE = "the archive"  # has a space, as no name has
_BLOCK_BYTES = 512
_ZERO_BLOCK = bytes(_BLOCK_BYTES)
_INPUT_STEP_BYTES = 64 * 1024
_OUTPUT_STEP_BYTES = 256 * 1024
_SPARE_BYTES = 256 * 1024  # and a hundredth: deflate makes nothing longer by more, but can hide empty blocks

# Magic, deflate, no flags, time 0, XFL 0, OS 255 "unknown" (RFC 1952, 2.3): zlib puts in the system it is for.
_GZIP_HEADER = bytes.fromhex("1f8b08000000000000ff")
_DEFLATE_LEVEL = 6

# Headers are built here and not by `tarfile`, whose bytes for one and the same member have changed before (device
# numbers, cpython issue 90021). The order of the fields is that of POSIX pax, "ustar Interchange Format".
_SIZE_AT, _CHECKSUM_AT, _TYPE_AT = slice(124, 136), slice(148, 156), slice(156, 157)
_OCTAL_SIZE = re.compile(rb"[0-7]{11}\0")

_MAX_NAME_BYTES = 100
_MAX_SEGMENTS = 6
_SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RESERVED = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)})


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may cost its reader.

    `ratio` is total bytes out per byte in, looked at once more than `ratio_from_bytes` have come out. Deflate ends
    at 1032:1. Records compress about 15:1, and the dullest honest ones, every request refused, less than 30:1,
    because each line carries a salt and stamps of its own; 200:1 is far from both.
    """

    compressed_bytes: int = 256 * _MIB
    total_bytes: int = 512 * _MIB
    member_bytes: int = 256 * _MIB
    members: int = 2_000
    ratio: int = 200
    ratio_from_bytes: int = _MIB


DEFAULT = Limits()


class ArchiveError(InputError):
    """An archive that is refused: `reason` from a closed set, the `member` concerned, and a whole `sentence`.

    `member` is a name that passed `check_name`, the quoted ASCII form of one that did not, "member N" (from 1)
    where no name could be read, or "the archive" for what concerns all of it.
    """

    def __init__(self, reason: Reason, member: str, sentence: str) -> None:
        place = "" if member == _WHOLE else f" at {member}"
        super().__init__(f"The archive is rejected{place}: {sentence}", "Get a fresh copy, or pack it again.")
        self.reason: Reason = reason
        self.member = member
        self.sentence = sentence


def check_name(name: str) -> str | None:
    """Why `name` cannot name a file of an archive, as the end of a sentence ("its name ..."), or None."""
    if len(name) > _MAX_NAME_BYTES:
        return f"is longer than {_MAX_NAME_BYTES} bytes"
    segments = name.split("/")
    if len(segments) > _MAX_SEGMENTS:
        return f"has more than {_MAX_SEGMENTS} segments"
    return next((why for segment in segments if (why := _check_segment(segment))), None)


def _check_segment(segment: str) -> str | None:
    if not _SEGMENT.fullmatch(segment):
        return f"has the segment {segment!a}, not a letter or digit, then up to 63 of a-z, 0-9, '.', '_', '-'"
    if segment.endswith("."):
        return f"has the segment {segment!a}, which ends in a dot"
    if segment.partition(".")[0] in _RESERVED:
        return f"has the segment {segment!a}, which names a device on Windows"
    return None


def pack(files: Mapping[str, bytes]) -> bytes:
    """The canonical .tar.gz of `files` (name -> content): same files, same bytes with the same zlib.

    `InputError` on a bad name and on whatever `unpack` would refuse, so that nobody publishes what no one accepts.
    """
    for name in files:
        if why := check_name(name):
            raise InputError(f"The file {name!a} cannot be packed: its name {why}.", "Rename it.")
    try:
        packed = _gzip(piece for name in sorted(files) for piece in _member(name, files[name]))
        for _ in _members(packed, DEFAULT):
            pass
    except ArchiveError as refusal:
        what = f"The files cannot be packed, {refusal.member}: {refusal.sentence}"
        raise InputError(what, "Leave out or shorten what is too much.") from refusal
    return packed


def unpack(data: bytes, limits: Limits = DEFAULT) -> dict[str, bytes]:
    """The files of a canonical archive (name -> content, in order); `ArchiveError` on any other bytes.

    Nothing is written. Beside `data` it holds the files, and while it reads one, a second copy of that one.
    """
    return dict(_members(data, limits))


def _member(name: str, content: bytes) -> Iterator[bytes]:
    _check_size(name, len(content), 0, DEFAULT)
    yield _header(name, len(content))
    yield content
    yield bytes(-len(content) % _BLOCK_BYTES)


def _header(name: str, size_bytes: int) -> bytes:
    mode, owner_and_group, time = b"0000644\0", b"0000000\0" * 2, b"00000000000\0"
    start = name.encode("ascii").ljust(_MAX_NAME_BYTES, b"\0") + mode + owner_and_group
    start += b"%011o\0" % size_bytes + time + bytes(8) + b"0"
    return _sealed((start + bytes(100) + b"ustar\x0000").ljust(_BLOCK_BYTES, b"\0"))


def _sealed(block: bytes) -> bytes:
    """The header block with the checksum that belongs to it, counted with its own field as spaces."""
    checksum = sum(block) - sum(block[_CHECKSUM_AT]) + 8 * ord(" ")
    return b"%b%06o\0 %b" % (block[: _CHECKSUM_AT.start], checksum, block[_CHECKSUM_AT.stop :])


def _gzip(pieces: Iterator[bytes]) -> bytes:
    deflate = zlib.compressobj(_DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = [_GZIP_HEADER]
    crc = size_bytes = 0
    for piece in chain(pieces, (_ZERO_BLOCK, _ZERO_BLOCK)):
        packed.append(deflate.compress(piece))
        crc = zlib.crc32(piece, crc)
        size_bytes += len(piece)
    packed.append(deflate.flush())
    packed.append(struct.pack("<II", crc, size_bytes))
    return b"".join(packed)


def _members(data: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    stream = _TarStream(_inflate(data, limits))
    last, names, total_bytes = "", set[str](), 0
    for index in count(1):
        block = stream.take(_BLOCK_BYTES, f"member {index}")
        if block == _ZERO_BLOCK:
            _check_end(stream)
            return
        if index > limits.members:
            raise ArchiveError("too-many", _WHOLE, f"It has more than {limits.members} members.")
        name, size_bytes = _parse(block, f"member {index}")
        _check_place(name, last, names)
        _check_size(name, size_bytes, total_bytes, limits)
        content = stream.take(size_bytes, name)
        if any(stream.take(-size_bytes % _BLOCK_BYTES, name)):
            raise ArchiveError("padding", name, "The padding after its content is not zero.")
        yield name, content
        last, total_bytes = name, total_bytes + size_bytes
        names.add(name)


def _parse(block: bytes, place: str) -> tuple[str, int]:
    """Name and size (bytes) of a header block, if it is the block that `pack` writes for them."""
    if _sealed(block) != block:
        raise ArchiveError("header", place, "Its header is damaged or none at all: the checksum is wrong.")
    name = block[:_MAX_NAME_BYTES].partition(b"\0")[0].decode("latin-1")
    why = check_name(name)
    place = ascii(name) if why else name
    if (kind := block[_TYPE_AT]) != b"0":
        raise ArchiveError("type", place, f"It is of the type {ascii(kind)[1:]}, not a regular file ('0').")
    if why:
        raise ArchiveError("name", place, f"Its name {why}.")
    if not _OCTAL_SIZE.fullmatch(block[_SIZE_AT]):
        raise ArchiveError("size", place, "Its size is not written as eleven octal digits.")
    size_bytes = int(block[_SIZE_AT][:-1], 8)
    if block != _header(name, size_bytes):
        raise ArchiveError("header", place, "Its header is not canonical: mode, owner, time or an unused field.")
    return name, size_bytes


def _check_place(name: str, last: str, names: set[str]) -> None:
    if name <= last:
        raise ArchiveError("order", name, f"It comes after {last}: names must ascend, without duplicates.")
    parents = accumulate(name.split("/")[:-1], "{}/{}".format)
    if below := next((parent for parent in parents if parent in names), None):
        raise ArchiveError("name", name, f"It is below {below}, which is a file.")


def _check_size(name: str, size_bytes: int, total_bytes: int, limits: Limits) -> None:
    if size_bytes > limits.member_bytes:
        raise ArchiveError("too-big", name, f"It is larger than {limits.member_bytes} bytes.")
    if total_bytes + size_bytes > limits.total_bytes:
        raise ArchiveError("too-big", name, f"With it the files exceed {limits.total_bytes} bytes.")


def _check_end(stream: _TarStream) -> None:
    if any(stream.take(_BLOCK_BYTES, _WHOLE)):
        raise ArchiveError("end", _WHOLE, "There is a single zero block; two of them end an archive.")
    if not stream.is_at_end():
        raise ArchiveError("trailing", _WHOLE, "Something follows the two zero blocks that end it.")


class _TarStream:
    """Exact reads from the pieces of a stream that need not all be in memory."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._ready = bytearray()

    def take(self, size_bytes: int, place: str) -> bytes:
        while len(self._ready) < size_bytes:
            piece = next(self._pieces, b"")
            if not piece:
                raise ArchiveError("truncated", place, "The tar stream breaks off here.")
            self._ready += piece
        with memoryview(self._ready) as ready:
            taken = bytes(ready[:size_bytes])
        del self._ready[:size_bytes]
        return taken

    def is_at_end(self) -> bool:
        return not self._ready and not next(self._pieces, b"")


def _inflate(data: bytes, limits: Limits) -> Iterator[bytes]:
    """The tar stream in pieces, none empty; ends only after a right CRC and with nothing behind it."""
    _check_gzip_header(data, limits)
    engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
    source, fed_bytes, out_bytes = memoryview(data), 0, 0
    while not engine.eof:
        step: bytes | memoryview = engine.unconsumed_tail
        if not step:
            step = source[fed_bytes : fed_bytes + _INPUT_STEP_BYTES]
            fed_bytes += len(step)
        try:
            piece = engine.decompress(step, _OUTPUT_STEP_BYTES)
        except zlib.error as error:
            raise ArchiveError("gzip", _WHOLE, f"Its gzip stream is damaged ({error}).") from error
        out_bytes += len(piece)
        _check_ratio(out_bytes, fed_bytes - len(engine.unconsumed_tail), limits)
        if piece:
            yield piece
        elif not step and not engine.eof:
            raise ArchiveError("truncated", _WHOLE, "Its gzip stream breaks off.")
    if engine.unused_data or fed_bytes < len(data):
        raise ArchiveError("trailing", _WHOLE, "Something follows its gzip stream.")
    if len(data) > out_bytes + out_bytes // 100 + _BLOCK_BYTES:  # deflate adds five bytes to 16 KiB at most
        raise ArchiveError("ratio", _WHOLE, "It is larger than its content: empty deflate blocks hold nothing.")


def _check_gzip_header(data: bytes, limits: Limits) -> None:
    if len(data) > limits.compressed_bytes:
        raise ArchiveError("too-big", _WHOLE, f"It is larger than {limits.compressed_bytes} bytes.")
    if _GZIP_HEADER.startswith(data):
        raise ArchiveError("truncated", _WHOLE, "It has no content.")
    if not data.startswith(_GZIP_HEADER):
        raise ArchiveError("gzip", _WHOLE, "It is not a kit bundle: use what `kit bundle` wrote, unchanged.")


def _check_ratio(out_bytes: int, in_bytes: int, limits: Limits) -> None:
    if out_bytes > max(limits.ratio_from_bytes, limits.ratio * in_bytes):
        raise ArchiveError("ratio", _WHOLE, f"It expands more than {limits.ratio}:1, like a decompression bomb.")
    if in_bytes > out_bytes + out_bytes // 100 + _SPARE_BYTES:
        raise ArchiveError("ratio", _WHOLE, "Its gzip stream is longer than its content.")
