"""Where the files of a folder of results lie: results/PLATFORM/MACHINE/IDENTITY/bundle.tar.gz."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath

from kit.documents.study import Machine
from kit.errors import InputError
from kit.judge.machines import cpu_name
from kit.storage.names import is_litter
from kit.text import plain_text

INDEX = "index.json"
SIGNERS = "allowed_signers"  # as ssh-keygen reads it; whose keys have names in the index
REVOKED = "revoked_keys"  # as ssh-keygen reads it; whose signatures count no more
ARCHIVE, SIGNATURE, VIEW = "bundle.tar.gz", "bundle.tar.gz.sig", "view.json"
ARCHIVE_SUFFIX, SIGNATURE_SUFFIX = ".tar.gz", ".sig"
IDENTITY_CHARS = 16  # of the identity, in the name of a folder: 64 bits, which nobody meets twice by chance
MAX_SLUG_CHARS = 60
NOT_STATED = "machine-not-stated"
_PLATFORM = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_FLAT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_IDENTITY = re.compile(r"[0-9a-f]{16}")
_OTHER = re.compile(r"[^a-z0-9]+")


def machine_slug(machine: Machine | None) -> str:
    """A machine as the name of a folder: `amd-epyc-7763-2cpu`, `2x-nvidia-h200-16cpu`; at most 60 characters."""
    if machine is None:
        return NOT_STATED
    counted = Counter(machine.gpus)
    device = " ".join(f"{count}x {name}" if count > 1 else name for name, count in sorted(counted.items()))
    device = device or cpu_name(machine.cpu_model or machine.architecture)
    end = f"-{machine.cpus}cpu"
    start = _OTHER.sub("-", device.lower()).strip("-")[: MAX_SLUG_CHARS - len(end)].strip("-")
    return (start or "machine") + end


def place(platform: str, machine: Machine | None, identity: str) -> PurePosixPath:
    """The folder of a bundle within the folder of results."""
    return PurePosixPath(platform) / machine_slug(machine) / identity[:IDENTITY_CHARS]


def bundle_name(identity: str) -> str:
    """What a bundle is called whose own file name may be anybody's."""
    return f"{identity[:IDENTITY_CHARS]}{ARCHIVE_SUFFIX}"


def is_place(path: PurePosixPath) -> bool:
    """Whether a path within the folder of results could be the folder of a bundle, by its form."""
    parts = path.parts
    return (
        len(parts) == 3
        and bool(_PLATFORM.fullmatch(parts[0]))
        and bool(_SLUG.fullmatch(parts[1]))
        and bool(_IDENTITY.fullmatch(parts[2]))
    )


def archives_in(folder: Path) -> tuple[PurePosixPath, ...]:
    """The archives of a folder of results, sorted: each in its own place, or flat at the top. Follows no link."""
    flat = [
        PurePosixPath(path.name)
        for path in _visible(folder)
        if path.name.endswith(ARCHIVE_SUFFIX) and path.is_file()
    ]
    for path in flat:
        if not _FLAT.fullmatch(path.name):
            what = f"{plain_text(str(folder), 200)}: the name {path.name!a} cannot stand in an index."
            raise InputError(what, "Rename the file: letters, digits and . _ + - only.")
    placed = [
        home / ARCHIVE
        for platform in _folders(folder)
        for machine in _folders(platform)
        for own in _folders(machine)
        if is_place(home := PurePosixPath(own.relative_to(folder).as_posix()))
        and (own / ARCHIVE).is_file()
        and not (own / ARCHIVE).is_symlink()
    ]
    return tuple(sorted([*flat, *placed], key=str))


def signature_of(archive: Path) -> Path:
    """Where the signature of an archive lies: beside it."""
    return archive.with_name(archive.name + SIGNATURE_SUFFIX)


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without hidden files, litter and links."""
    return [
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and not is_litter(path.name) and not path.is_symlink()
    ]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]
