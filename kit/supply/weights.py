"""The weights of a plan as files and folders of this machine: found, fetched or made, and always hashed.

A model of the catalogue is one file or a folder, fetched, or made here of another model.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from kit.assets import asset
from kit.catalogue import ModelEntry, folder_sha256, model
from kit.documents.container import Mount
from kit.engines.protocol import ContainerHost, OnBytes, OnLine, Program
from kit.errors import SourceError, StorageError
from kit.plan.weights import Measured
from kit.supply.download import CACHE_VARIABLE, cache_folder, download, fetch, file_sha256, model_path
from kit.supply.hashes import known_sha256

# Ways to make a model of another: the program, and whose image for the CPU runs it.
WAYS = {
    "gguf-to-safetensors": ("vllm", "gguf_to_safetensors.py"),
    "requantize-q8_0": ("gguf", "requantize.py"),
    "tiny-llama": ("gguf", "tiny_llama.py"),
}
ImageOf = Callable[[str], str]  # the id of somebody's image for the CPU, built if it is not here
_WRITTEN = re.compile(r"([A-Za-z0-9_.-]{1,100}) [0-9]+")
_FOLDER = "/models"
MADE_FILE = "model.gguf"  # what a way that makes one file calls it


def weights_path(entry: ModelEntry) -> Path:
    """Where a model lies in the cache, or will: a file or a folder."""
    return cache_folder() / "models" / "folders" / entry.file if entry.is_folder else model_path(entry)


def measured(entry: ModelEntry) -> Measured | None:
    """sha256 and bytes of what lies in the cache for this model; None if nothing does."""
    path = weights_path(entry)
    if not entry.is_folder:
        digest_of = known_sha256 if entry.path is not None else file_sha256
        return (digest_of(path), path.stat().st_size) if path.is_file() else None
    return _measured_folder(path) if path.is_dir() else None


def folder_digest(path: Path) -> str:
    """The sha256 of a folder of weights (see kit.catalogue.folder_sha256)."""
    return _measured_folder(path)[0]


def folder_here(entry: ModelEntry, on_bytes: OnBytes) -> Path:
    """A model that is a folder, fetched if it is not here; `SourceError` if only containers can make it."""
    path = weights_path(entry)
    if not path.is_dir() and entry.source.kind == "folder":
        _fetch_folder(entry, on_bytes)
    return path if path.is_dir() else fetch(entry, on_bytes)


def _measured_folder(path: Path) -> Measured:
    files = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
    digest = folder_sha256({name: file_sha256(file) for name, file in files.items()})
    return digest, sum(file.stat().st_size for file in files.values())


def prepared(
    host: ContainerHost, entry: ModelEntry, image_of: ImageOf, on_bytes: OnBytes, on_line: OnLine
) -> tuple[Path, Measured]:
    """The model's path here and what was measured of it; fetched or made if it is not here.

    `SourceError` if the hash is not the catalogue's.
    """
    found = measured(entry)
    if found is None:
        _get(host, entry, image_of, on_bytes, on_line)
        found = measured(entry)
    path = weights_path(entry)
    if found is None:
        raise SourceError(f"The model {entry.name} is missing.", f"Fetch it: kit models prepare {entry.name}")
    # What is made here may differ in a byte by the versions of those who make it: then it is not confirmed.
    if entry.sha256 is not None and found[0] != entry.sha256 and entry.source.kind != "derived":
        said = "the catalogue says" if entry.catalogue else "it had"
        again = "Begin a new run with the file as it is now."
        raise SourceError(
            f"The model {entry.name} in {path} has sha256 {found[0]}, {said} {entry.sha256}.",
            again if entry.path else f"Delete it and prepare it again: kit models prepare {entry.name}",
        )
    # A verifier holds a run against both, so a wrong size would spoil all that is measured with these weights.
    if found[0] == entry.sha256 and entry.bytes not in (None, found[1]):
        raise SourceError(
            f"The model {entry.name} has {found[1]} bytes; the catalogue says {entry.bytes}, for the same sha256."
            if entry.catalogue
            else f"The model {entry.name} has {found[1]} bytes; it was listed with {entry.bytes}.",
            "The catalogue of this kit is wrong: please report it."
            if entry.catalogue
            else "The hub's listing is wrong: give the file itself.",
        )
    return path, found


def _get(host: ContainerHost, entry: ModelEntry, image_of: ImageOf, on_bytes: OnBytes, on_line: OnLine) -> None:
    if entry.source.kind == "derived":
        _make(host, entry, image_of, on_bytes, on_line)
    elif entry.source.kind == "folder":
        _fetch_folder(entry, on_bytes)
    else:
        fetch(entry, on_bytes)


def _fetch_folder(entry: ModelEntry, on_bytes: OnBytes) -> None:
    """Every file of the folder, going on where an earlier try was cut off; then the folder appears."""
    partial = _partial(weights_path(entry))
    for name in entry.source.files:
        download(f"{entry.source.url}/{name}", partial / name, on_bytes)
    partial.replace(weights_path(entry))


def _make(host: ContainerHost, entry: ModelEntry, image_of: ImageOf, on_bytes: OnBytes, on_line: OnLine) -> None:
    if entry.source.made_by not in WAYS or entry.source.made_from is None:
        raise SourceError(f"There is no conversion for the model {entry.name}.", "See docs/status.md.")
    origin = model(entry.source.made_from)
    path, (digest, _) = prepared(host, origin, image_of, on_bytes, on_line)
    maker, code = WAYS[entry.source.made_by]
    image = image_of(maker)
    volume = host.model_volume(image, digest, path, origin.file, on_bytes)
    on_line(f"converting {origin.name} to {entry.name}")
    partial = _partial(weights_path(entry))
    program = Program(
        image,
        asset("images", maker, code).read_bytes(),
        (_FOLDER, origin.file),
        (Mount(volume, _FOLDER, read_only=True),),
        {"HF_HUB_OFFLINE": "1"},
        _written,
    )
    host.run_program(program, partial, on_line)
    if entry.is_folder:
        partial.replace(weights_path(entry))
    else:
        (partial / MADE_FILE).replace(weights_path(entry))
        shutil.rmtree(partial)


def _written(line: str) -> str | None:
    found = _WRITTEN.fullmatch(line)
    return found and found[1]


def _partial(path: Path) -> Path:
    partial = path.with_name(path.name + ".partial")
    try:
        if partial.is_dir() and not any(partial.iterdir()):
            shutil.rmtree(partial)
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The folder {partial} cannot be made: {error.strerror or error}.",
            f"Free some space, or choose another folder with {CACHE_VARIABLE}.",
        ) from None
    return partial
