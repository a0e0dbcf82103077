"""The weights of a plan as files and folders of this machine: found, fetched or made, and always hashed.

A model of the catalogue is one file, a folder fetched file by file, or a folder made of another model here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from kit.assets import asset
from kit.catalogue import ModelEntry, folder_sha256, model
from kit.documents.container import Mount
from kit.engines.docker.client import Client
from kit.engines.docker.programs import run_program
from kit.engines.docker.volumes import FOLDER, model_volume
from kit.errors import SourceError, StorageError
from kit.plan.plan import Measured
from kit.supply.download import (
    CACHE_VARIABLE,
    OnBytes,
    cache_folder,
    download,
    fetch,
    file_sha256,
    model_path,
)

OnLine = Callable[[str], None]
# Ways to make a folder of another model: the program, and the image that runs it.
WAYS = {"gguf-to-safetensors": ("vllm", "gguf_to_safetensors.py")}
_WRITTEN = re.compile(r"([A-Za-z0-9_.-]{1,100}) [0-9]+")
MAX_FILES = 64


def weights_path(entry: ModelEntry) -> Path:
    """Where a model lies in the cache, or will: a file or a folder."""
    return cache_folder() / "models" / "folders" / entry.file if entry.is_folder else model_path(entry)


def measured(entry: ModelEntry) -> Measured | None:
    """sha256 and bytes of what lies in the cache for this model; None if nothing does."""
    path = weights_path(entry)
    if not entry.is_folder:
        return (file_sha256(path), path.stat().st_size) if path.is_file() else None
    if not path.is_dir():
        return None
    files = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
    digest = folder_sha256({name: file_sha256(file) for name, file in files.items()})
    return digest, sum(file.stat().st_size for file in files.values())


def prepared(
    client: Client, run: str, entry: ModelEntry, image: str | None, on_bytes: OnBytes, on_line: OnLine
) -> tuple[Path, Measured]:
    """The model's path here and what was measured of it; fetched or made if it is not here.

    `image` runs the program that makes a derived model. `SourceError` if the hash is not the catalogue's.
    """
    found = measured(entry)
    if found is None:
        _get(client, run, entry, image, on_bytes, on_line)
        found = measured(entry)
    path = weights_path(entry)
    if found is None:
        raise SourceError(f"The model {entry.name} is missing.", f"Fetch it: kit models prepare {entry.name}")
    # What is made here may differ in a byte by the versions of those who make it: then it is not confirmed.
    if entry.sha256 is not None and found[0] != entry.sha256 and entry.source.kind != "derived":
        raise SourceError(
            f"The model {entry.name} in {path} has sha256 {found[0]}, the catalogue says {entry.sha256}.",
            f"Delete it and prepare it again: kit models prepare {entry.name}",
        )
    return path, found


def _get(
    client: Client, run: str, entry: ModelEntry, image: str | None, on_bytes: OnBytes, on_line: OnLine
) -> None:
    if entry.source.kind == "derived":
        _make(client, run, entry, image, on_bytes, on_line)
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


def _make(
    client: Client, run: str, entry: ModelEntry, image: str | None, on_bytes: OnBytes, on_line: OnLine
) -> None:
    if image is None or entry.source.made_by not in WAYS or entry.source.made_from is None:
        raise SourceError(f"There is no conversion for the model {entry.name}.", "See docs/status.md.")
    origin = model(entry.source.made_from)
    path = fetch(origin, on_bytes)
    volume = model_volume(client, run, image, origin.sha256 or file_sha256(path), path, origin.file, on_bytes)
    on_line(f"converting {origin.name} to {entry.name}")
    partial = _partial(weights_path(entry))
    run_program(
        client,
        run,
        image,
        asset("images", *WAYS[entry.source.made_by]).read_bytes(),
        (FOLDER, origin.file),
        (Mount(volume, FOLDER, read_only=True),),
        partial,
        _written,
        on_line,
        {"HF_HUB_OFFLINE": "1"},
    )
    partial.replace(weights_path(entry))


def _written(lines: object) -> list[str]:
    """The names of the files that the program says it wrote."""
    texts = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return [found[1] for found in map(_WRITTEN.fullmatch, texts) if found][:MAX_FILES]


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
