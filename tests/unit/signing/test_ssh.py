"""Signatures are made and checked by the real ssh-keygen, with keys made here. (Hardware keys cannot be tried.)"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.errors import InputError
from kit.signing import (
    MAX_SIGNATURE_BYTES,
    NAMESPACE,
    Outcome,
    Signer,
    check_signature,
    read_signature,
    sign,
    signature_beside,
    verified_signer,
)
from tests.support.keys import allowed, key_pair, public, raw_signature

MANIFEST = b'{\n "schema": "kit/manifest/1"\n}\n'


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return key_pair(tmp_path_factory.mktemp("keys"), "ann")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return key_pair(tmp_path_factory.mktemp("keys"), "bob")


@pytest.mark.parametrize(("kind", "said"), [("ed25519", "ED25519"), ("ecdsa", "ECDSA"), ("rsa", "RSA")])
def test_a_known_key_of_each_kind_is_named(tmp_path: Path, kind: str, said: str) -> None:
    """With its principal, its fingerprint as ssh-keygen prints it, and its type."""
    key = key_pair(tmp_path, kind=kind)
    signers = allowed(tmp_path, f"ann@example.org {public(key)}")

    signature = sign(MANIFEST, key)

    asked = ["ssh-keygen", "-lf", str(key) + ".pub"]
    printed = subprocess.run(asked, capture_output=True, check=True, text=True, timeout=60).stdout.split()[1]
    assert Signer("ann@example.org", printed, said) == verified_signer(MANIFEST, signature, signers)


def test_an_unknown_key_fits_but_is_nobodys(tmp_path: Path, key: Path, other: Path) -> None:
    """Its fingerprint is told, so that somebody can ask for it; no name is."""
    signature = sign(MANIFEST, key)

    for signers in (None, allowed(tmp_path, f"bob {public(other)}"), Path(os.devnull)):
        check = check_signature(MANIFEST, signature, signers)
        assert ("unknown", None, None) == (check.outcome, check.name, check.signer)
        assert re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", check.fingerprint or "")


def test_other_bytes_another_namespace_and_a_damaged_signature_are_bad(tmp_path: Path, key: Path) -> None:
    """A signature made for git or for mail does not pass as one of a bundle."""
    signers = allowed(tmp_path, f"ann {public(key)}")
    good = sign(MANIFEST, key)
    lines = good.splitlines(keepends=True)
    swapped = lines[3][:10] + bytes([lines[3][10] ^ 1]) + lines[3][11:]
    cases = {
        "other bytes": (MANIFEST + b"\n", good),
        "nothing signed": (b"", good),
        "another namespace": (MANIFEST, raw_signature(key, MANIFEST, "git")),
        "an empty file": (MANIFEST, b""),
        "cut off": (MANIFEST, good[:-60]),
        "one bit": (MANIFEST, b"".join([*lines[:3], swapped, *lines[4:]])),
        "far too long": (MANIFEST, b"\0" * 10 * MAX_SIGNATURE_BYTES),
    }

    outcomes = {name: check_signature(*case, signers).outcome for name, case in cases.items()}

    assert dict.fromkeys(cases, "bad") == outcomes
    assert "known" == check_signature(MANIFEST, good, signers).outcome


@pytest.mark.parametrize(
    ("options", "at", "outcome"),
    [
        (f'namespaces="{NAMESPACE}"', None, "known"),
        (f'namespaces="git,{NAMESPACE}"', None, "known"),
        ('namespaces="git"', None, "unknown"),
        ('valid-after="20260101",valid-before="20270101"', datetime(2026, 5, 1, tzinfo=UTC), "known"),
        ('valid-after="20260101",valid-before="20270101"', datetime(2025, 12, 31, 23, 59, tzinfo=UTC), "unknown"),
        ('valid-after="20260101",valid-before="20270101"', datetime(2027, 1, 1, 0, 1, tzinfo=UTC), "unknown"),
    ],
)
def test_namespaces_and_times_of_the_signers_file_count(
    tmp_path: Path, key: Path, options: str, at: datetime | None, outcome: Outcome
) -> None:
    """At the time that is asked about and in UTC, whatever clock and zone this machine has."""
    signers = allowed(tmp_path, f"ann {options} {public(key)}")

    check = check_signature(MANIFEST, sign(MANIFEST, key), signers, at=at)

    assert outcome == check.outcome
    assert (outcome == "known") == (check.why is None)


def test_the_zone_of_this_machine_moves_no_limit(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an hour before the limit in UTC is before it in Auckland too."""
    signers = allowed(tmp_path, f'ann valid-before="20270101" {public(key)}')
    signature = sign(MANIFEST, key)

    for zone in ("Pacific/Auckland", "America/Los_Angeles", "UTC"):
        monkeypatch.setenv("TZ", zone)
        at = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
        assert "known" == check_signature(MANIFEST, signature, signers, at=at).outcome


