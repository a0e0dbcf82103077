"""Bad archives: each takes a good set of files and gives one archive with one fault (facts: A5 1-26, A6).

Every file of the good set must sort before "zz": the faulty member is put last, so that only its fault is wrong.
The builders share no code with `kit.storage.archive`.
"""

from __future__ import annotations

import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kit.storage.archive import Reason

Files = Mapping[str, bytes]
GOOD_FILES = {
    "manifest.json": b'{"files": []}\n',
    "cells/a.4-1/records.jsonl": bytes(range(256)) * 5,
    "cells/a.4-1/empty": b"",
    "block": b"x" * 512,
}
END = bytes(1024)
GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"

_FIELDS = {
    "name": (0, 100),
    "mode": (100, 8),
    "uid": (108, 8),
    "gid": (116, 8),
    "size": (124, 12),
    "mtime": (136, 12),
    "checksum": (148, 8),
    "kind": (156, 1),
    "link": (157, 100),
    "magic": (257, 8),
    "owner": (265, 32),
    "group": (297, 32),
    "major": (329, 8),
    "minor": (337, 8),
    "prefix": (345, 155),
    "tail": (500, 12),
}


@dataclass(frozen=True)
class Attack:
    """One bad archive: `build(files)` makes it, `reason` is the one that must be given."""

    name: str
    reason: Reason
    build: Callable[[Files], bytes]


# A stored block of deflate, not the last, without content: so many bytes that mean nothing.
EMPTY_BLOCK = bytes.fromhex("000000ffff")


def member(name: str, content: bytes = b"", /, **fields: bytes) -> bytes:
    """Header, content and padding of one member; `fields` overwrite header fields, NUL-padded to their width."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))
    for field, value in fields.items():
        at, width = _FIELDS[field]
        block[at : at + width] = value.ljust(width, b"\0")
    if "checksum" not in fields:
        seal(block)
    return bytes(block) + content + bytes(-len(content) % 512)


def seal(block: bytearray) -> None:
    """Puts the right checksum into a header block."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)


def tar(files: Files) -> bytes:
    """The members of a tar stream, without its end blocks."""
    return b"".join(member(name, files[name]) for name in sorted(files))


def gz(plain: bytes, header: bytes = GZIP_HEADER) -> bytes:
    """`plain` as one gzip stream with a header of choice."""
    return header + deflate(plain) + struct.pack("<II", zlib.crc32(plain), len(plain) % 2**32)


