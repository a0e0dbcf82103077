"""A run that could not be made before: a board gives a nonce, and the seed of the run follows from it. Pure.

The seed decides every salt, length and order of prompts (kit.plan.schedule), so the records of a challenged run
were made after the nonce was known, or all of them were invented. It is

    the first 12 hexadecimal digits of SHA-256("kit-challenge-1/" + nonce)     (nonce: lower-case hexadecimal)
"""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256

from kit.documents import Plan
from kit.errors import InputError
from kit.text import plain_text

NAME = "kit-challenge-1"
SEED_DIGITS = 12  # hexadecimal; documents hold seeds up to 10**15
MAX_FILE_BYTES = 4096
NONCE = re.compile(r"[0-9a-f]{16,64}")


def challenge_seed(nonce: str) -> int:
    """The seed of a run with this nonce."""
    return int(sha256(f"{NAME}/{nonce}".encode("ascii")).hexdigest()[:SEED_DIGITS], 16)


def challenged(plan: Plan, nonce: str | None) -> Plan:
    """The plan with its seed from a nonce; as it is without one."""
    return plan if nonce is None else replace(plan, seed=challenge_seed(nonce), challenge=nonce)


def nonce_of(data: bytes, where: str) -> str:
    """The nonce in a board's file: one line of 16 to 64 hexadecimal digits. `InputError` names what it is not."""
    nonce = data[: MAX_FILE_BYTES + 1].decode("ascii", "replace").strip().lower()
    if len(data) > MAX_FILE_BYTES or not NONCE.fullmatch(nonce):
        raise InputError(
            f"{plain_text(where, 200)} is no challenge: it is not one line of 16 to 64 hexadecimal digits.",
            "Give the nonce of the board that is to receive the bundle, or its file or address.",
        )
    return nonce
