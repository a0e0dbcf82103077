"""The search for the largest number of users: a real one, and what a simulated one is made of."""

from __future__ import annotations

import random

import pytest

from benchmarks.users import DECIDED_BY, SCENARIOS, real, searched, servers, truth

pytestmark = pytest.mark.integration


@pytest.mark.alone
def test_a_real_endpoint_of_known_capacity_is_found_within_one_level() -> None:
    """The real load generator against the real endpoint; the search is replayed without a fault."""
    _, slots, found, right, loads, _, faults = real(0)
    assert right == "yes", (slots, found)
    assert isinstance(loads, int)
    assert loads <= 7
    assert faults == ""


def test_without_noise_every_rule_finds_the_truth_of_a_simulated_server() -> None:
    """So many requests that chance has no part: what a rule misses beyond that is noise."""
    for share in (0.95, 0.99):
        for server in servers((0.0, 0.0, 0.05, 20_000), share):
            for name, rule in DECIDED_BY.items():
                found, loads = searched(server, rule, share, 3, random.Random(1))
                assert abs(found - truth(server, share)) <= 1, name
                assert loads <= 9


def test_the_median_replicate_is_the_rightest_rule_of_noisy_windows() -> None:
    """The reason why it is the kit's: the worst of three promises far too little, a bound much too much."""
    rng, right = random.Random(2026), dict.fromkeys(DECIDED_BY, 0)
    for server in servers(SCENARIOS["noisy, short"], 0.95):
        for name, rule in DECIDED_BY.items():
            for _ in range(60):
                found, _ = searched(server, rule, 0.95, 3, rng)
                right[name] += abs(found - truth(server, 0.95)) <= 1
    assert max(right, key=lambda name: right[name]) in ("median", "pooled")
    assert right["median"] > 1.3 * right["worst replicate"]
