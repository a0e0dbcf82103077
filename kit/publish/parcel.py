"""A bundle about to leave: verified, with what its destination is told of it. All of it comes from the bundle."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath

from kit.collection.layout import IDENTITY_CHARS, place
from kit.errors import InputError
from kit.judge.machines import machine_text
from kit.judge.open import verified_study
from kit.publish.artifact import IDENTITY, PLAN, PLATFORM
from kit.signing import check_signature
from kit.storage.names import MANIFEST
from kit.storage.names import PLAN as PLAN_FILE
from kit.text import plain_text
from kit.verify.evidence import open_bundle


@dataclass(frozen=True, slots=True)
class Parcel:
    """An archive as it lies here, its signature if it has one, and facts. `label` stays at home."""

    archive: bytes
    signature: bytes | None
    signed_by: str | None
    identity: str
    label: str
    platform: str
    machine: str
    folder: PurePosixPath
    plan_sha256: str
    kit_version: str
    files: tuple[tuple[str, int], ...]

    @property
    def sha256(self) -> str:
        """The sha256 of the archive."""
        return sha256(self.archive).hexdigest()

    @property
    def short(self) -> str:
        """The identity as names have it."""
        return self.identity[:IDENTITY_CHARS]

    def annotations(self) -> dict[str, str]:
        """What a registry shows of it without opening it."""
        return {IDENTITY: self.identity, PLATFORM: self.platform, PLAN: self.plan_sha256}

    def message(self) -> str:
        """The message of a commit that adds it: facts, no verdict."""
        signed = f"SSH signature by the key {self.signed_by}" if self.signed_by else "not signed"
        return (
            f"Add results of {self.platform} on {plain_text(self.machine, 60)} ({self.short})\n\n"
            f"identity {self.identity}\n"
            f"archive sha256 {self.sha256}, {len(self.archive)} bytes\n"
            f"plan sha256 {self.plan_sha256}\n"
            f"made by kit {plain_text(self.kit_version, 40)}\n"
            f"{signed}\n"
        )


def make_parcel(archive: bytes, name: str, signature: bytes | None) -> Parcel:
    """The parcel of a bundle called `name`.

    `kit.judge.open.RefusedError` if verification rejects it, `InputError` if the signature is not of this bundle.
    """
    opened = verified_study(open_bundle(archive), name)
    study, plan, evidence = opened.study, opened.plan, opened.evidence
    if plan is None or evidence is None or evidence.identity is None or study.label is None:
        raise InputError(f"{name} is not a bundle.", "Pack a run first: kit bundle RUN")
    return Parcel(
        archive=archive,
        signature=signature,
        signed_by=_fingerprint(evidence.files[MANIFEST], signature, name) if signature else None,
        identity=evidence.identity,
        label=study.label,
        platform=plan.platform,
        machine=machine_text(study),
        folder=place(plan.platform, study.machine, evidence.identity),
        plan_sha256=sha256(evidence.files[PLAN_FILE]).hexdigest(),
        kit_version=plan.kit_version,
        files=tuple((path, len(data)) for path, data in sorted(evidence.files.items())),
    )


def _fingerprint(manifest: bytes, signature: bytes, name: str) -> str | None:
    found = check_signature(manifest, signature, None)
    if found.outcome == "bad":
        raise InputError(
            f"The signature is not of {name}: {plain_text(found.why or '', 200)}.",
            f"Sign it again: kit sign {name}",
        )
    return found.fingerprint
