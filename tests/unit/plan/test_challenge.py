"""kit.plan.challenge: one nonce, one seed; and the rule that replays it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from kit.errors import InputError
from kit.plan.challenge import MAX_FILE_BYTES, challenge_seed, challenged, nonce_of
from kit.strict import plain
from kit.strict.schema import problems
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue
from kit.verify.rules_plan import plan_challenge
from tests.support.good_bundle import good_plan

NONCE = "00112233445566778899aabbccddeeff"
VECTOR = 143044244250634


def test_the_seed_is_the_documented_one() -> None:
    """A test vector of docs/publishing.md; anybody can compute it with sha256sum."""
    assert challenge_seed(NONCE) == int(sha256(f"kit-challenge-1/{NONCE}".encode()).hexdigest()[:12], 16)
    assert challenge_seed(NONCE) == VECTOR
    seeds = {challenge_seed(f"{number:032x}") for number in range(500)}
    assert len(seeds) == 500
    plans = (challenged(good_plan(), f"{number:032x}") for number in range(50))
    assert all(problems(plain(plan), "plan") == [] for plan in plans)


def test_a_plan_gets_nonce_and_seed_and_nothing_else_changes() -> None:
    """Without a nonce the plan stays as it is."""
    plan = good_plan()
    made = challenged(plan, NONCE)

    assert challenged(plan, None) == plan
    assert (made.challenge, made.seed) == (NONCE, challenge_seed(NONCE))
    assert replace(made, challenge=None, seed=plan.seed) == plan


@pytest.mark.parametrize(
    "data", [NONCE.encode(), f"  {NONCE}\n".encode(), NONCE.upper().encode() + b"\r\n", b"0" * 16, b"f" * 64]
)
def test_a_line_of_digits_is_a_nonce(data: bytes) -> None:
    """Space around it and capitals do not matter: the plan has one form of it."""
    assert nonce_of(data, "board") == data.decode().strip().lower()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0" * 15,
        b"0" * 65,
        b"0x" + b"0" * 16,
        b"\xff" * 32,
        f"{NONCE}\n{NONCE}\n".encode(),
        b" " * MAX_FILE_BYTES + b"0" * 32,
    ],
)
def test_anything_else_is_none(data: bytes) -> None:
    """The error names where it came from."""
    with pytest.raises(InputError, match="board is no challenge"):
        nonce_of(data, "board")


@pytest.mark.parametrize(
    ("challenge", "off", "wrong"), [(None, 1, 0), (NONCE, 0, 0), (NONCE, 1, 1), (NONCE, -1, 1)]
)
def test_the_rule_replays_the_seed(challenge: str | None, off: int, wrong: int) -> None:
    """Another seed is rejected; a plan without a challenge has nothing to check."""
    plan = replace(good_plan(), challenge=challenge, seed=challenge_seed(NONCE) + off)

    steps = list(plan_challenge.check(Evidence("run", {}, plan=plan)))

    assert len([step for step in steps if isinstance(step, Issue)]) == wrong
    assert sum(step for step in steps if isinstance(step, int)) == (challenge is not None)
