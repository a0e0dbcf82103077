"""SSH keys and files of allowed signers for tests, made by ssh-keygen itself."""

from __future__ import annotations

import subprocess
from pathlib import Path


def key_pair(folder: Path, name: str = "key", kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new private key; its public half lies beside it with `.pub`."""
    key = folder / name
    made = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", name, "-f", str(key)]
    subprocess.run(made, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return key


def public(key: Path) -> str:
    """The public half as a line: type and key, without the comment."""
    return " ".join(key.with_name(key.name + ".pub").read_text(encoding="utf-8").split()[:2])


def allowed(folder: Path, *lines: str) -> Path:
    """A file of allowed signers with these lines."""
    file = folder / "allowed_signers"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def raw_signature(key: Path, data: bytes, namespace: str) -> bytes:
    """A signature of any bytes in any namespace, as other tools make them."""
    asked = ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", namespace]
    return subprocess.run(asked, input=data, capture_output=True, check=True, timeout=60).stdout
