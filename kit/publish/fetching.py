"""Bundles from wherever a reference leads, written down byte for byte. Nothing is extracted or believed here."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from kit.errors import InputError, SourceError
from kit.publish.branch import bundles_of_branch
from kit.publish.oci import pull
from kit.publish.parcel import IDENTITY_CHARS
from kit.publish.places import GitPlace, LocalPath, OciPlace, Source, WebFile
from kit.publish.web import Web
from kit.signing import MAX_SIGNATURE_BYTES, SUFFIX, read_signature, signature_beside
from kit.storage.archive import DEFAULT, ArchiveError, unpack
from kit.storage.names import MANIFEST
from kit.text import plain_text

_HEAD = b"-----BEGIN SSH SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A bundle as it came: from where, its bytes, the signatures beside it, its files if they can be read."""

    origin: str
    archive: bytes
    signatures: tuple[bytes, ...]
    files: Mapping[str, bytes]

    @property
    def identity(self) -> str | None:
        """The sha256 of its manifest; None where it has none."""
        return sha256(self.files[MANIFEST]).hexdigest() if MANIFEST in self.files else None

    @property
    def name(self) -> str:
        """The name of its file: the first digits of its identity, or of its own sha256 where it has none."""
        if self.identity:
            return f"{self.identity[:IDENTITY_CHARS]}.tar.gz"
        return f"sha256-{sha256(self.archive).hexdigest()[:IDENTITY_CHARS]}.tar.gz"


def arrivals(source: Source) -> Iterator[Arrived]:
    """The bundles behind a reference, in turn; `SourceError` where bytes are not what a digest says."""
    match source:
        case OciPlace():
            yield _from_registry(source)
        case GitPlace():
            for path, archive, signature in bundles_of_branch(source):
                yield _arrived(f"{source.text().removesuffix(f':{source.path}')}:{path}", archive, signature)
        case WebFile():
            yield _from_web(source)
        case LocalPath():
            yield _from_file(source.path)


def write_down(arrived: Arrived, signature: bytes | None, folder: Path) -> tuple[Path, Path | None]:
    """The files of an arrived bundle and of its signature. The same bytes may lie there already, no others."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / arrived.name
    _write_new(target, arrived.archive)
    beside = signature_beside(target)
    if signature is None:
        if beside.exists():
            raise InputError(f"{beside} is there, but no signature came.", "Give another folder with -o.")
        return target, None
    _write_new(beside, signature)
    return target, beside


def _from_registry(place: OciPlace) -> Arrived:
    pulled = pull(place)
    origin = OciPlace(place.host, place.name, digest=pulled.digest).text()
    arrived = Arrived(origin, pulled.archive, pulled.signatures, _files(pulled.archive))
    if pulled.identity is not None and arrived.identity != pulled.identity:
        raise SourceError(
            f"{origin} calls itself {plain_text(pulled.identity, 64)}; its archive is {arrived.identity}.",
            "Whoever published it states what is not so: do not use it.",
        )
    return arrived


def _from_web(file: WebFile) -> Arrived:
    with Web() as web:
        answer = web.ask("GET", file.url, max_bytes=DEFAULT.compressed_bytes)
        if not answer.ok:
            raise SourceError(f"{file.text()} answers with status {answer.status}.", "Check the address.")
        found = sha256(answer.body).hexdigest()
        if file.sha256 is not None and not hmac.compare_digest(found, file.sha256):
            raise SourceError(
                f"What came from {file.text()} has the sha256 {found}, not {file.sha256}.", "Do not use it."
            )
        parts = urlsplit(file.url)
        beside = urlunsplit(parts._replace(path=parts.path + SUFFIX))
        said = web.ask("GET", beside, max_bytes=MAX_SIGNATURE_BYTES)
    # Many servers answer with a page where there is nothing.
    signature = said.body if said.ok and said.body.startswith(_HEAD) else None
    return _arrived(file.text(), answer.body, signature)


def _from_file(path: Path) -> Arrived:
    try:
        with path.open("rb") as file:
            data = file.read(DEFAULT.compressed_bytes + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    beside = signature_beside(path)
    return _arrived(str(path), data, read_signature(beside) if beside.is_file() else None)


def _arrived(origin: str, archive: bytes, signature: bytes | None) -> Arrived:
    return Arrived(origin, archive, (signature,) if signature else (), _files(archive))


def _files(archive: bytes) -> Mapping[str, bytes]:
    try:
        return unpack(archive)
    except ArchiveError:  # verification says why
        return {}


def _write_new(path: Path, data: bytes) -> None:
    """A new file, or one that has these bytes already."""
    try:
        with path.open("xb") as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    path.unlink()
                raise
    except FileExistsError:
        if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
            raise InputError(f"{path} exists and is another file.", "Give another folder with -o.") from None
