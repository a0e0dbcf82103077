"""A runtime's folder as it lies on this machine: its files, their hashes, and the runtime that they declare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kit.catalogue import folder_sha256
from kit.documents.pins import RuntimePin
from kit.errors import InputError
from kit.runtimes.compose import container, read_compose
from kit.runtimes.launch import NOT_YET
from kit.runtimes.outside.declaration import FILE, Declaration, read_declaration
from kit.runtimes.outside.declared import DeclaredRuntime
from kit.runtimes.protocol import Runtime
from kit.text import plain_text

COMPOSE = "compose.yaml"
MAX_FILES, MAX_FILE_BYTES = 200, 4 << 20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
_IGNORED = re.compile(r"(?:\.|__pycache__)")  # at the beginning of a name


@dataclass(frozen=True, slots=True)
class Outside:
    """A runtime that is none of the kit's: what a plan says of it, and where it was found, for people."""

    runtime: Runtime
    pin: RuntimePin
    where: str


def read_folder(folder: Path) -> Outside:
    """The runtime of a folder; `InputError` with file, line and remedy for whatever is wrong in it."""
    texts = read_files(folder)
    if FILE not in texts:
        raise InputError(f"{folder} has no {FILE}, so it is no runtime.", "See docs/adding-a-runtime.md.")
    declared = read_declaration(texts[FILE], str(folder / FILE))
    compose = texts.get(COMPOSE)
    check_compose(declared, compose, str(folder / COMPOSE))
    check_files(declared, texts, folder)
    text = compose.decode() if compose is not None else None
    runtime = DeclaredRuntime(declared, text, str(folder.resolve()))
    return Outside(runtime, pin_of(declared.name, texts, texts[FILE].decode(), text), str(folder))


def pin_of(
    name: str, files: Mapping[str, bytes], declaration: str | None = None, compose: str | None = None
) -> RuntimePin:
    """What a plan says of a runtime with these files."""
    hashes = {path: sha256(data).hexdigest() for path, data in sorted(files.items())}
    return RuntimePin(name, folder_sha256(hashes), hashes, declaration, compose)


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path inside; names that begin with a dot and caches of Python are left out."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(_IGNORED.match(part) for part in name.parts) or path.is_dir():
            continue
        if path.is_symlink() or not path.is_file():
            raise InputError(f"{path} is no plain file.", "A runtime's folder holds plain files only.")
        if not _NAME.fullmatch(name.as_posix()):
            raise InputError(
                f"The name of {plain_text(str(path), 200)} has other characters than letters, digits, . _ and -.",
                "Rename it.",
            )
        if path.stat().st_size > MAX_FILE_BYTES or len(found) >= MAX_FILES:
            raise InputError(
                f"{folder} is too large for a runtime: {MAX_FILES} files of {MAX_FILE_BYTES >> 20} MiB at most.",
                "Keep weights and programs elsewhere.",
            )
        try:
            found[name.as_posix()] = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    return found


def check_compose(declared: Declaration, compose: bytes | None, where: str = COMPOSE) -> None:
    """`InputError` unless the compose file has just the services that the variants need."""
    wanted = declared.in_containers
    if compose is None:
        if wanted:
            raise InputError(f"{where} is missing: {wanted[0]} runs in a container.", "See docs/compose.md.")
        return
    file = read_compose(compose, where)
    if sorted(file.services) != sorted(wanted):
        raise InputError(
            f"{where} has the services {', '.join(file.services)}, the variants with an image are "
            f"{', '.join(wanted) or 'none'}.",
            "Write one service for each of them, under its name.",
        )
    filling = {
        "KIT_MODEL_VOLUME": NOT_YET.volume,
        "KIT_MODEL_FILE": NOT_YET.file,
        "KIT_MODEL_NAME": NOT_YET.name,
        "KIT_IMAGE": "any",
        "KIT_CACHE_VOLUME": "any",
        "KIT_RENDER_GROUP": "render",
    }
    for service in file.services:
        spec = container(file, service, filling)
        if spec.port != declared.port:
            raise InputError(
                f"{where}: {service} listens on {spec.port}, {FILE} says {declared.port}.", "Make them the same."
            )


def check_files(declared: Declaration, files: Mapping[str, bytes], folder: Path) -> None:
    """`InputError` unless the files that the declaration names are there."""
    for name, variant in declared.variants.items():
        dockerfile = variant.image.dockerfile if variant.image else None
        if dockerfile is not None and dockerfile not in files:
            raise InputError(
                f"{folder} has no {dockerfile}, which the variant {name} names.",
                "Add it, or leave out dockerfile.",
            )
        for word in variant.arguments:
            place = word.partition("${runtime}/")[2]
            if place and place not in files:
                raise InputError(f"{folder} has no {place}, which the variant {name} names.", "Add it.")
