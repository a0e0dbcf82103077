"""The context of a build: one tar with the Dockerfile and the inputs, the same bytes for the same files."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from kit.errors import InputError
from kit.text import plain_text

DOCKERFILE = "Dockerfile"
CA_VARIABLE = "KIT_CA_BUNDLE"
# The folder is in every context, so that a COPY of it never fails.
CA_FOLDER = "extra-ca"
CA_FILE = "extra.crt"
REGISTRIES, KEPT = "registries", "kept"
NOTHING: Mapping[str, bytes] = {}
PROXY_VARIABLES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def write_context(
    out: IO[bytes],
    dockerfile: bytes,
    files: Mapping[str, Path],
    certificates: bytes | None,
    settings: Mapping[str, bytes] = NOTHING,
) -> None:
    """Write the tar: no times, no owners, sorted, so that the builder's cache sees only what changed."""
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, DOCKERFILE, dockerfile)
        _add(tar, f"{CA_FOLDER}/README", b"Certificates of a company's network, if there are any.\n")
        if certificates:
            _add(tar, f"{CA_FOLDER}/{CA_FILE}", certificates)
        for name, text in sorted(settings.items()):
            _add(tar, f"{REGISTRIES}/{name}", text)
        if not any(name.startswith(f"{KEPT}/") for name in files):
            _add(tar, f"{KEPT}/README", b"The program of an earlier build, if there is one.\n")
        for name, path in sorted(files.items()):
            with path.open("rb") as data:
                tar.addfile(_member(name, path.stat().st_size), data)


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o755 if name.startswith(f"{KEPT}/") else 0o644
    return info


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    tar.addfile(_member(name, len(data)), io.BytesIO(data))


def extra_certificates() -> bytes | None:
    """The file that KIT_CA_BUNDLE names, for builds that need a package index; `InputError` if it is none."""
    named = os.environ.get(CA_VARIABLE)
    if not named:
        return None
    try:
        data = Path(named).read_bytes()
    except OSError as error:
        raise InputError(
            f"{CA_VARIABLE} names {plain_text(named, 200)}, which cannot be read: {error.strerror}.", "Correct it."
        ) from None
    if _CERTIFICATE not in data:
        raise InputError(
            f"{CA_VARIABLE} names {plain_text(named, 200)}, which holds no PEM certificate.",
            "It must be a file of certificates that begin with -----BEGIN CERTIFICATE-----.",
        )
    return data


def proxy_arguments() -> dict[str, str]:
    """Build arguments for the proxies of this environment; the builder keeps them out of the image."""
    found: dict[str, str] = {}
    for name in PROXY_VARIABLES:
        value = os.environ.get(name) or os.environ.get(name.upper())
        if value:
            found |= {name: value, name.upper(): value}
    return found
