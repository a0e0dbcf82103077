"""`ssh-keygen -Y` with fixed arguments: it reads keys, signatures and allowed signers; the kit parses none of them."""

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
from typing import Literal

from kit.debuglog import logged
from kit.errors import InputError
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

# "known": by a key that the signers file allows here; "unknown": it fits, but nobody there has this key, or not for
# this namespace and time; "revoked": the key is on the list of revoked ones; "bad": it is not one of these bytes.
Outcome = Literal["known", "unknown", "revoked", "bad"]


@dataclass(frozen=True, slots=True)
class Signer:
    """An allowed signer: its name there (the principal), and the key that signed ("SHA256:...", "ED25519")."""

    name: str
    fingerprint: str
    key_type: str


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """What a signature is worth. `fingerprint` and `key_type` are None where it is bad, `name` where not known."""

    outcome: Outcome
    name: str | None = None
    fingerprint: str | None = None
    key_type: str | None = None
    why: str | None = None

    @property
    def signer(self) -> Signer | None:
        """The allowed signer, if it is one's."""
        if self.outcome != "known" or self.name is None or self.fingerprint is None or self.key_type is None:
            return None
        return Signer(self.name, self.fingerprint, self.key_type)


def signature_beside(bundle: Path) -> Path:
    """Where the signature of a bundle lies: `NAME.tar.gz.sig` beside `NAME.tar.gz`."""
    return bundle.with_name(bundle.name + SUFFIX)


def read_signature(path: Path) -> bytes:
    """The bytes of a signature file; `InputError` if it cannot be read or is no SSH signature by its size and head."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIGNATURE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{plain_text(str(path), 200)}: {error.strerror}.", "Name the signature of the bundle.") from None
    if len(data) > MAX_SIGNATURE_BYTES or not data.startswith(_HEAD):
        raise InputError(f"{plain_text(str(path), 200)} is not an SSH signature.", "Make one with `kit sign`.")
    return data


def sign(manifest: bytes, key: Path) -> bytes:
    """The signature of a manifest's bytes by a private key, or by the agent's where `key` is its public half.

    `InputError` if ssh-keygen is missing, the key cannot be read, or its owner does not let it be used.
    """
    if not key.is_file():
        raise InputError(f"{plain_text(str(key), 200)} is not a key file.", "Give a private key, or the .pub file of one in the agent.")
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
    return check_signature(manifest, signature, signers, revoked=revoked, at=at).signer


def check_signature(
    manifest: bytes,
    signature: bytes,
    signers: Path | None,
    *,
    revoked: Path | None = None,
    at: datetime | None = None,
) -> SignatureCheck:
    """What a signature of a manifest's bytes is worth by a file of allowed signers (`man ssh-keygen`, ALLOWED SIGNERS).

    `namespaces=`, `valid-after=` and `valid-before=` count, the two at the time `at` (now, if None) and in UTC
    where they name no zone. `revoked` is a KRL or a file of public keys. `InputError` if ssh-keygen is missing or
    one of the two files cannot be read.
    """
    for file in filter(None, (signers, revoked)):
        _must_be_readable(file)
    fits = _asked(["check-novalidate", "-n", NAMESPACE], manifest, signature)
    good = _GOOD.match(fits.stdout.decode("utf-8", "replace"))
    if fits.returncode or good is None:
        return SignatureCheck("bad", why=_reason(fits, "it is not a signature of this manifest"))
    key = {"key_type": good[1], "fingerprint": good[2]}
    if signers is None:
        return SignatureCheck("unknown", why="no allowed signers were named", **key)
    return _by_signers(manifest, signature, signers, revoked, at, key)


def _by_signers(
    manifest: bytes, signature: bytes, signers: Path, revoked: Path | None, at: datetime | None, key: dict[str, str]
) -> SignatureCheck:
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
            return SignatureCheck("known", name=name, **key)
        again = _asked(asked, manifest, signature) if barred else None
        if again is not None and not again.returncode:
            return SignatureCheck("revoked", why="the key is on the list of revoked keys", **key)
        why = f"the key is in the file of allowed signers, but not for the namespace {NAMESPACE} at that time"
    return SignatureCheck("unknown", why=why, **key)


def _must_be_readable(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{plain_text(str(file), 200)}: {error.strerror}.", "Name a file that can be read.") from None


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
        raise InputError(f"{PROGRAM} is not installed: no signature can be made or checked.", "Install OpenSSH 8.9 or newer.")
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


def _reason(done: subprocess.CompletedProcess[bytes], otherwise: str) -> str:
    """Why ssh-keygen refuses, in its own words."""
    lines = _last_lines(done.stderr)
    return lines[-1].rstrip(".") if lines else otherwise
