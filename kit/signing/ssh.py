"""`ssh-keygen -Y` with fixed arguments: it reads keys, signatures and allowed signers, and the kit parses none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kit.debuglog import logged
from kit.documents import Signature
from kit.errors import InputError
from kit.storage.whole import read_bounded
from kit.text import plain_text

NAMESPACE = "kit-bundle-v1"
SUFFIX = ".sig"
PROGRAM = "ssh-keygen"
MAX_SIGNATURE_BYTES = 16 * 1024  # RSA of 16,384 bits makes 6 kB; a pipe holds it before anybody reads
MAX_NAMES = 8
CHECK_S = 20.0
SIGN_S = 120.0  # somebody may have to touch a key or type its passphrase
_HEAD = b"-----BEGIN SSH SIGNATURE-----"
_GOOD = re.compile(r'Good "[^"]*" signature .*?with ([A-Z0-9-]+) key (SHA256:[A-Za-z0-9+/]+)')


@dataclass(frozen=True, slots=True)
class Signer:
    """An allowed signer: its name there (the principal), and the key that signed ("SHA256:...", "ED25519")."""

    name: str
    fingerprint: str
    key_type: str


def signature_beside(bundle: Path) -> Path:
    """Where the signature of a bundle lies: `NAME.tar.gz.sig` beside `NAME.tar.gz`."""
    return bundle.with_name(bundle.name + SUFFIX)


def read_signature(path: Path) -> bytes:
    """The bytes of a signature file; `InputError` if it cannot be read, or is none by its size and first line."""
    data = read_bounded(path, MAX_SIGNATURE_BYTES, "Name the signature of the bundle.")
    if len(data) > MAX_SIGNATURE_BYTES or not data.startswith(_HEAD):
        raise InputError(f"{plain_text(str(path), 200)} is not an SSH signature.", "Make one with `kit sign`.")
    return data


def sign(manifest: bytes, key: Path) -> bytes:
    """The signature of a manifest's bytes by a private key, or by the agent's where `key` is its public half.

    `InputError` if ssh-keygen is missing, the key cannot be read, or its owner does not let it be used.
    """
    if not key.is_file():
        raise InputError(
            f"{plain_text(str(key), 200)} is not a key file.",
            "Give a private key, or the .pub file of one in the agent.",
        )
    done = _called(["sign", "-f", str(key), "-n", NAMESPACE], manifest, SIGN_S, dict(os.environ), shown=True)
    if done.returncode or not done.stdout.startswith(_HEAD):
        raise InputError(
            f"{PROGRAM} could not sign with {plain_text(str(key), 200)}.",
            "Is the passphrase right, and the key in the agent (`ssh-add -l`) if only its public half is given?",
            _last_lines(done.stderr),
        )
    return done.stdout


def verified_signer(
    manifest: bytes, signature: bytes, signers: Path, *, revoked: Path | None = None, at: datetime | None = None
) -> Signer | None:
    """The allowed signer whose signature of this manifest it is; None if it is nobody's, or does not fit."""
    found = check_signature(manifest, signature, signers, revoked=revoked, at=at)
    if found.outcome != "known" or found.name is None or found.fingerprint is None or found.key_type is None:
        return None
    return Signer(found.name, found.fingerprint, found.key_type)


def check_signature(
    manifest: bytes,
    signature: bytes,
    signers: Path | None,
    *,
    revoked: Path | None = None,
    at: datetime | None = None,
) -> Signature:
    """What a signature of a manifest's bytes is worth by a file of allowed signers (see `man ssh-keygen`).

    `namespaces=`, `valid-after=` and `valid-before=` count, the two at the time `at` (now, if None) and in UTC
    where they name no zone. `revoked` is a KRL or a file of public keys. `InputError` if ssh-keygen is missing or
    one of the two files cannot be read.
    """
    for file in filter(None, (signers, revoked)):
        _must_be_readable(file)
    fits = _asked(["check-novalidate", "-n", NAMESPACE], manifest, signature)
    good = _GOOD.match(fits.stdout.decode("utf-8", "replace"))
    if fits.returncode or good is None:
        return Signature("bad", why=f"it is no signature of this manifest in the namespace {NAMESPACE}")
    key = {"key_type": good[1], "fingerprint": good[2]}
    if signers is None:
        return Signature("unknown", why="no allowed signers were named", **key)
    return _by_signers(manifest, signature, signers, revoked, at, key)


def _by_signers(
    manifest: bytes,
    signature: bytes,
    signers: Path,
    revoked: Path | None,
    at: datetime | None,
    key: dict[str, str],
) -> Signature:
    """What a signature that fits is worth: the first name that the file has for its key and allows here."""
    when = [] if at is None else [f"-Overify-time={at.astimezone(UTC):%Y%m%d%H%M%S}"]
    found = _asked(["find-principals", "-f", str(signers), *when], manifest, signature)
    # One name a line, or all of a line of the file with commas between: it depends on the version.
    names = re.split(r"[\n,]", found.stdout.decode("utf-8", "replace").strip()) if not found.returncode else []
    barred = [] if revoked is None else ["-r", str(revoked)]
    why = "nobody in the file of allowed signers has this key at that time"
    for name in names[:MAX_NAMES]:
        asked = ["verify", "-f", str(signers), "-I", name, "-n", NAMESPACE, *when]
        if not _asked([*asked, *barred], manifest, signature).returncode:
            return Signature("known", name=name, **key)
        again = _asked(asked, manifest, signature) if barred else None
        if again is not None and not again.returncode:
            return Signature("revoked", why="the key is on the list of revoked keys", **key)
        why = f"the key is in the file of allowed signers, but not for the namespace {NAMESPACE} at that time"
    return Signature("unknown", why=why, **key)


def _must_be_readable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise InputError(
            f"{plain_text(str(file), 200)}: {error.strerror}.", "Name a file that can be read."
        ) from None


def _asked(arguments: Sequence[str], manifest: bytes, signature: bytes) -> subprocess.CompletedProcess[bytes]:
    """ssh-keygen's answer about a signature; it comes through a pipe, so nothing is written to a disk."""
    reading, writing = os.pipe()
    try:
        os.write(writing, signature[:MAX_SIGNATURE_BYTES])
        os.close(writing)
        # No agent, no home and no zone of this machine has a say in what is true of a signature.
        surroundings = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        given = [arguments[0], "-s", f"/dev/fd/{reading}", *arguments[1:]]
        return _called(given, manifest, CHECK_S, surroundings, kept=(reading,))
    finally:
        os.close(reading)


@logged("program", lambda arguments, *_, **__: f"{PROGRAM} -Y {arguments[0]}")
def _called(
    arguments: Sequence[str],
    stdin: bytes,
    limit_s: float,
    surroundings: dict[str, str],
    *,
    kept: tuple[int, ...] = (),
    shown: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run `ssh-keygen -Y ...`; with `shown` what it says goes to a terminal at once: "touch your key"."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise InputError(
            f"{PROGRAM} is not installed: no signature can be made or checked.", "Install OpenSSH 8.9 or newer."
        )
    on_terminal = shown and sys.stderr is not None and sys.stderr.isatty()
    try:
        return subprocess.run(
            [program, "-Y", *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=None if on_terminal else subprocess.PIPE,
            env=surroundings,
            pass_fds=kept,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{PROGRAM} did not end within {limit_s:g} s.", "Try again.") from None


def _last_lines(stderr: bytes | None) -> tuple[str, ...]:
    lines = (stderr or b"").decode("utf-8", "replace").strip().splitlines()
    return tuple(plain_text(line, 200) for line in lines[-3:])