def deflate(plain: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(plain) + engine.flush()


def good(files: Files) -> bytes:
    return gz(tar(files) + END)


def _last(raw: bytes) -> Callable[[Files], bytes]:
    return lambda files: gz(tar(files) + raw + END)


def _closing(raw: bytes) -> Callable[[Files], bytes]:
    return lambda files: gz(tar(files) + raw)


def _flags(header: bytes) -> Callable[[Files], bytes]:
    return lambda files: gz(tar(files) + END, header)


def _around(change: Callable[[bytes], bytes]) -> Callable[[Files], bytes]:
    return lambda files: change(good(files))


def _noise(size_bytes: int) -> bytes:
    return random.Random(1).randbytes(size_bytes)


def _zip(files: Files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _pax() -> bytes:
    info = tarfile.TarInfo("zz.txt")
    info.pax_headers = {"path": "../../evil"}
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _gnu_long() -> bytes:
    return tarfile.TarInfo("zz" * 75).tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _gnu_plain() -> bytes:
    return tarfile.TarInfo("zz.txt").tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _first_again(files: Files) -> bytes:
    first = min(files)
    return gz(tar(files) + member(first, files[first]) + END)


def _twice(files: Files) -> bytes:
    return gz(good({**files, "zz.bin": _noise(2048)}))


_NAMES = {
    "dot-dot": "../../evil",
    "dot-dot-inside": "zz/../../evil",
    "dot-segment": "./zz",
    "absolute": "/etc/passwd",
    "empty-name": "",
    "empty-segment": "zz//x",
    "slash-at-end": "zz/",
    "upper-case": "zz/Result.json",
    "composed-letter": "zz-\u00e9",
    "combining-letter": "zz-e\u0301",
    "zero-width": "zz\u200b.json",
    "right-to-left": "zz\u202etxt.json",
    "escape-character": "zz\x1b[2J",
    "newline-at-end": "zz\n",
    "space-at-end": "zz ",
    "dot-at-end": "zz.",
    "dot-at-end-of-folder": "zz./x",
    "backslash": "zz\\..\\x",
    "drive": "zz:x",
    "hidden": ".hidden",
    "option": "-x",
    "option-inside": "zz/-rf",
    "device-con": "zz/con",
    "device-aux": "zz/aux.json",
    "device-nul": "zz/nul.tar.gz",
    "device-prn": "zz/prn/x",
    "device-com1": "zz/com1.txt",
    "device-lpt9": "zz/lpt9",
    "seven-segments": "zz/2/3/4/5/6/7",
    "segment-of-65": "z" * 65,
}
_TYPES = {
    "hard-link": member("zz", kind=b"1", link=b"manifest.json"),
    "symbolic-link": member("zz", kind=b"2", link=b"../../etc/passwd"),
    "character-device": member("zz", kind=b"3"),
    "block-device": member("zz", kind=b"4"),
    "directory": member("zz", kind=b"5"),
    "fifo": member("zz", kind=b"6"),
    "contiguous": member("zz", b"x", kind=b"7"),
    "old-nul-type": member("zz", b"x", kind=b"\0"),
    "pax-path": _pax(),
    "pax-global": member("zz", b"19 path=../../evil\n", kind=b"g"),
    "pax-of-gigabytes": member("zz", kind=b"x", size=b"77777777777"),
    "gnu-long-name": _gnu_long(),
    "gnu-long-link": member("zz", b"../../evil\0", kind=b"K"),
    "gnu-sparse": member("zz", kind=b"S", magic=b"ustar  \0"),
}
_HEADERS = {
    "time": member("zz", mtime=b"14000000000"),
    "time-as-nul": member("zz", mtime=b""),
    "mode-600": member("zz", mode=b"0000600"),
    "setuid": member("zz", mode=b"0004755"),
    "user-id": member("zz", uid=b"0001750"),
    "group-id": member("zz", gid=b"0001750"),
    "owner-name": member("zz", owner=b"root"),
    "group-name": member("zz", group=b"root"),
    "device-numbers": member("zz", major=b"0000000", minor=b"0000000"),
    "prefix": member("zz", prefix=b"zz"),
    "link-name-on-file": member("zz", link=b"../../etc/passwd"),
    "bytes-after-name": member("zz", name=b"zz\0hidden"),
    "bytes-in-tail": member("zz", tail=b"hidden"),
    "gnu-magic": _gnu_plain(),
    "no-magic": member("zz", magic=b""),
    "bad-checksum": member("zz", checksum=b"000000\0 "),
    "checksum-unlike": member("zz", checksum=b"%07o\0" % int(member("zz")[148:154], 8)),
    "not-a-header": _noise(512),
}
_SIZES = {
    "base-256": member("zz", b"12345", size=b"\x80" + (5).to_bytes(11, "big")),
    "base-256-huge": member("zz", size=b"\x80" + (2**80).to_bytes(11, "big")),
    "base-256-negative": member("zz", size=b"\xff" * 12),
    "octal-negative": member("zz", size=b"-0000000001"),
    "spaces-before": member("zz", b"12345", size=b"          5"),
    "space-at-end-of-size": member("zz", b"12345", size=b"00000000005 "),
    "twelve-digits": member("zz", size=b"777777777777"),
    "underscore": member("zz", b"12345678", size=b"0000000_010"),
}
_ENDS: dict[str, tuple[Reason, bytes]] = {
    "no-end-blocks": ("truncated", b""),
    "one-end-block": ("truncated", bytes(512)),
    "half-an-end-block": ("truncated", bytes(700)),
    "cut-in-header": ("truncated", member("zz", b"x")[:300]),
    "cut-in-content": ("truncated", member("zz", b"x" * 600)[:900]),
    "cut-in-padding": ("truncated", member("zz", b"x" * 600)[:1200]),
    "size-beyond-the-end": ("truncated", member("zz", size=b"00000100000") + END),
    "lone-zero-block": ("end", bytes(512) + member("zz", b"x") + END),
    "third-zero-block": ("trailing", END + bytes(512)),
    "padded-to-a-tape-record": ("trailing", END + bytes(9 * 1024)),
    "byte-after-end": ("trailing", END + b"\0"),
    "second-archive-inside": ("trailing", END + member("zz", b"x") + END),
    "zeros-without-end": ("trailing", bytes(20 << 20)),
    "huge-octal": ("too-big", member("zz", size=b"77777777777") + END),
    "hidden-in-padding": ("padding", member("zz", b"x")[:-7] + b"hidden\0" + END),
    "file-below-a-file": ("name", member("zz", b"x") + member("zz-between") + member("zz/x") + END),
    "file-below-a-deep-file": ("name", member("zz/a", b"x") + member("zz/a/b/c") + END),
    "twice-in-a-row": ("order", member("zz", b"x") + member("zz", b"y") + END),
    "unsorted": ("order", member("zz2") + member("zz1") + END),
    "bomb": ("ratio", member("zz", bytes(20 << 20)) + END),
    "tiny-members": ("too-many", b"".join(member(f"zz/{n:04}", _noise(9)) for n in range(2001)) + END),
}
_GZIP: dict[str, tuple[Reason, Callable[[Files], bytes]]] = {
    "no-bytes": ("truncated", lambda _: b""),
    "gzip-header-only": ("truncated", lambda _: GZIP_HEADER),
    "plain-tar": ("gzip", lambda files: tar(files) + END),
    "zip": ("gzip", _zip),
    "raw-zlib": ("gzip", lambda files: zlib.compress(tar(files) + END)),
    "file-name": ("gzip", _flags(b"\x1f\x8b\x08\x08" + bytes(5) + b"\xffhidden\0")),
    "extra-field": ("gzip", _flags(b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff\x06\x00hidden")),
    "comment": ("gzip", _flags(b"\x1f\x8b\x08\x10" + bytes(5) + b"\xffhidden\0")),
    "text-flag": ("gzip", _flags(b"\x1f\x8b\x08\x01" + bytes(5) + b"\xff")),
    "gzip-time": ("gzip", _flags(b"\x1f\x8b\x08\x00\x01" + bytes(4) + b"\xff")),
    "gzip-system": ("gzip", _flags(b"\x1f\x8b\x08" + bytes(6) + b"\x03")),
    "gzip-level": ("gzip", _flags(b"\x1f\x8b\x08" + bytes(5) + b"\x02\xff")),
    "wrong-crc": ("gzip", _around(lambda data: data[:-8] + bytes([data[-8] ^ 1]) + data[-7:])),
    "wrong-length": ("gzip", _around(lambda data: data[:-4] + bytes([data[-4] ^ 1]) + data[-3:])),
    "bad-deflate": ("gzip", _around(lambda data: data[:10] + b"\xff" + data[11:])),
    "cut-in-deflate": ("truncated", _around(lambda data: data[: len(data) // 2])),
    "cut-in-crc": ("truncated", _around(lambda data: data[:-5])),
    "empty-blocks": ("ratio", _around(lambda data: data[:10] + EMPTY_BLOCK * 20_000 + data[10:])),
    "few-empty-blocks": ("ratio", _around(lambda data: data[:10] + EMPTY_BLOCK * 4_000 + data[10:])),
    "bytes-after-gzip": ("trailing", _around(lambda data: data + b"hidden")),
    "zero-after-gzip": ("trailing", _around(lambda data: data + b"\0")),
    "second-archive-after": ("trailing", _around(lambda data: data + data)),
    "empty-gzip-after": ("trailing", _around(lambda data: data + gz(b""))),
    "two-gzip-members-of-one-tar": ("trailing", lambda files: gz(tar(files)) + gz(END)),
    "gzip-twice": ("header", _twice),
    "duplicate": ("order", _first_again),
}

ATTACKS: tuple[Attack, ...] = (
    *(Attack(key, "name", _last(member("zz", name=raw.encode()))) for key, raw in _NAMES.items()),
    *(Attack(key, "type", _last(raw)) for key, raw in _TYPES.items()),
    *(Attack(key, "header", _last(raw)) for key, raw in _HEADERS.items()),
    *(Attack(key, "size", _last(raw)) for key, raw in _SIZES.items()),
    *(Attack(key, reason, _closing(raw)) for key, (reason, raw) in _ENDS.items()),
    *(Attack(key, reason, build) for key, (reason, build) in _GZIP.items()),
)