def test_a_revoked_key_is_told_from_an_unknown_one(tmp_path: Path, key: Path, other: Path) -> None:
    """By a plain list of keys and by a KRL; the other keys on a list harm nobody; a list that is none refuses."""
    signers = allowed(tmp_path, f"ann {public(key)}")
    signature = sign(MANIFEST, key)
    listed, harmless, krl, broken = (tmp_path / name for name in ("listed", "harmless", "krl", "broken"))
    listed.write_text(public(key) + "\n", encoding="utf-8")
    harmless.write_text(public(other) + "\n", encoding="utf-8")
    subprocess.run(["ssh-keygen", "-qkf", str(krl), str(key) + ".pub"], check=True, timeout=60, capture_output=True)
    broken.write_text("not a list\n", encoding="utf-8")

    found = {
        file.name: check_signature(MANIFEST, signature, signers, revoked=file).outcome
        for file in (listed, harmless, krl, broken)
    }

    assert {"listed": "revoked", "harmless": "known", "krl": "revoked", "broken": "revoked"} == found


def test_of_several_names_the_first_is_told_and_a_pattern_stays_one(tmp_path: Path, key: Path) -> None:
    """A signers file may give a key several names, and a name may be a pattern: then that is what is known."""
    signature = sign(MANIFEST, key)

    for names, told in (("ann,bob", "ann"), ("*@example.org", "*@example.org")):
        signer = verified_signer(MANIFEST, signature, allowed(tmp_path, f"{names} {public(key)}"))
        assert signer is not None
        assert told == signer.name


def test_a_key_in_an_agent_signs_with_its_public_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    """The private file is gone; the agent has it."""
    key = key_pair(tmp_path)
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    subprocess.run(["ssh-add", "-q", str(key)], check=True, timeout=60)
    signers = allowed(tmp_path, f"ann {public(key)}")
    key.unlink()

    signature = sign(MANIFEST, key.with_name("key.pub"))

    assert "known" == check_signature(MANIFEST, signature, signers).outcome


@pytest.fixture
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of a real ssh-agent, ended with the test."""
    socket = str(tmp_path_factory.mktemp("agent") / "s")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it prints where it listens once it does
    yield socket
    process.terminate()
    process.wait(10)
    process.stdout.close()


def test_a_key_that_cannot_be_used_is_one_line_and_a_remedy(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, no key, a locked one without anybody to ask, a public half without an agent."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    monkeypatch.setenv("SSH_ASKPASS", "/bin/false")
    locked = key_pair(tmp_path, "locked", passphrase="a long secret")
    nothing = tmp_path / "nothing"
    nothing.write_text("nothing\n", encoding="utf-8")

    for unusable in (tmp_path / "missing", nothing, locked, key.with_name("ann.pub"), tmp_path):
        if unusable == key.with_name("ann.pub"):
            unusable = tmp_path / "half.pub"
            unusable.write_bytes(key.with_name("ann.pub").read_bytes())
        with pytest.raises(InputError) as raised:
            sign(MANIFEST, unusable)
        assert str(unusable) in raised.value.what
        assert raised.value.remedy


def test_without_ssh_keygen_nothing_is_said_to_be_signed(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither made nor checked, and the remedy names the package."""
    signature = sign(MANIFEST, key)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(InputError, match=r"ssh-keygen is not installed.*OpenSSH"):
        sign(MANIFEST, key)
    with pytest.raises(InputError, match="ssh-keygen is not installed"):
        check_signature(MANIFEST, signature, None)


def test_files_that_cannot_be_read_are_errors_and_no_verdict(tmp_path: Path, key: Path) -> None:
    """A mistyped name of the signers or of the revoked keys must not read as "unknown" or "not revoked"."""
    signature, gone = sign(MANIFEST, key), tmp_path / "gone"
    signers = allowed(tmp_path, f"ann {public(key)}")

    with pytest.raises(InputError, match="gone"):
        check_signature(MANIFEST, signature, gone)
    with pytest.raises(InputError, match="gone"):
        check_signature(MANIFEST, signature, signers, revoked=gone)


def test_a_signature_file_is_read_whole_or_refused(tmp_path: Path, key: Path) -> None:
    """What is no SSH signature by size or head is not handed on."""
    bundle = tmp_path / "demo.tar.gz"
    file = signature_beside(bundle)
    assert "demo.tar.gz.sig" == file.name
    good = sign(MANIFEST, key)

    file.write_bytes(good)
    assert good == read_signature(file)

    for wrong in (b"", b"ssh-ed25519 AAAA", good + b" " * MAX_SIGNATURE_BYTES):
        file.write_bytes(wrong)
        with pytest.raises(InputError, match="is not an SSH signature"):
            read_signature(file)
    file.unlink()
    with pytest.raises(InputError, match="No such file"):
        read_signature(file)
