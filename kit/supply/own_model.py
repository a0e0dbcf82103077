"""A model that no catalogue has: found or looked up, hashed, and described by the header of its file.

A model whose sha256 the catalogue knows is the catalogue's, wherever it lies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

from kit.catalogue import ModelEntry, Source, model, models
from kit.documents import ModelSource
from kit.engines.protocol import OnBytes
from kit.errors import InputError, SourceError
from kit.gguf.chat import chat_family
from kit.gguf.facts import ModelFacts, facts_of
from kit.gguf.header import GgufError, read_header
from kit.plan.sources import GGUF, base_name, hub_word, plan_file, plan_name, source_name, source_of
from kit.supply.beginning import beginning_of
from kit.supply.download import cache_folder, download, file_sha256, model_path
from kit.supply.hashes import file_with, known_sha256
from kit.supply.hub import MAX_NAMED, HubFile, Repository, file_url, repository_at, with_hash
from kit.text import bytes_text, plain_text

FILE = "file"  # the origin of what lies on this machine: its path is nobody's business
NO_LICENSE = "license unknown"
_PART = re.compile(r"-[0-9]{5}-of-[0-9]{5}\.gguf\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OwnModel:
    """A model as the rest of the house knows models, and what its header says."""

    entry: ModelEntry
    facts: ModelFacts


def silent(done: int, total: int | None) -> None:
    """Progress that nobody watches."""
    del done, total


def own_model(source: ModelSource, *, may_download: bool = False, on_bytes: OnBytes = silent) -> OwnModel:
    """One model, hashed and described. Only the header of what lies elsewhere is fetched, if its hash is known.

    `SourceError` or `InputError` for what is not there, is no GGUF file, or not what its block says.
    """
    if source.hf is not None:
        return _of_hub(source, may_download, on_bytes)
    if source.https is not None:
        return _of_address(source, may_download, on_bytes)
    return _of_file(source, Path(source.file or ""))


def shown_model(text: str) -> OwnModel:
    """A model as the command line names it: a source, or a name of the catalogue; read where it lies."""
    source = source_of(text)
    if source is not None:
        return own_model(source)
    entry = model(text)
    path = model_path(entry)
    if not path.is_file() and entry.source.kind == "https" and entry.source.url:
        beginning = beginning_of(entry.source.url, entry.bytes)
        return OwnModel(entry, _facts_in(beginning.read, beginning.size, entry.name))
    if not path.is_file():
        raise SourceError(f"The model {entry.name} is not here.", f"kit models fetch {entry.name}")
    return OwnModel(replace(entry, path=str(path)), header_of(path))


def unnamed(file: str, sha256: str | None, size: int | None, source: Source, origin: str) -> ModelEntry:
    """A model of no catalogue, before anything is known of what is in it."""
    return ModelEntry("", plan_file(file), "", "", sha256, size, True, source, catalogue=False, origin=origin)


def _of_file(source: ModelSource, path: Path) -> OwnModel:
    if path.is_dir():
        raise InputError(f"The model {path} is a folder.", f"Give the {GGUF} file in it.")
    try:
        facts = header_of(path)
        digest, size = known_sha256(path), path.stat().st_size
    except OSError as error:
        # ORG/REPO in a folder that is not there: meant is one of a hub.
        is_name = path.suffix != GGUF and not path.parent.exists()
        meant = f"; a repository is written hf:{'/'.join(path.parts[-2:])}" if is_name else ""
        remedy = f"Check the path{meant}."
        raise SourceError(f"The model file {path} cannot be read: {error.strerror or error}.", remedy) from None
    _require_hash(source, digest, str(path))
    entry = unnamed(path.name, digest, size, Source("file", path=str(path)), FILE)
    return _named(source, facts, replace(entry, path=str(path)))


def _of_hub(source: ModelSource, may_download: bool, on_bytes: OnBytes) -> OwnModel:
    repository = repository_at(source.hf or "", source.revision)
    listed = with_hash(repository, _chosen(repository, source.file))
    url = file_url(repository.name, repository.commit, listed.path)
    origin = hub_word(repository.name, listed.path, repository.commit)
    file = listed.path.rsplit("/", 1)[-1]
    entry = unnamed(file, listed.sha256, listed.bytes, Source("https", url=url), origin)
    entry = replace(entry, license=repository.license or "")
    return _of_download(replace(source, file=listed.path), entry, may_download, on_bytes)


def _chosen(repository: Repository, wanted: str | None) -> HubFile:
    """The file that is meant: the one that is named, or the only one there is."""
    found = [file for file in repository.files if file.path.lower().endswith(GGUF)]
    if wanted is not None:
        named = [file for file in repository.files if file.path == wanted]
        if named:
            return named[0]
        _which(repository, f"has no file {plain_text(wanted, 200)}", found)
    if not found:
        raise SourceError(
            f"{repository.name} has no {GGUF} file.",
            "Name a repository of GGUF files; folders of safetensors are run from the catalogue only.",
        )
    if len(found) > 1:
        _which(repository, f"has {len(found)} {GGUF} files", found)
    return found[0]


def _which(repository: Repository, what: str, found: Iterable[HubFile]) -> NoReturn:
    lines = [
        plain_text(file.path, 200) + (f"  ({bytes_text(file.bytes)})" if file.bytes else "") for file in found
    ]
    more = (f"and {len(lines) - MAX_NAMED} more",) if len(lines) > MAX_NAMED else ()
    raise SourceError(
        f"{repository.name} {what}; those it has are listed above." if lines else f"{repository.name} {what}.",
        f"Name one: hf:{repository.name}:FILE, in a platform file: file.",
        (*lines[:MAX_NAMED], *more),
    )


def _of_address(source: ModelSource, may_download: bool, on_bytes: OnBytes) -> OwnModel:
    url = source.https or ""
    parts = urlsplit(url)
    origin = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))  # a query may hold a key
    entry = unnamed(base_name(source), source.sha256, None, Source("https", url=url), origin)
    return _of_download(source, entry, may_download, on_bytes)


def _of_download(source: ModelSource, entry: ModelEntry, may_download: bool, on_bytes: OnBytes) -> OwnModel:
    """What can be fetched: described by what is here of it, or by its beginning where it lies."""
    url, origin = entry.source.url or "", entry.origin or ""
    _require_whole(entry.file, origin)
    digest = entry.sha256 or source.sha256 or _hash_of_earlier(url)
    if digest is None:
        if not may_download:
            raise SourceError(
                f"Nobody states the sha256 of {origin}, so it cannot be planned before it is here.",
                "Give its sha256 in the block, or download it first: kit models fetch",
            )
        digest = _first_download(entry, on_bytes)
    _require_hash(source, digest, origin)
    entry = replace(entry, sha256=digest)
    here = model_path(entry) if model_path(entry).is_file() else file_with(digest)
    if here is not None:
        return _named(source, header_of(here), replace(entry, path=str(here), bytes=here.stat().st_size))
    beginning = beginning_of(url, entry.bytes)
    facts = _facts_in(beginning.read, beginning.size, origin)
    return _named(source, facts, replace(entry, bytes=beginning.size))


def _first_download(entry: ModelEntry, on_bytes: OnBytes) -> str:
    """Fetch a file of which no hash is known; it is kept under the one that it has."""
    url = entry.source.url or ""
    partial = cache_folder() / "models" / "unhashed" / plan_name(url.partition("://")[2]) / entry.file
    partial.parent.mkdir(parents=True, exist_ok=True)
    download(url, partial, on_bytes)
    digest = file_sha256(partial)
    kept = model_path(replace(entry, sha256=digest))
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(kept)
    (kept.parent / f"{entry.file}.from").write_text(url, encoding="utf-8")
    return digest


def _hash_of_earlier(url: str) -> str | None:
    """The hash of what was fetched from this very address before."""
    for note in sorted((cache_folder() / "models").glob("*/*.from")):
        if note.read_text(encoding="utf-8", errors="replace") == url and note.with_suffix("").is_file():
            return note.parent.name
    return None


def _require_hash(source: ModelSource, found: str, what: str) -> None:
    if source.sha256 is not None and source.sha256 != found:
        raise SourceError(
            f"The model {plain_text(what, 200)} has sha256 {found}, its block says {source.sha256}.",
            "Give the file that is meant, or correct the block.",
        )


def header_of(path: Path) -> ModelFacts:
    """What the header of a file of this machine says; `InputError` if it is none of GGUF, or a part of one."""
    with path.open("rb") as file:
        return _facts_in(file.read, path.stat().st_size, str(path))


def _facts_in(read: Callable[[int], bytes], size: int | None, what: str) -> ModelFacts:
    _require_whole(what, what)
    try:
        facts = facts_of(read_header(read, size))
    except GgufError as error:
        raise InputError(
            f"{plain_text(what, 300)} is not a GGUF file that can be read: {error.message}.",
            "Get the file again, or give another.",
        ) from None
    if facts.parts > 1:
        _require_whole("-00001-of-00002.gguf", what)
    return facts


def _require_whole(file: str, what: str) -> None:
    if _PART.search(file):
        raise InputError(
            f"{plain_text(what, 300)} is one of several parts of a model; the kit measures models of one file.",
            "Merge the parts once: llama-gguf-split --merge FIRST-PART OUT.gguf",
        )


def _named(source: ModelSource, facts: ModelFacts, entry: ModelEntry) -> OwnModel:
    """The entry with its name: the catalogue's where that knows the hash and nobody wants another name."""
    known = next((each for each in models() if each.sha256 == entry.sha256 and not each.is_folder), None)
    if known is not None and source.name in (None, known.name):
        return OwnModel(replace(known, path=entry.path), facts)
    name = source_name(source) if source.name else plan_name(entry.file)
    if any(each.name == name for each in models()):
        if source.name is not None:
            raise InputError(
                f"The catalogue has a model {name!r}, and this one has another sha256 ({entry.sha256}).",
                "Give it another name.",
            )
        name = f"{name[:55]}-{(entry.sha256 or '')[:8]}"
    family, default_system = chat_family(facts.chat_template)
    named = replace(
        entry,
        name=name,
        title=facts.name or name,
        license=facts.license or entry.license or NO_LICENSE,
        chat_template=family,
        default_system=default_system,
        layers=facts.layers,
    )
    return OwnModel(named, facts)
