"""How many users each runtime carries: the bracket, what is unknown, the frontier, in a document and in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents.study import Subject
from kit.errors import NoResultError
from kit.judge.costs import Prices
from kit.judge.users import UsersFound, users_of
from kit.metrics.goodput import parse_slo
from kit.report.users_text import level_rows, users_lines
from tests.support.studies import replicated, study, subject, trial

SLO = parse_slo("ttft=300ms")
G = "goodput_share"


def level(entry: str, users: int, *shares: float, ttft: float = 50.0, rate: float = 100.0) -> Subject:
    """One level with these shares, a TTFT, and `rate` for all and each."""
    count = len(shares)
    figures = {G: shares, "throughput_tok_s": (rate * users,) * count, "decode_tok_s": (rate,) * count}
    return replicated(entry, users, figures | {"ttft_ms.p50": (ttft,) * count})


def found(*subjects: Subject, share: float = 0.95) -> UsersFound:
    return users_of(study(*subjects), SLO, share)


def test_the_answer_is_the_last_level_within_the_limits_and_the_first_beyond() -> None:
    """For each runtime, and who carries most."""
    made = found(
        level("a", 1, 1.0), level("a", 4, 0.97), level("a", 8, 0.7), level("b", 1, 0.99), level("b", 4, 0.2)
    )
    assert [(each.entry, each.users, each.missed) for each in made.entries] == [("a", 4, 8), ("b", 1, 4)]
    assert made.best == ("a",)
    assert users_lines(made) == (
        "Most users within ttft 300 ms for 95.0 % of requests: a with 4.",
        "- a: 4 users (97.0 %); not 8 (70.0 %).",
        "- b: 1 user (99.0 %); not 4 (20.0 %).",
        "How sure: median over one replicate a level; only levels of the plan; between 4 and 8 (a), 1 and 4 (b) "
        "nothing was measured; nothing is extrapolated.",
    )


def test_above_the_highest_level_nothing_is_known() -> None:
    """It is said, and never guessed."""
    made = found(level("a", 1, 1.0), level("a", 4, 1.0))
    assert (made.entries[0].users, made.entries[0].missed) == (4, None)
    assert users_lines(made)[:2] == (
        "Up to 4 users within ttft 300 ms for 95.0 % of requests: a.",
        "- a: 4 users (100.0 %); what is above, the highest measured level, is not known.",
    )


def test_one_that_keeps_nothing_carries_nobody() -> None:
    """And none is best."""
    made = found(level("a", 2, 0.5))
    assert made.best == ()
    assert users_lines(made)[0] == (
        "No runtime keeps even its smallest measured level within ttft 300 ms for 95.0 % of requests."
    )
    assert users_lines(made)[1] == "- a: not 2 users (50.0 %)."


def test_what_no_measured_level_tells_apart_is_not_ranked() -> None:
    """b was not measured where a ends; c was, and failed there."""
    made = found(
        level("a", 4, 1.0), level("a", 8, 0.1), level("b", 4, 1.0), level("b", 6, 0.1), level("c", 4, 0.1)
    )
    assert made.best == ("a", "b")
    assert "a with 4, not told apart from b by these levels." in users_lines(made)[0]


def test_a_level_that_is_kept_above_one_that_is_not_does_not_count() -> None:
    """It is named."""
    made = found(level("a", 1, 1.0), level("a", 4, 0.5), level("a", 8, 1.0))
    assert (made.entries[0].users, made.entries[0].missed, made.entries[0].again) == (1, 4, (8,))
    assert "8 above that did, which is not counted." in users_lines(made)[1]


def test_a_doubtful_level_ends_the_bracket_and_says_so() -> None:
    """It may carry more: nobody can tell."""
    suspect = replace(trial(1, **{G: 1.0}), suspect=("proven to 4 streams",))
    made = found(level("a", 4, 1.0), subject("a", 8, suspect))
    assert (made.entries[0].users, made.entries[0].missed) == (4, 8)
    assert users_lines(made)[1] == (
        "- a: 4 users (100.0 %); 8 is doubtful, so it may carry more (proven to 4 streams)."
    )


def test_a_level_without_all_its_replicates_is_not_kept() -> None:
    """Nor one without data on the limits."""
    lost = subject("a", 4, trial(1, **{G: 1.0}), trial(2, "failed"))
    made = found(level("a", 1, 1.0), lost)
    assert made.entries[0].missed == 4
    assert made.entries[0].levels[1].why == "ready: the server exited"
    unknown = found(subject("b", 1, throughput_tok_s=3.0))
    assert unknown.entries[0].levels[0].why == "no data on the limits"


def test_a_level_that_was_never_measured_says_nothing() -> None:
    """A run that is not at its end has planned levels that nobody tried."""
    made = found(level("a", 1, 1.0), level("a", 4, 0.4), subject("a", 2, trial(1, "missing")))
    assert (made.entries[0].users, made.entries[0].missed, len(made.entries[0].levels)) == (1, 4, 2)
    nothing = found(level("a", 1, 1.0), subject("b", 1, trial(1, "missing")))
    assert users_lines(nothing)[2] == "- b: nothing measured."
    with pytest.raises(NoResultError):
        found(subject("b", 1, trial(1, "missing")))


def test_the_median_replicate_decides_and_the_share_is_asked() -> None:
    """Unlike in a recommendation for a number of users, where it is the worst."""
    assert found(level("a", 4, 0.98, 0.5, 0.99)).entries[0].users == 4
    assert found(level("a", 4, 0.98, 0.5, 0.99), share=0.99).entries[0].users is None


def test_the_frontier_knows_ttft() -> None:
    """4 users at 50 ms are not dominated by 8 users at 414 ms; what is worse in all three is."""
    made = found(
        level("a", 4, 1.0, ttft=50.0, rate=10.0),
        level("a", 8, 1.0, ttft=414.0, rate=10.2),
        level("b", 4, 1.0, ttft=60.0, rate=9.0),
    )
    assert [[each.frontier for each in entry.levels] for entry in made.entries] == [[True, True], [False]]


def test_a_table_has_every_level_and_costs_where_prices_are_given() -> None:
    """Figures that do not count have no cost."""
    prices = Prices(per_hour=3.6)
    suspect = replace(trial(1, **{G: 1.0, "throughput_tok_s": 5.0}), suspect=("lag",))
    made = users_of(study(level("a", 1, 1.0), subject("a", 2, suspect)), SLO, 0.95, prices)
    headers, rows = level_rows(made, prices)
    assert headers[-4:] == ["output", "input", "Wh, output", "Wh, input"]
    assert rows[0][:3] == ["a", "1", "100.0 %"]
    assert rows[0][7:9] == ["10.0000", "–"]  # noqa: RUF001
    assert rows[1][2] == "100.0 % (doubtful)"
    assert set(rows[1][7:]) == {"–"}  # noqa: RUF001
    assert len(level_rows(made, None)[1][0]) == 7


def test_nothing_measured_is_no_answer() -> None:
    with pytest.raises(NoResultError):
        found()
