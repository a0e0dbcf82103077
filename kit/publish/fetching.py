"""Bundles from wherever a reference leads, written down byte for byte. Nothing is extracted or believed here."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from kit.collection.layout import bundle_name
from kit.errors import InputError, SourceError
from kit.publish.branch import bundles_of_branch
from kit.publish.oci import pull
from kit.publish.places import GitPlace, LocalPath, OciPlace, Source, WebFile
from kit.publish.web import Web
from kit.signing import MAX_SIGNATURE_BYTES, SUFFIX, read_signature, signature_beside
from kit.storage.archive import DEFAULT, ArchiveError, unpack
from kit.storage.bundle import read_archive
from kit.storage.names import MANIFEST
from kit.storage.whole import write_new
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
            return bundle_name(self.identity)
        return f"sha256-{bundle_name(sha256(self.archive).hexdigest())}"


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
    """The files of an arrived bundle and of its signature. The same bytes may lie there already, no others.

    The signature comes first: an archive that lies there has all that came with it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / arrived.name
    beside = signature_beside(target)
    if signature is None and (beside.exists() or beside.is_symlink()):
        raise InputError(f"{beside} is there, but no signature came.", "Give another folder with -o.")
    files = {target: arrived.archive} if signature is None else {beside: signature, target: arrived.archive}
    for path, data in files.items():
        if (path.exists() or path.is_symlink()) and not _holds(path, data):
            raise _other(path)
    written: list[Path] = []
    try:
        for path, data in files.items():
            if write_new(path, data):
                written.append(path)
            elif not _holds(path, data):
                raise _other(path)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return target, None if signature is None else beside


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
    data = read_archive(path)
    beside = signature_beside(path)
    return _arrived(str(path), data, read_signature(beside) if beside.is_file() else None)


def _arrived(origin: str, archive: bytes, signature: bytes | None) -> Arrived:
    return Arrived(origin, archive, (signature,) if signature else (), _files(archive))


def _files(archive: bytes) -> Mapping[str, bytes]:
    try:
        return unpack(archive)
    except ArchiveError:  # verification says why
        return {}


def _holds(path: Path, data: bytes) -> bool:
    """Whether a file is there with just these bytes."""
    same_size = path.is_file() and not path.is_symlink() and path.stat().st_size == len(data)
    return same_size and path.read_bytes() == data


def _other(path: Path) -> InputError:
    return InputError(f"{path} exists and is another file.", "Give another folder with -o.")
